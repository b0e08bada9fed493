//! The scripts one question looks at: read and parsed at most once, within a limit.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use oxc_allocator::Allocator;
use rustc_hash::FxHashMap;

use crate::answer::Note;
use crate::locations::{is_library, package_of, to_file};
use crate::original::{Mapping, NoMapping};
use crate::parsed::{ParseFailure, Parsed};
use crate::sources::{Script, ScriptInfo, Sources};

/// Bytes that a search through other files may read, per question.
const SEARCH_BYTES: usize = 96 << 20;
/// Bytes that a search through other files may parse, per question.
const SEARCH_PARSE_BYTES: usize = 24 << 20;

/// Parsed scripts and the notes made on the way.
pub(crate) struct Workspace<'a> {
    allocator: &'a Allocator,
    pub(crate) sources: &'a dyn Sources,
    scripts: Vec<ScriptInfo>,
    texts: RefCell<FxHashMap<u32, Option<Rc<Script>>>>,
    parsed: RefCell<FxHashMap<u32, Option<Rc<Parsed<'a>>>>>,
    originals: RefCell<FxHashMap<String, Option<Rc<Parsed<'a>>>>>,
    read_left: Cell<usize>,
    parse_left: Cell<usize>,
    notes: RefCell<Vec<Note>>,
}

impl<'a> Workspace<'a> {
    pub(crate) fn new(allocator: &'a Allocator, sources: &'a dyn Sources) -> Self {
        Self {
            allocator,
            sources,
            scripts: sources.scripts(),
            texts: RefCell::default(),
            parsed: RefCell::default(),
            originals: RefCell::default(),
            read_left: Cell::new(SEARCH_BYTES),
            parse_left: Cell::new(SEARCH_PARSE_BYTES),
            notes: RefCell::default(),
        }
    }

    pub(crate) fn scripts(&self) -> &[ScriptInfo] {
        &self.scripts
    }

    pub(crate) fn note(&self, note: Note) {
        let mut notes = self.notes.borrow_mut();
        if !notes.contains(&note) {
            notes.push(note);
        }
    }

    pub(crate) fn take_notes(&self) -> Vec<Note> {
        self.notes.take()
    }

    /// The URL of a script, without reading its text if that can be avoided.
    pub(crate) fn url(&self, id: u32) -> Option<String> {
        let known = self.scripts.iter().find(|script| script.id == id).map(|script| script.url.clone());
        known.or_else(|| self.text(id).map(|script| script.url.clone()))
    }

    fn text(&self, id: u32) -> Option<Rc<Script>> {
        if let Some(known) = self.texts.borrow().get(&id) {
            return known.clone();
        }
        let script = self.sources.script(id).map(Rc::new);
        self.texts.borrow_mut().insert(id, script.clone());
        script
    }

    /// The parsed script, or a note that says why not.
    pub(crate) fn parsed(&self, id: u32) -> Option<Rc<Parsed<'a>>> {
        if let Some(known) = self.parsed.borrow().get(&id) {
            return known.clone();
        }
        let parsed = self.parse(id);
        self.parsed.borrow_mut().insert(id, parsed.clone());
        parsed
    }

    fn parse(&self, id: u32) -> Option<Rc<Parsed<'a>>> {
        let Some(script) = self.text(id) else {
            self.note(Note::SourceMissing { script_id: id });
            return None;
        };
        let file = to_file(&script.url);
        // A package is read, and reported upstream, as it was installed: its own maps are left aside.
        let loaded =
            if is_library(&script.url) { Err(NoMapping::None) } else { Mapping::load(&script, self.sources) };
        let mapping = match loaded {
            Ok(mapping) => Some(mapping),
            Err(NoMapping::None) => None,
            Err(NoMapping::Unreadable) => {
                self.note(Note::SourceMapUnreadable { file: file.clone() });
                None
            }
        };
        match Parsed::new(self.allocator, id, &script.url, &script.text, mapping) {
            Ok(parsed) => Some(Rc::new(parsed)),
            Err(ParseFailure::TooLarge) => {
                self.note(Note::TooLarge { file });
                None
            }
            Err(ParseFailure::Syntax) => {
                self.note(Note::CannotParse { file });
                None
            }
        }
    }

    /// An original source, parsed; the same text is parsed once.
    pub(crate) fn parse_original(&self, file: &str, text: &str) -> Option<Rc<Parsed<'a>>> {
        let known = self.originals.borrow().get(file).cloned();
        if let Some(known) = known {
            return known;
        }
        let parsed = Parsed::new(self.allocator, u32::MAX, file, text, None).ok().map(Rc::new);
        self.originals.borrow_mut().insert(file.to_owned(), parsed.clone());
        parsed
    }

    /// Scripts of the same origin as `near` (the application, or the same package) whose text has `word`,
    /// without `near` itself.
    pub(crate) fn related(&self, near: &str, word: &str) -> Vec<Rc<Parsed<'a>>> {
        let package = package_of(near);
        let wanted = |script: &ScriptInfo| {
            to_file(&script.url) != to_file(near)
                && is_library(&script.url) == is_library(near)
                && package_of(&script.url) == package
        };
        self.search(word, wanted)
    }

    /// Scripts of the application whose text has `word`.
    pub(crate) fn application(&self, word: &str) -> Vec<Rc<Parsed<'a>>> {
        self.search(word, |script| !is_library(&script.url))
    }

    fn search(&self, word: &str, wanted: impl Fn(&ScriptInfo) -> bool) -> Vec<Rc<Parsed<'a>>> {
        let mut found = Vec::new();
        for info in self.scripts.iter().filter(|script| !script.url.is_empty() && wanted(script)) {
            let fresh = !self.texts.borrow().contains_key(&info.id);
            let Some(script) = self.text(info.id) else { continue };
            if fresh && !spend(&self.read_left, script.text.len()) {
                self.note(Note::SearchLimited);
                break;
            }
            if !script.text.contains(word) {
                continue;
            }
            let unparsed = !self.parsed.borrow().contains_key(&info.id);
            if unparsed && !spend(&self.parse_left, script.text.len()) {
                self.note(Note::SearchLimited);
                continue;
            }
            found.extend(self.parsed(info.id));
        }
        found
    }
}

fn spend(budget: &Cell<usize>, amount: usize) -> bool {
    let fits = amount <= budget.get();
    if fits {
        budget.set(budget.get() - amount);
    }
    fits
}
