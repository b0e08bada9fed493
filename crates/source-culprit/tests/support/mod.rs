//! Programs made of texts, and evidence as a snapshot of them would give it.
#![allow(dead_code, unreachable_pub, reason = "each test file uses its part")]

use source_culprit::{
    CollectionKind, Culprit, Evidence, FunctionPosition, Growing, Hop, Script, ScriptInfo, SourceMapRef,
    Sources, locate,
};

/// A program: scripts in the order of their numbers (from 1), and further files.
#[derive(Default)]
pub struct Program {
    pub scripts: Vec<Script>,
    pub files: Vec<(String, String)>,
}

impl Sources for Program {
    fn script(&self, script_id: u32) -> Option<Script> {
        self.scripts.get(script_id.checked_sub(1)? as usize).cloned()
    }
    fn scripts(&self) -> Vec<ScriptInfo> {
        let with_ids = self.scripts.iter().zip(1..);
        with_ids.map(|(script, id)| ScriptInfo { id, url: script.url.clone() }).collect()
    }
    fn read_file(&self, path_or_url: &str) -> Option<String> {
        self.files.iter().find(|(path, _)| path == path_or_url).map(|(_, text)| text.clone())
    }
}

impl Program {
    /// Scripts under `/srv/app/`.
    pub fn new(files: &[(&str, &str)]) -> Self {
        let script = |(name, text): &(&str, &str)| Script {
            url: format!("file:///srv/app/{name}"),
            text: (*text).to_owned(),
            source_map: None,
        };
        Self { scripts: files.iter().map(script).collect(), files: Vec::new() }
    }

    pub fn with_map(mut self, script: usize, map: SourceMapRef) -> Self {
        self.scripts[script - 1].source_map = Some(map);
        self
    }

    /// V8's position of the function whose text begins with `marker`, in script `id`.
    pub fn function(&self, id: u32, marker: &str) -> FunctionPosition {
        let text = &self.scripts[id as usize - 1].text;
        let start = text.find(marker).unwrap_or_else(|| panic!("no {marker:?} in script {id}"));
        let is_arrow = marker.starts_with('(') || marker.starts_with("async (") || marker.contains("=>");
        let offset = if is_arrow || marker.starts_with("class ") {
            start
        } else {
            start + text[start..].find('(').expect("a parameter list")
        };
        let before = &text[..offset];
        let line = before.matches('\n').count();
        let column = before.rsplit('\n').next().unwrap_or("").encode_utf16().count();
        FunctionPosition { script_id: id, line: line as u32, column: column as u32 }
    }

    pub fn slot(&self, id: u32, name: &str, closure: &str) -> Hop {
        Hop::ContextSlot {
            name: name.to_owned(),
            closures: vec![self.function(id, closure)],
            activations: Vec::new(),
            nested: Vec::new(),
        }
    }

    pub fn field(&self, name: &str, class: &str, at: Option<(u32, &str)>) -> Hop {
        Hop::Property {
            name: name.to_owned(),
            holder_class: class.to_owned(),
            constructor: at.map(|(id, marker)| self.function(id, marker)),
        }
    }

    pub fn locate(&self, kind: CollectionKind, chain: Vec<Hop>) -> Culprit {
        locate(&evidence(kind, chain), self)
    }
}

pub fn plain(name: &str) -> Hop {
    Hop::Property { name: name.to_owned(), holder_class: "Object".to_owned(), constructor: None }
}

pub fn evidence(kind: CollectionKind, chain: Vec<Hop>) -> Evidence {
    Evidence { kind, class_name: format!("{kind:?}"), constructor: None, chain, growing: Growing::default() }
}

/// `file:line symbol` of the owner, with the file relative to the program.
pub fn owner(culprit: &Culprit) -> String {
    culprit.owner.as_ref().map_or("none".to_owned(), |place| {
        format!("{}:{} {}", place.file.trim_start_matches("/srv/app/"), place.line, place.symbol)
    })
}

/// `file:line text` of the statement.
pub fn added(culprit: &Culprit) -> String {
    culprit.added_at.as_ref().map_or("none".to_owned(), |statement| {
        format!("{}:{} {}", statement.file.trim_start_matches("/srv/app/"), statement.line, statement.text)
    })
}
