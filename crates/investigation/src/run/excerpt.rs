//! The lines of source around the places that a report names, read when it is made.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::{CodePlace, ExcerptLine, ProgramFiles, RunReport};

/// Lines before and after the one that is meant.
const AROUND: usize = 4;
/// A longer line is cut; code that was minified is one line.
const LONGEST_LINE: usize = 200;
const LARGEST_FILE: u64 = 8 << 20;

/// Adds excerpts to all places of a report. `folder` is where the program was started; ours, if `None`.
pub(super) fn add(report: &mut RunReport, folder: Option<&Path>) {
    let mut texts: BTreeMap<PathBuf, Option<String>> = BTreeMap::new();
    // As the process sees its files; one that has ended saw ours, as far as anybody can tell now.
    let files = ProgramFiles::of(report.watched.as_ref().map_or(0, |process| process.pid));
    let of_isolates = report.isolates.iter_mut().flat_map(|isolate| &mut isolate.suspects);
    let places = report.suspects.iter_mut().chain(of_isolates).flat_map(|suspect| {
        let own =
            [&mut suspect.owner, &mut suspect.added_at, &mut suspect.app_owner, &mut suspect.app_statement];
        own.into_iter().flatten()
    });
    for place in places {
        let file = PathBuf::from(source_culprit::to_file(&place.file));
        let path = folder.map_or_else(|| file.clone(), |folder| folder.join(&file));
        let text = texts.entry(path).or_insert_with_key(|path| files.read(path, LARGEST_FILE));
        place.excerpt = text.as_deref().map(|text| around(text, place)).unwrap_or_default();
    }
}

/// Empty unless the line says what the place says: a program may give its scripts any name, also that of a
/// file which is none of its sources, and a source may have been changed since.
fn around(text: &str, place: &CodePlace) -> Vec<ExcerptLine> {
    let lines: Vec<&str> = text.lines().collect();
    let Some(at) = (place.line as usize).checked_sub(1).filter(|&at| at < lines.len()) else {
        return Vec::new();
    };
    if !says(&lines[at..lines.len().min(at + 3)], place) {
        return Vec::new();
    }
    let first = at.saturating_sub(AROUND);
    let shown = &lines[first..lines.len().min(at + AROUND + 1)];
    // What all lines are indented by only takes room.
    let indent = |line: &&&str| line.len() - line.trim_start_matches([' ', '\t']).len();
    let common =
        shown.iter().filter(|line| !line.trim().is_empty()).map(|line| indent(&line)).min().unwrap_or(0);
    let numbered = shown.iter().zip(first..);
    numbered
        .map(|(line, index)| ExcerptLine {
            line: u32::try_from(index + 1).unwrap_or(u32::MAX),
            text: line.get(common..).unwrap_or_default().chars().take(LONGEST_LINE).collect(),
            mark: index == at,
        })
        .collect()
}

fn says(lines: &[&str], place: &CodePlace) -> bool {
    let squeezed = |text: &str| text.chars().filter(|c| !c.is_whitespace()).collect::<String>();
    let there = squeezed(&lines.concat());
    let statement = place.text.as_deref().map(|text| squeezed(text).chars().take(8).collect::<String>());
    let is_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    let name =
        place.symbol.as_deref().and_then(|symbol| symbol.rsplit(|c| !is_name(c)).find(|s| !s.is_empty()));
    statement.is_some_and(|statement| !statement.is_empty() && there.contains(&statement))
        || name.is_some_and(|name| there.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(line: u32, symbol: Option<&str>, text: Option<&str>) -> CodePlace {
        let text = text.map(str::to_owned);
        CodePlace { file: "a.js".into(), line, symbol: symbol.map(str::to_owned), text, excerpt: Vec::new() }
    }

    const SOURCE: &str = "'use strict'\n{\n  {\n    const log = []\n    log.push( 1 )\n\n  }\n}\n";

    #[test]
    fn the_lines_around_are_numbered_and_moved_left() {
        let found = around(SOURCE, &place(5, None, Some("log.push(1)")));
        assert_eq!(found.len(), 8);
        assert_eq!((found[4].line, found[4].mark, found[4].text.trim()), (5, true, "log.push( 1 )"));
        assert_eq!(found.iter().filter(|line| line.mark).count(), 1);
        let inner = around("    a\n      b\n", &place(1, Some("exports.a"), None));
        assert_eq!((inner[0].text.as_str(), inner[1].text.as_str()), ("a", "  b"));
    }

    #[test]
    fn a_file_that_says_something_else_is_not_shown() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1\n";
        assert!(around(passwd, &place(1, Some("cache"), Some("cache.push(row)"))).is_empty());
        assert!(around(passwd, &place(1, None, None)).is_empty());
        assert!(around(SOURCE, &place(99, Some("log"), None)).is_empty());
        assert!(around(SOURCE, &place(0, Some("log"), None)).is_empty());
        assert!(around("", &place(1, Some(""), Some(""))).is_empty());
    }
}
