//! Positions of the code that runs, told in the source that people wrote, through a source map.

use std::path::Path;

use sourcemap::{DecodedMap, SourceMap};

use crate::lines::Lines;
use crate::locations::{join, to_file};
use crate::sources::{Script, SourceMapRef, Sources};

/// A position in an original source.
#[derive(Debug, Clone)]
pub struct Original {
    /// Absolute path when it can be told, else the map's own name.
    pub file: String,
    /// 0-based.
    pub line: u32,
    /// 0-based.
    pub column: u32,
    /// The name the map gives for this token.
    pub name: Option<String>,
    /// The original source's text.
    pub text: Option<String>,
}

/// A script's source map and where its files are.
pub struct Mapping {
    map: SourceMap,
    base: String,
}

impl std::fmt::Debug for Mapping {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mapping").field("base", &self.base).finish_non_exhaustive()
    }
}

/// Why there is no mapping.
#[derive(Debug)]
pub enum NoMapping {
    /// The script names none.
    None,
    /// It names one that cannot be read.
    Unreadable,
}

impl Mapping {
    /// Loads the map that `script` names, or that its last lines name.
    ///
    /// # Errors
    /// When it names none, or one that cannot be read.
    pub fn load(script: &Script, sources: &dyn Sources) -> Result<Self, NoMapping> {
        let named = match &script.source_map {
            Some(SourceMapRef::Bytes(bytes)) => return Self::decode(bytes, script.url.clone()),
            Some(SourceMapRef::Url(url)) if !url.is_empty() => url.clone(),
            _ => named_in_text(&script.text).ok_or(NoMapping::None)?,
        };
        if named.starts_with("data:") {
            let decoded = sourcemap::decode_data_url(&named).map_err(|_| NoMapping::Unreadable)?;
            return Ok(Self { map: flatten(decoded)?, base: script.url.clone() });
        }
        let file = join(&script.url, &named);
        let text = sources.read_file(&file).ok_or(NoMapping::Unreadable)?;
        Self::decode(text.as_bytes(), file)
    }

    fn decode(bytes: &[u8], base: String) -> Result<Self, NoMapping> {
        let decoded = sourcemap::decode_slice(bytes).map_err(|_| NoMapping::Unreadable)?;
        Ok(Self { map: flatten(decoded)?, base })
    }

    /// The original of a generated position, line and column from 0.
    #[must_use]
    pub fn original(&self, line: u32, column: u32, sources: &dyn Sources) -> Option<Original> {
        let token = self.map.lookup_token(line, column)?;
        // A token of an earlier line says nothing about this one.
        if !token.has_source() || token.get_dst_line() != line {
            return None;
        }
        let source = token.get_source()?;
        let file = self.file_of(source);
        let text = self
            .map
            .get_source_contents(token.get_src_id())
            .map(str::to_owned)
            .or_else(|| sources.read_file(&file));
        Some(Original {
            file,
            line: token.get_src_line(),
            column: token.get_src_col(),
            name: token.get_name().map(str::to_owned),
            text,
        })
    }

    fn file_of(&self, source: &str) -> String {
        let source = source.strip_prefix("webpack://").map_or(source, |rest| {
            // webpack://name/./src/a.ts: the folder is that of the bundle's project, which only the name tells.
            rest.split_once('/').map_or(rest, |(_, path)| path)
        });
        if Path::new(source).is_absolute() || source.contains("://") {
            return to_file(source);
        }
        join(&self.base, source)
    }
}

impl Original {
    /// The identifier that stands at this position in the original text.
    pub(crate) fn identifier(&self) -> Option<String> {
        let text = self.text.as_deref()?;
        let lines = Lines::new(text);
        let start = lines.offset(text, self.line, self.column)? as usize;
        let word: String = text[start..]
            .chars()
            .enumerate()
            .take_while(|(at, c)| c.is_alphanumeric() || matches!(c, '_' | '$') || (*at == 0 && *c == '#'))
            .map(|(_, c)| c)
            .collect();
        let starts_well = word.chars().next().is_some_and(|c| !c.is_numeric());
        starts_well.then_some(word)
    }
}

fn flatten(decoded: DecodedMap) -> Result<SourceMap, NoMapping> {
    match decoded {
        DecodedMap::Regular(map) => Ok(map),
        DecodedMap::Index(index) => index.flatten().map_err(|_| NoMapping::Unreadable),
        DecodedMap::Hermes(_) => Err(NoMapping::Unreadable),
    }
}

/// The `sourceMappingURL` comment among a text's last lines.
fn named_in_text(text: &str) -> Option<String> {
    let at = text.rfind("//# sourceMappingURL=").or_else(|| text.rfind("//@ sourceMappingURL="))?;
    let rest = &text[at + "//# sourceMappingURL=".len()..];
    let mut lines = rest.lines();
    let url = lines.next()?.trim();
    // The comment counts only when nothing but comments and blank lines follow.
    let last = lines.all(|line| line.trim().is_empty() || line.trim_start().starts_with("//"));
    (last && !url.is_empty() && !url.contains(char::is_whitespace)).then(|| url.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_only_a_trailing_comment() {
        assert_eq!(named_in_text("a()\n//# sourceMappingURL=a.js.map\n"), Some("a.js.map".into()));
        assert_eq!(named_in_text("x = '//# sourceMappingURL=a.js.map';\nb()"), None);
        assert_eq!(named_in_text("a()"), None);
    }
}
