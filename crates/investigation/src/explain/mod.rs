//! The talk's words and V8's memory flags, with the numbers of a node binary.

mod notes;
mod probe;
mod terms;

use serde::Serialize;

pub use probe::{NodeNumbers, V8Flag, v8_flags};
pub(crate) use probe::{max_semi_space, version};

/// Presence and default of V8's memory flags by version.
const FLAGS: &str = include_str!("flags.tsv");
/// Words that are suggested for one that is not known.
const SUGGESTIONS: usize = 4;

/// What a word or flag means.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Explanation {
    /// A word.
    Term {
        /// It.
        term: String,
        /// What it means.
        text: String,
        /// The number that belongs to it, and its value in this node right after the start, in bytes.
        number: Option<(String, f64)>,
    },
    /// A flag.
    Flag {
        /// Its name, with dashes and without those before it.
        flag: String,
        /// What is worth knowing of it.
        text: Option<String>,
        /// Its default by major version of Node.js; `None` where it does not exist. Empty if it is no flag of memory.
        versions: Vec<(String, Option<String>)>,
        /// What this node says of it; `None` if this node does not have it, or could not be asked.
        here: Option<V8Flag>,
    },
}

/// An explanation, and the node whose numbers are in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explained {
    /// The explanation.
    #[serde(flatten)]
    pub explanation: Explanation,
    /// The node that was asked; `None` if there is none.
    pub node: Option<NodeNumbers>,
}

/// Nobody knows the word.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{word:?} is neither a word nor a flag known here; nearest: {}", .suggestions.join(", "))]
pub struct UnknownWord {
    /// The word.
    pub word: String,
    /// Words like it.
    pub suggestions: Vec<String>,
}

/// Whether V8 has or had a flag of memory with this name (normal form), in whichever version.
pub(crate) fn is_memory_flag(name: &str) -> bool {
    rows().any(|(known, _)| known == name)
}

/// What is worth knowing of a flag (normal form), with what to use where it is gone.
pub(crate) fn note(name: &str) -> Option<&'static str> {
    notes::NOTES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// Small letters, dashes between words, none before them.
pub(crate) fn normal(word: &str) -> String {
    let word = word.trim().trim_start_matches(['-', '_']).to_lowercase();
    let name = word.split('=').next().unwrap_or_default();
    name.split(['-', '_', ' ']).filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

/// Explains a word or flag, with the numbers of `node`.
///
/// # Errors
/// If it is not known; with the words most like it.
pub fn explain(word: &str, node: &str) -> Result<Explained, UnknownWord> {
    let wanted = normal(word);
    let is = |name: &str| normal(name) == wanted;
    let written_as_flag = word.trim_start().starts_with("--");
    let term = terms::TERMS.iter().find(|term| is(term.word) || term.aliases.iter().any(|alias| is(alias)));
    let numbers = probe::numbers(node);
    if let Some(term) = term.filter(|_| !written_as_flag) {
        let value = |name: &str| Some((name.to_owned(), *numbers.as_ref()?.numbers.get(name)?));
        let explanation = Explanation::Term {
            term: term.word.to_owned(),
            text: term.text.to_owned(),
            number: term.number.and_then(value),
        };
        return Ok(Explained { explanation, node: numbers });
    }
    let here = probe::v8_flags(node).unwrap_or_default();
    let negated = wanted.strip_prefix("no-").unwrap_or(&wanted);
    let row = rows().find(|(name, _)| *name == wanted || *name == negated);
    let own = here.iter().find(|flag| flag.name == wanted || flag.name == negated).cloned();
    if row.is_none() && own.is_none() {
        return Err(UnknownWord { suggestions: nearest(&wanted, &here), word: word.to_owned() });
    }
    let flag =
        own.as_ref().map(|flag| flag.name.clone()).or(row.as_ref().map(|(name, _)| (*name).to_owned()));
    let flag = flag.unwrap_or_default();
    let explanation = Explanation::Flag {
        text: note(&flag).map(str::to_owned),
        versions: row.map(|(_, versions)| versions).unwrap_or_default(),
        here: own,
        flag,
    };
    Ok(Explained { explanation, node: numbers })
}

/// The table: each flag with its default by version.
fn rows() -> impl Iterator<Item = (&'static str, Vec<(String, Option<String>)>)> {
    let mut lines = FLAGS.lines().filter(|line| !line.starts_with('#'));
    let versions: Vec<&str> = lines.next().unwrap_or_default().split('\t').skip(1).collect();
    lines.map(move |line| {
        let mut cells = line.split('\t');
        let name = cells.next().unwrap_or_default();
        let defaults = cells.map(|cell| (cell != "-").then(|| cell.to_owned()));
        (name, versions.iter().map(ToString::to_string).zip(defaults).collect())
    })
}

fn nearest(wanted: &str, here: &[V8Flag]) -> Vec<String> {
    let terms =
        terms::TERMS.iter().flat_map(|term| [term.word].into_iter().chain(term.aliases.iter().copied()));
    let mut words: Vec<String> = terms.map(str::to_owned).collect();
    words.extend(rows().map(|(name, _)| format!("--{name}")));
    words.extend(here.iter().map(|flag| format!("--{}", flag.name)));
    words.sort();
    words.dedup();
    words.sort_by_cached_key(|word| {
        let name = normal(word);
        // A part of a name is nearer than any misspelling of another.
        let part = wanted.len() > 2 && name.contains(wanted);
        (!part, distance(&name, wanted))
    });
    words.truncate(SUGGESTIONS);
    words
}

/// How many letters have to be added, left out or replaced.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// No node: what is known without one.
    fn offline(word: &str) -> Result<Explained, UnknownWord> {
        explain(word, "/no/such/node")
    }

    #[test]
    fn flags_are_taken_however_they_are_written() {
        let spellings = [
            "--max_semi_space_size",
            "max-semi-space-size",
            "--max-semi_space-size=64",
            "MAX-SEMI-SPACE-SIZE",
        ];
        for spelling in spellings {
            let Explanation::Flag { flag, versions, .. } = offline(spelling).unwrap().explanation else {
                panic!("{spelling} is a flag")
            };
            assert_eq!((flag.as_str(), versions.len()), ("max-semi-space-size", 7));
        }
    }

    #[test]
    fn the_talks_flag_is_gone_and_its_successor_is_named() {
        let explained = offline("--experimental-new-space-growth-heuristic").unwrap();
        let Explanation::Flag { text, versions, .. } = explained.explanation else { panic!("a flag") };
        assert_eq!(versions[0], ("12".to_owned(), Some("false".to_owned())));
        assert!(versions[1..].iter().all(|(_, default)| default.is_none()));
        assert!(text.unwrap().contains("--min-semi-space-size"));
    }

    #[test]
    fn unknown_words_have_neighbours() {
        assert!(offline("retaned size").unwrap_err().suggestions.contains(&"retained size".to_owned()));
        assert!(
            offline("--semi-space").unwrap_err().suggestions.iter().any(|word| word.contains("semi-space"))
        );
    }

    #[test]
    fn every_note_is_about_a_flag_in_the_table_or_of_this_node() {
        let known: Vec<&str> = rows().map(|(name, _)| name).collect();
        notes::NOTES.iter().for_each(|(name, _)| assert!(known.contains(name), "{name}"));
    }
}
