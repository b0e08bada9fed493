//! An answer against the truth.

use std::fmt;

use serde_json::Value;

use super::prepare::{Culprit, Place, Program};

/// How an answer compares with the truth.
pub(crate) struct Score {
    verdict: String,
    grade: String,
    word: bool,
    /// `None` where there is nobody to blame.
    file: Option<bool>,
    symbol: Option<bool>,
    seconds: f64,
    suspect: String,
}

/// An answer should not take longer, seconds; on a busy machine it may.
const LONGEST: f64 = 120.0;

impl Score {
    pub(crate) fn of(answer: &Value, program: &Program) -> Self {
        let text = |key: &str| answer[key].as_str().unwrap_or_default().to_owned();
        let verdict = text("verdict");
        let culprits: Vec<&Culprit> = program.truth.culprit.iter().chain(&program.truth.culprits).collect();
        // With several leaks, each of them must be among the first suspects.
        let among = if culprits.len() > 1 { 3 } else { 1 };
        let empty = Vec::new();
        let suspects = answer["suspects"].as_array().unwrap_or(&empty);
        let found = |fits: &dyn Fn(&Value, &Culprit) -> bool| {
            (!culprits.is_empty()).then(|| {
                culprits
                    .iter()
                    .all(|culprit| suspects.iter().take(among).any(|suspect| fits(suspect, culprit)))
            })
        };
        Self {
            word: accepted(&program.truth.verdict).contains(&verdict.as_str()),
            grade: text("grade"),
            file: found(&|suspect, culprit| {
                places(culprit).any(|place| names(suspect, program, &place, false))
            }),
            symbol: found(&|suspect, culprit| {
                places(culprit).any(|place| names(suspect, program, &place, true))
            }),
            seconds: answer["seconds"].as_f64().unwrap_or(f64::NAN),
            suspect: first(suspects),
            verdict,
        }
    }

    pub(crate) fn failed(error: &anyhow::Error) -> Self {
        Self {
            verdict: "failed".to_owned(),
            grade: String::new(),
            word: false,
            file: None,
            symbol: None,
            seconds: f64::NAN,
            suspect: format!("{error:#}"),
        }
    }

    pub(crate) fn is_right(&self) -> bool {
        self.word && self.file != Some(false) && self.symbol != Some(false)
    }

    pub(crate) fn is_late(&self) -> bool {
        self.seconds > LONGEST
    }

    pub(crate) fn is_inconclusive(&self) -> bool {
        self.verdict == "inconclusive"
    }
}

impl fmt::Display for Score {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mark = |fits: Option<bool>| match fits {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "",
        };
        let word = if self.word { self.verdict.clone() } else { format!("**{}**", self.verdict) };
        let (file, symbol) = (mark(self.file), mark(self.symbol));
        write!(f, "{word} | {} | {file} | {symbol} | {:.0} | {}", self.grade, self.seconds, self.suspect)
    }
}

/// The words that meet a truth.
fn accepted(truth: &str) -> &[&str] {
    match truth {
        "leak" => &["leak"],
        // A program that leaks on both sides of the heap's border.
        "off-heap-leak" => &["off-heap-leak"],
        "leak/off-heap-leak" => &["leak", "off-heap-leak"],
        "no-leak" => &["no-leak"],
        "lazy-gc" => &["lazy-gc"],
        "bounded-cache" => &["bounded-cache"],
        "native-growth" => &["native-growth"],
        "fragmentation/gc-laziness" => &["lazy-gc", "native-growth", "no-leak"],
        "inconclusive" => &["inconclusive"],
        "no-leak/bounded-cache" => &["no-leak", "bounded-cache"],
        _ => &[],
    }
}

/// All places that are right for a culprit.
fn places(culprit: &Culprit) -> impl Iterator<Item = Place> {
    let own = Place { file: culprit.file.clone(), symbol: culprit.symbol.clone() };
    std::iter::once(own).chain(culprit.library.clone()).chain(culprit.also.iter().cloned())
}

/// Whether a suspect's owner, or its frame in the application, names the place's file, and its symbol too.
fn names(suspect: &Value, program: &Program, place: &Place, with_symbol: bool) -> bool {
    ["owner", "app_owner", "app_statement", "added_at"].iter().any(|key| {
        let answered = &suspect[key];
        let file = answered["file"].as_str().unwrap_or_default();
        if !file.ends_with(program.file(&place.file).as_str()) {
            return false;
        }
        let said: Vec<&str> = words(answered["symbol"].as_str().unwrap_or_default()).collect();
        !with_symbol
            || symbols(&place.symbol).any(|word| {
                program.symbols(&place.file, word).iter().any(|wanted| said.contains(&wanted.as_str()))
            })
    })
}

/// The identifiers of a truth's symbol, `register / known` or `session({ ... })`, without explanations.
fn symbols(text: &str) -> impl Iterator<Item = &str> {
    text.split(" / ").flat_map(|one| words(one.split('(').next().unwrap_or(one)))
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_alphanumeric() || "_$#".contains(c))).filter(|word| !word.is_empty())
}

fn first(suspects: &[Value]) -> String {
    let Some(suspect) = suspects.first() else { return String::new() };
    let place = |key: &str| {
        let place = &suspect[key];
        let name = place["symbol"].as_str().unwrap_or("?");
        place["file"].as_str().map(|file| format!("{name} {file}:{}", place["line"]))
    };
    let class = suspect["class"].as_str().unwrap_or("?");
    let places: Vec<String> = ["owner", "app_owner"].into_iter().filter_map(place).collect();
    format!("{class}: {}", places.join(", ")).replace('|', "\\|")
}
