//! The `Debugger` domain: which scripts there are, and their sources.

use std::io::{Read, Write};

use serde::Deserialize;
use serde_json::json;

use crate::{InspectorError, Session, session::decode};

/// A script the target has parsed, as `Debugger.scriptParsed` tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// The number that snapshots use in their locations.
    pub script_id: u32,
    /// `file:///...`, a path (CommonJS on old versions), `node:...`, or empty for evaluated code.
    pub url: String,
    /// What the script's `sourceMappingURL` comment says: a URL, a `data:` URL, or empty.
    pub source_map_url: String,
    /// Whether it is an ECMAScript module.
    pub is_module: bool,
    /// The line of the resource where the script starts, 0-based.
    pub start_line: u32,
    /// The column where it starts, 0-based.
    pub start_column: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ScriptParsed {
    script_id: String,
    #[serde(default)]
    url: String,
    #[serde(rename = "sourceMapURL", default)]
    source_map_url: String,
    #[serde(default)]
    is_module: bool,
    #[serde(default)]
    start_line: u32,
    #[serde(default)]
    start_column: u32,
}

/// `None` for a script whose id is not a number: no snapshot can refer to it.
pub(crate) fn parse_script(params: &str) -> Result<Option<Script>, InspectorError> {
    let parsed: ScriptParsed = decode(params, "Debugger.scriptParsed")?;
    Ok(parsed.script_id.parse().ok().map(|script_id| Script {
        script_id,
        url: parsed.url,
        source_map_url: parsed.source_map_url,
        is_module: parsed.is_module,
        start_line: parsed.start_line,
        start_column: parsed.start_column,
    }))
}

impl<S: Read + Write> Session<S> {
    /// Switches the debugger on so that scripts are reported, those already there included; never pauses.
    ///
    /// # Errors
    /// When the target refuses or is gone.
    pub fn enable_debugger(&mut self) -> Result<(), InspectorError> {
        // All of them are reported once more; if the target is gone, those known already stay.
        let known = std::mem::take(&mut self.scripts);
        if let Err(error) = self.call::<serde_json::Value>("Debugger.enable", json!({})) {
            self.scripts = known;
            return Err(error);
        }
        self.call::<serde_json::Value>("Debugger.setSkipAllPauses", json!({ "skip": true })).map(drop)
    }

    /// Switches the debugger off again. Scripts that were reported are still known, but their sources cannot
    /// be asked for until it is on again.
    ///
    /// # Errors
    /// When the target refuses or is gone.
    pub fn disable_debugger(&mut self) -> Result<(), InspectorError> {
        self.call::<serde_json::Value>("Debugger.disable", json!({})).map(drop)
    }

    /// The scripts reported so far.
    #[must_use]
    pub fn scripts(&self) -> &[Script] {
        &self.scripts
    }

    /// The source text of a script.
    ///
    /// # Errors
    /// When the script is not there (any more) or the target is gone.
    pub fn script_source(&mut self, script_id: u32) -> Result<String, InspectorError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Source {
            script_source: String,
        }
        let params = json!({ "scriptId": script_id.to_string() });
        let source: Source = self.call("Debugger.getScriptSource", params)?;
        Ok(source.script_source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_read_by_names() {
        let script = parse_script(
            r#"{"scriptId":"71","url":"file:///a/b.js","startLine":0,"startColumn":62,"endLine":9,
                "executionContextId":1,"hash":"x","isModule":true,"sourceMapURL":"b.js.map"}"#,
        )
        .unwrap()
        .unwrap();
        assert_eq!((script.script_id, script.start_column, script.is_module), (71, 62, true));
        assert_eq!(script.source_map_url, "b.js.map");
    }

    #[test]
    fn a_script_without_a_number_is_passed_over() {
        assert_eq!(parse_script(r#"{"scriptId":"x"}"#).unwrap(), None);
        assert!(parse_script("{}").is_err());
    }
}
