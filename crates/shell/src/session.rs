//! A core that is asked again and again: what was found once is kept.

use std::cell::{Cell, OnceCell, RefCell};
use std::ops::ControlFlow;

use investigation::postmortem::Dead;
use postmortem::Heap;
use postmortem::answers::{Classes, find_objects, hex};
use postmortem::graph::NodeIds;
use postmortem::heap::Liveness;
use postmortem::heap::words::{small_integer, tag};
use postmortem::object::ClassNames;
use postmortem::stack::{CodeIndex, Frame, FrameKind, Stack, Walker, name_native_frames};

use crate::CommandError;

/// The heaps of a core, one for each isolate. They live beside the session, which borrows them.
pub fn heaps(dead: &Dead) -> Vec<Heap<'_>> {
    dead.isolates().iter().map(|isolate| dead.heap(isolate)).collect()
}

/// Is told what is being done before something takes long, and answers whether to go on.
pub type Tell<'h> = Box<dyn Fn(&str) -> ControlFlow<()> + 'h>;

/// One isolate.
pub(crate) struct Opened<'h, 'd> {
    pub(crate) heap: &'h Heap<'d>,
    names: OnceCell<ClassNames<'h, 'd>>,
    live: OnceCell<Liveness>,
    ids: OnceCell<NodeIds>,
    classes: [OnceCell<Classes>; 2],
    stack: OnceCell<Option<Stack>>,
    codes: OnceCell<CodeIndex>,
}

impl<'h, 'd> Opened<'h, 'd> {
    /// The names of its classes.
    pub(crate) fn names(&self) -> &ClassNames<'h, 'd> {
        self.names.get_or_init(|| ClassNames::new(self.heap))
    }

    /// What an object is: its class, or V8's own name for what no program sees.
    pub(crate) fn class_of(&self, object: u64) -> String {
        let internal = || self.heap.kind_of(object).map(|kind| self.heap.type_name(kind)).unwrap_or_default();
        self.names().of(object).unwrap_or_else(internal)
    }

    /// Its code.
    pub(crate) fn codes(&self) -> &CodeIndex {
        self.codes.get_or_init(|| CodeIndex::new(self.heap))
    }
}

/// A core and what is known of it.
pub struct Session<'h, 'd> {
    pub(crate) dead: &'d Dead,
    pub(crate) isolates: Vec<Opened<'h, 'd>>,
    tell: Tell<'h>,
    /// What `.` means: the last address that a command was of.
    pub(crate) dot: Cell<Option<u64>>,
    /// What `::findjsobjects -m` marked.
    pub(crate) marked: RefCell<Vec<u64>>,
    /// The frame that `frame select` chose.
    pub(crate) frame: Cell<usize>,
    /// What `v8 findjsinstances` listed last, and how many it has shown.
    pub(crate) page: RefCell<(String, usize)>,
}

impl<'h, 'd> Session<'h, 'd> {
    /// Over the heaps of [`heaps`]. Nothing is walked yet.
    pub fn new(dead: &'d Dead, heaps: &'h [Heap<'d>], tell: Tell<'h>) -> Self {
        let open = |heap| Opened {
            heap,
            names: OnceCell::new(),
            live: OnceCell::new(),
            ids: OnceCell::new(),
            classes: [OnceCell::new(), OnceCell::new()],
            stack: OnceCell::new(),
            codes: OnceCell::new(),
        };
        Self {
            dead,
            isolates: heaps.iter().map(open).collect(),
            tell,
            dot: Cell::new(None),
            marked: RefCell::default(),
            frame: Cell::new(0),
            page: RefCell::default(),
        }
    }

    /// Names of classes and properties that commands have come across so far, for completion.
    pub fn known_names(&self) -> Vec<String> {
        let classes = self.isolates.iter().flat_map(|opened| &opened.classes).filter_map(OnceCell::get);
        let rows = classes.flat_map(|classes| &classes.classes);
        let mut names: Vec<String> =
            rows.flat_map(|row| std::iter::once(&row.name).chain(&row.properties)).cloned().collect();
        names.sort_unstable();
        names.dedup();
        names
    }

    /// Says what is being done; an error if it should end.
    pub(crate) fn go_on(&self, step: &str) -> Result<(), CommandError> {
        match (self.tell)(step) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(CommandError::Interrupted),
        }
    }

