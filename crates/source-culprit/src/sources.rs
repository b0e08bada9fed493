//! Where script texts come from: a live inspector, a recording, or plain files.

/// A script as V8 runs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// Its URL (`file:///srv/app.js`, `node:events`) or path.
    pub url: String,
    /// Its text as V8 has it.
    pub text: String,
    /// Its source map.
    pub source_map: Option<SourceMapRef>,
}

/// A source map, or where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SourceMapRef {
    /// The map's own JSON.
    Bytes(Vec<u8>),
    /// A `data:` URL, a path, or a name relative to the script.
    Url(String),
}

/// A script's number and URL, without its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScriptInfo {
    /// V8's number of the script.
    pub id: u32,
    /// Its URL or path.
    pub url: String,
}

/// Gives scripts and files. Implementations decide what may be read.
pub trait Sources {
    /// The script with V8's number `script_id`.
    fn script(&self, script_id: u32) -> Option<Script>;
    /// All scripts that V8 has loaded.
    fn scripts(&self) -> Vec<ScriptInfo>;
    /// A file that belongs to a script: its source map or an original source.
    fn read_file(&self, path_or_url: &str) -> Option<String>;
}
