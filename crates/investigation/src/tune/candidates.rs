//! What is tried: settings of V8's memory, as rows of data.

use serde::Serialize;

use super::flag::Flag;
use crate::explain::{self, V8Flag};

/// A setting to compare with the program as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Candidate {
    /// A short name, for `--only`.
    pub name: String,
    /// The flags.
    pub flags: Vec<Flag>,
    /// What they are meant to do.
    pub purpose: String,
    /// Whether V8 heeds them also after the process has started.
    #[serde(skip)]
    pub(super) heeded_late: bool,
}

/// A setting that is not tried.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Its name.
    pub name: String,
    /// Its flags.
    pub flags: Vec<Flag>,
    /// Why.
    pub reason: String,
}

/// What must be known of a program and its node before its candidates are.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Facts {
    /// All flags of its V8.
    pub(super) flags: Vec<V8Flag>,
    /// The version of Node.js, for people.
    pub(super) version: String,
    /// The largest semi-space that its V8 would use by itself, MiB.
    pub(super) semi_space: Option<u64>,
    /// What the program's heap holds after a full collection, MiB.
    pub(super) held: u64,
    /// The limit of its heap, MiB.
    pub(super) heap_limit: Option<u64>,
}

struct Row {
    name: &'static str,
    flags: &'static [&'static str],
    purpose: &'static str,
    heeded_late: bool,
}

const fn early(name: &'static str, flags: &'static [&'static str], purpose: &'static str) -> Row {
    Row { name, flags, purpose, heeded_late: false }
}

const LARGER: &str = "let new space grow further when much of it survives";
const FIXED: &str =
    "scavenge less often from the start: less is copied and promoted, for more resident memory";
const LIMIT: &str = "collect old space earlier, to stay small";

/// The heap's sizes are settled before any program code runs; only what V8 looks up again and again is heeded late.
const ROWS: [Row; 12] = [
    early("semi-16", &["max-semi-space-size=16"], LARGER),
    early("semi-32", &["max-semi-space-size=32"], LARGER),
    early("semi-64", &["max-semi-space-size=64"], LARGER),
    early("semi-16-fixed", &["min-semi-space-size=16", "max-semi-space-size=16"], FIXED),
    early("semi-32-fixed", &["min-semi-space-size=32", "max-semi-space-size=32"], FIXED),
    early("semi-64-fixed", &["min-semi-space-size=64", "max-semi-space-size=64"], FIXED),
    early("old-128", &["max-old-space-size=128"], LIMIT),
    early("old-256", &["max-old-space-size=256"], LIMIT),
    early("old-512", &["max-old-space-size=512"], LIMIT),
    early("for-size", &["optimize-for-size"], "use less memory, for more processor time"),
    Row {
        name: "semi-growth-4",
        flags: &["semi-space-growth-factor=4"],
        purpose: "reach a large new space sooner",
        heeded_late: true,
    },
    Row {
        name: "no-reducer",
        flags: &["no-memory-reducer"],
        purpose: "do not collect when idle just to give memory back",
        heeded_late: true,
    },
];

/// The candidates for a program, and what is left out, with the reasons. `own` are settings that the user wants
/// tried, `only` limits what is tried to some names or flags.
pub(super) fn candidates(
    facts: &Facts,
    own: &[Vec<Flag>],
    only: &[String],
) -> (Vec<Candidate>, Vec<Skipped>) {
    let rows = ROWS.iter().map(|row| Candidate {
        name: row.name.to_owned(),
        flags: row.flags.iter().map(|text| Flag::parse(text)).collect(),
        purpose: row.purpose.to_owned(),
        heeded_late: row.heeded_late,
    });
    let own = own.iter().enumerate().map(|(number, flags)| Candidate {
        name: format!("own-{}", number + 1),
        flags: flags.clone(),
        purpose: "asked for".to_owned(),
        heeded_late: false,
    });
    let (mut tried, mut skipped): (Vec<Candidate>, Vec<Skipped>) = Default::default();
    for candidate in own.chain(rows) {
        let asked_for = candidate.purpose == "asked for";
        if !asked_for && !only.is_empty() && !only.iter().any(|wanted| is_meant(&candidate, wanted)) {
            continue;
        }
        match unfit(facts, &candidate, &tried) {
            Some(reason) => {
                skipped.push(Skipped { name: candidate.name, flags: candidate.flags, reason });
            }
            None => tried.push(candidate),
        }
    }
    (tried, skipped)
}

/// Whether a word of `--only` is any row's name or flag.
pub(super) fn is_known(wanted: &str) -> bool {
    let name = explain::normal(wanted);
    ROWS.iter().any(|row| row.name == wanted || row.flags.iter().any(|flag| Flag::parse(flag).name == name))
}

/// The names of all rows.
pub(super) fn names() -> Vec<&'static str> {
    ROWS.iter().map(|row| row.name).collect()
}

