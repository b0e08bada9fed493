//! The sources of the watched program, as its engine has them.

use inspector::Script;
use serde::{Deserialize, Serialize};

use super::watch::Watched;

/// A script with its source text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptSource {
    /// The number that snapshots use in their locations.
    pub script_id: u32,
    /// `file:///...`, a path, `node:...`, or empty.
    pub url: String,
    /// The text that ran.
    pub source: String,
    /// What its `sourceMappingURL` comment says; empty when there is none.
    pub source_map_url: String,
    /// The line of the resource where the script starts, 0-based.
    pub start_line: u32,
    /// The column where it starts, 0-based.
    pub start_column: u32,
    /// Whether it is an ECMAScript module.
    pub is_module: bool,
}

/// Gives the scripts of the watched program.
pub trait ScriptSources {
    /// All scripts the engine has told of.
    fn scripts(&mut self) -> Vec<Script>;

    /// The sources of those scripts; one that cannot be had is left out.
    fn script_sources(&mut self, script_ids: &[u32]) -> Vec<ScriptSource>;
}

impl ScriptSources for Watched {
    fn scripts(&mut self) -> Vec<Script> {
        // Off until somebody wants them: while it is on, V8 gives the program four times its heap limit and tells
        // nobody else when memory runs out. A program that has ended reports no more than it has.
        let _ = self.session.enable_debugger();
        self.session.scripts().to_vec()
    }

    fn script_sources(&mut self, script_ids: &[u32]) -> Vec<ScriptSource> {
        let wanted: Vec<Script> =
            self.session.scripts().iter().filter(|s| script_ids.contains(&s.script_id)).cloned().collect();
        wanted
            .into_iter()
            .filter_map(|script| {
                let asked = self.session.script_source(script.script_id).ok();
                let source = asked.or_else(|| from_file(&script.url))?;
                Some(ScriptSource {
                    script_id: script.script_id,
                    url: script.url,
                    source,
                    source_map_url: script.source_map_url,
                    start_line: script.start_line,
                    start_column: script.start_column,
                    is_module: script.is_module,
                })
            })
            .collect()
    }
}

/// A program that has ended gives no sources any more; Node compiles files as they are.
fn from_file(url: &str) -> Option<String> {
    let path = url.strip_prefix("file://").unwrap_or(url);
    if !path.starts_with('/') {
        return None;
    }
    std::fs::read_to_string(decode_percent(path)?).ok()
}

fn decode_percent(path: &str) -> Option<String> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_urls_are_percent_decoded() {
        assert_eq!(decode_percent("/a%20b/%C3%BC.js").as_deref(), Some("/a b/ü.js"));
        assert_eq!(decode_percent("/a%2"), None);
        assert_eq!(from_file("node:internal/x"), None);
    }
}