    /// What can be reached in an isolate's heap.
    pub(crate) fn live<'s>(&self, opened: &'s Opened<'_, '_>) -> Result<&'s Liveness, CommandError> {
        if let Some(live) = opened.live.get() {
            return Ok(live);
        }
        self.go_on("walking the heap: which objects are alive")?;
        Ok(opened.live.get_or_init(|| Liveness::mark(opened.heap)))
    }

    /// The ids that an isolate's objects have in heap snapshots of this memory.
    fn ids<'s>(&self, opened: &'s Opened<'_, '_>) -> Result<&'s NodeIds, CommandError> {
        let live = self.live(opened)?;
        Ok(opened.ids.get_or_init(|| NodeIds::new(opened.heap, live)))
    }

    /// The id of an object in heap snapshots of this memory; none if it is garbage.
    pub(crate) fn id_of(&self, opened: &Opened<'_, '_>, object: u64) -> Result<Option<u32>, CommandError> {
        Ok(self.ids(opened)?.id_of(opened.heap, object))
    }

    /// The object that has an id in heap snapshots of this memory. The program's own isolate comes first: each has ids of
    /// its own.
    pub(crate) fn object_with(&self, id: u32) -> Result<u64, CommandError> {
        for opened in &self.isolates {
            let (live, ids) = (self.live(opened)?, self.ids(opened)?);
            self.go_on("looking for the id")?;
            if let Some(object) = ids.object_with(opened.heap, live, id) {
                return Ok(object);
            }
        }
        Err(CommandError::failed(format!(
            "no live object has the id @{id}; ids are those of `convert` and `snapshot` of this very memory, or V8's own"
        )))
    }

    /// The objects of an isolate: live ones, or all that the memory holds.
    pub(crate) fn objects<'s>(
        &self,
        opened: &'s Opened<'_, '_>,
        garbage: bool,
    ) -> Result<Box<dyn Iterator<Item = u64> + 's>, CommandError> {
        if garbage {
            self.go_on("walking the heap")?;
            return Ok(Box::new(opened.heap.objects()));
        }
        Ok(Box::new(self.live(opened)?.objects(opened.heap)))
    }

    /// The objects of an isolate by class and properties.
    pub(crate) fn classes<'s>(
        &self,
        opened: &'s Opened<'_, '_>,
        garbage: bool,
    ) -> Result<&'s Classes, CommandError> {
        let kept = &opened.classes[usize::from(garbage)];
        if let Some(classes) = kept.get() {
            return Ok(classes);
        }
        let live = if garbage { None } else { Some(self.live(opened)?) };
        let step = "sorting the objects by class and properties";
        self.go_on(step)?;
        let found = find_objects(opened.heap, opened.names(), live, &mut || (self.tell)(step));
        let found = found.ok_or(CommandError::Interrupted)?;
        Ok(kept.get_or_init(|| found))
    }

    /// The frames of an isolate's thread, those of C++ too; `None` if no thread is known to run it. The heap is not
    /// walked for them, only its code.
    pub(crate) fn stack<'s>(&self, opened: &'s Opened<'_, '_>) -> Option<&'s Stack> {
        let walk = || {
            let mut stack = Walker::new(opened.heap, self.dead.executable()).stack()?;
            investigation::postmortem::add_originals(opened.heap, &mut stack);
            name_native_frames(std::slice::from_mut(&mut stack), self.dead.memory());
            Some(stack)
        };
        opened.stack.get_or_init(walk).as_ref()
    }

    /// The frames of JavaScript alone.
    pub(crate) fn frames<'s>(&self, opened: &'s Opened<'_, '_>) -> Vec<&'s Frame> {
        let frames = self.stack(opened).map(|stack| stack.frames.as_slice()).unwrap_or_default();
        frames.iter().filter(|frame| frame.kind != FrameKind::Native).collect()
    }

    /// The object that a word points at, tagged or not, and the isolate that it is of.
    pub(crate) fn object(&self, word: u64) -> Result<(&Opened<'h, 'd>, u64), CommandError> {
        let object = word & !7;
        if let Some(opened) = self.isolates.iter().find(|opened| opened.heap.is_object(object)) {
            return Ok((opened, object));
        }
        let around = self.isolates.iter().find_map(|opened| opened.heap.object_around(object));
        Err(CommandError::failed(match (around, small_integer(word)) {
            (Some(start), _) => {
                format!("{}: no object starts there; it is inside of the one at {}", hex(word), hex(start))
            }
            (None, Some(number)) if word as u32 == 0 => {
                format!("{}: no object; as V8 keeps small integers, it is {number}", hex(word))
            }
            _ => format!("{}: there is no object; it is in no V8 page", hex(word)),
        }))
    }

    /// The isolate whose heap a word is of; for small integers the first.
    pub(crate) fn owner(&self, word: u64) -> Result<&Opened<'h, 'd>, CommandError> {
        match self.object(word) {
            Ok((opened, _)) => Ok(opened),
            Err(_) if word as u32 == 0 => Ok(self.main()),
            Err(error) => Err(error),
        }
    }

    /// The program's own isolate. A core that was opened has one.
    pub(crate) fn main(&self) -> &Opened<'h, 'd> {
        &self.isolates[0]
    }
}

/// What a word is in a list: the address without V8's tag, or the number as V8 keeps it.
pub(crate) fn plain(word: u64) -> u64 {
    if word & 1 == 1 { word & !3 } else { word }
}

/// The word that points at an object.
pub(crate) fn pointer(object: u64) -> u64 {
    tag(object)
}