fn is_meant(candidate: &Candidate, wanted: &str) -> bool {
    let name = explain::normal(wanted);
    candidate.name == wanted || candidate.flags.iter().any(|flag| flag.name == name)
}

/// Why a candidate is not tried, if so.
fn unfit(facts: &Facts, candidate: &Candidate, tried: &[Candidate]) -> Option<String> {
    if let Some(flag) = candidate.flags.iter().find(|flag| !flag.exists_in(&facts.flags)) {
        return Some(flag.absence(&facts.version));
    }
    let megabytes = |name: &str| {
        candidate
            .flags
            .iter()
            .find(|flag| flag.name == name)
            .and_then(|flag| flag.value.as_ref()?.parse::<u64>().ok())
    };
    if candidate.flags.len() == 1
        && let Some(largest) = megabytes("max-semi-space-size")
        && facts.semi_space == Some(largest)
    {
        return Some(format!("{largest} MB is what Node {} takes here by itself", facts.version));
    }
    let old = megabytes("max-old-space-size")?;
    // V8 dies when it frees next to nothing near the limit, so what is held must be well below it.
    let needed = facts.held + facts.held / 2 + 16;
    if old < needed {
        return Some(format!(
            "the program holds {} MiB after full collections, and would run out of memory, or nearly so, below \
             about {needed} MB",
            facts.held
        ));
    }
    if facts.heap_limit.is_some_and(|limit| old >= limit) {
        return Some("the limit of the heap is not higher already".to_owned());
    }
    let smaller = tried.iter().find(|other| {
        other.flags.len() == 1 && other.flags[0].name == "max-old-space-size" && candidate.flags.len() == 1
    })?;
    Some(format!("{} is enough for it, and says what can be had", smaller.flags[0]))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(name: &str) -> V8Flag {
        let (description, kind) = (String::new(), "bool".to_owned());
        V8Flag { name: name.to_owned(), description, kind, default: String::new() }
    }

    fn facts() -> Facts {
        let names = ["max-semi-space-size", "min-semi-space-size", "max-old-space-size", "memory-reducer"];
        Facts {
            flags: names.map(flag).to_vec(),
            version: "v20.0.0".to_owned(),
            semi_space: Some(16),
            held: 100,
            heap_limit: Some(2096),
        }
    }

    fn reason<'a>(skipped: &'a [Skipped], name: &str) -> &'a str {
        &skipped
            .iter()
            .find(|skipped| skipped.name == name)
            .unwrap_or_else(|| panic!("{name} is tried"))
            .reason
    }

    #[test]
    fn only_what_this_node_has_and_the_program_can_live_with_is_tried() {
        let (tried, skipped) = candidates(&facts(), &[], &[]);
        let names: Vec<&str> = tried.iter().map(|candidate| candidate.name.as_str()).collect();
        let expected = [
            "semi-32",
            "semi-64",
            "semi-16-fixed",
            "semi-32-fixed",
            "semi-64-fixed",
            "old-256",
            "no-reducer",
        ];
        assert_eq!(names, expected);
        assert!(reason(&skipped, "semi-16").contains("by itself"));
        assert!(reason(&skipped, "old-128").contains("holds 100 MiB"));
        assert!(reason(&skipped, "old-512").contains("--max-old-space-size=256 is enough"));
        assert!(reason(&skipped, "for-size").contains("does not have --optimize-for-size"));
    }

    #[test]
    fn only_takes_names_and_flags_in_both_spellings() {
        let only = ["no-reducer".to_owned(), "--min_semi_space_size".to_owned()];
        let (tried, skipped) = candidates(&facts(), &[], &only);
        let names: Vec<&str> = tried.iter().map(|candidate| candidate.name.as_str()).collect();
        assert_eq!(names, ["semi-16-fixed", "semi-32-fixed", "semi-64-fixed", "no-reducer"]);
        assert_eq!(skipped, []);
        assert!(is_known("--max_semi-space-size") && !is_known("--max-semi"));
    }

    #[test]
    fn the_talks_flag_is_answered_with_what_replaces_it() {
        let own = [vec![Flag::parse("--experimental_new_space_growth_heuristic")]];
        let (tried, skipped) = candidates(&facts(), &own, &["no-reducer".to_owned()]);
        assert_eq!(tried.len(), 1);
        assert!(reason(&skipped, "own-1").contains("use --min-semi-space-size"), "{skipped:?}");
    }
}
