//! The report as one HTML file: nothing is loaded from anywhere, and it is whole without its script.

use askama::Template;
use investigation::Word;
use investigation::run::{CodePlace, RunReport, Suspect};
use investigation::verdict::Grade;

use super::chart::{self, Panel, WIDTH};
use super::{Style, bytes, meaning, text};
use crate::text::{count, safe};

/// Suspects that are told.
const SUSPECTS: usize = 8;
/// Steps of a path deeper than this are not indented further.
const DEEPEST: usize = 14;

/// What the template shows. The template escapes every text; numbers and places of drawings are ours.
#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    nonce: &'a str,
    report: &'a RunReport,
    program: String,
    when: String,
    headline: &'static str,
    tone: &'static str,
    grade: &'static str,
    meaning: &'static str,
    plain: &'static str,
    facts: Vec<Fact>,
    blame: Option<Blame>,
    suspects: Vec<Found<'a>>,
    floors: Option<Panel>,
    along_time: Vec<Panel>,
    width: f64,
    markdown: String,
    watched: String,
}

struct Fact {
    label: &'static str,
    value: String,
    note: String,
}

/// Whose code it is, in a sentence.
struct Blame {
    whose: &'static str,
    sentence: String,
}

struct Found<'a> {
    number: usize,
    suspect: &'a Suspect,
    class: String,
    amount: String,
    held: String,
    places: Vec<Shown<'a>>,
    path: Vec<Step>,
}

struct Shown<'a> {
    label: &'static str,
    place: &'a CodePlace,
}

struct Step {
    depth: usize,
    text: String,
    is_last: bool,
}

/// The page. `nonce` is what the page's own script is told by: nobody can know it before.
///
/// # Errors
/// If the template fails; it has no reason to.
pub(super) fn page(report: &RunReport, nonce: &str) -> Result<String, askama::Error> {
    let verdict = &report.verdict;
    let watched = report.watched.as_ref().map(|process| {
        format!("{}, Node.js {}", process.name(), process.node_version.trim_start_matches('v'))
    });
    Page {
        nonce,
        report,
        program: safe(&report.command.join(" ")).into_owned(),
        when: date(report.timeline.started_unix_ms),
        headline: headline(verdict.word),
        tone: tone(verdict.word),
        grade: grade(verdict.grade),
        meaning: meaning(verdict.word),
        plain: plain(verdict.word),
        facts: facts(report),
        blame: report.suspects.first().filter(|_| verdict.word != Word::NoLeak).and_then(blame),
        suspects: report
            .suspects
            .iter()
            .take(SUSPECTS)
            .enumerate()
            .map(|(i, s)| found(report, i, s))
            .collect(),
        floors: chart::floors(report),
        along_time: chart::along_time(report),
        width: WIDTH,
        markdown: text(report, Style::Markdown),
        watched: watched.unwrap_or_else(|| "no process could be watched".to_owned()),
    }
    .render()
}

fn headline(word: Word) -> &'static str {
    match word {
        Word::Leak => "This program leaks memory",
        Word::OffHeapLeak => "This program leaks memory outside the JavaScript heap",
        Word::NativeGrowth => "Memory grows that JavaScript does not hold",
        Word::BoundedCache => "No leak: it grew up to a bound",
        Word::LazyGc => "No leak: garbage was only not collected yet",
        Word::NoLeak => "No leak was found",
        Word::Inconclusive => "What was seen does not decide it",
    }
}

/// What the word means, for somebody who reads it for the first time.
fn plain(word: Word) -> &'static str {
    match word {
        Word::Leak => {
            "Work leaves objects behind that the program still refers to, so the garbage collector must keep them. \
             They add up: the process grows with every unit of work until it reaches its limit and crashes or is killed."
        }
        Word::OffHeapLeak => {
            "Work leaves buffers, sockets or other native resources behind. Their memory lies outside the JavaScript \
             heap, but small JavaScript objects hold it, and the program still refers to those."
        }
        Word::NativeGrowth => {
            "The JavaScript heap and what it holds stay level while the process grows. The memory is kept by native \
             code or by the allocator: a native add-on, fragmentation, or freed memory that was not given back."
        }
        Word::BoundedCache => {
            "The program keeps more and more at first, as a cache does that fills up, and then stops growing. \
             Whether that bound is what you want is another question; it is no leak."
        }
        Word::LazyGc => {
            "The process looks big because V8 had no reason to collect garbage. After a full collection as much is \
             left as before: nothing is held that should not be."
        }
        Word::NoLeak => {
            "After each round of work, and full garbage collections, as much memory is left as before it, within the \
             smallest growth that this run could have seen."
        }
        Word::Inconclusive => {
            "The memory that is left after full collections neither clearly grows nor clearly stays. The notes below \
             say what would decide it."
        }
    }
}

fn tone(word: Word) -> &'static str {
    match word {
        Word::Leak | Word::OffHeapLeak | Word::NativeGrowth => "bad",
        Word::Inconclusive => "open",
        Word::NoLeak | Word::LazyGc | Word::BoundedCache => "good",
    }
}

fn grade(grade: Grade) -> &'static str {
    match grade {
        Grade::Strong => "strong",
        Grade::Moderate => "moderate",
        Grade::Weak => "weak",
    }
}

fn facts(report: &RunReport) -> Vec<Fact> {
    let verdict = &report.verdict;
    let unit = verdict.unit.singular();
    let mut facts = Vec::new();
    let fact = |label, value: String, note: String| Fact { label, value, note };
    if let Some(growth) = &verdict.growth {
        let interval = format!("95 % interval {} to {}", bytes(growth.low), bytes(growth.high));
        facts.push(fact("Growth", format!("{} per {unit}", bytes(growth.bytes_per_unit)), interval));
    }
    let limit =
        report.recording.heap_limit.map(|limit| format!("the heap's limit is {}", bytes(limit as f64)));
    if let Some(units) = verdict.growth.as_ref().and_then(|growth| growth.units_to_heap_limit) {
        let time = rate(report).map(|rate| format!("about {} at this run's load; ", duration(units / rate)));
        let note = format!("{}{}", time.unwrap_or_default(), limit.unwrap_or_default());
        facts.push(fact(
            "Limit reached after",
            format!("{} more {}", rounded(units), verdict.unit.plural()),
            note,
        ));
    }
    if let Some(limit) = verdict.detection_limit {
        let note = "slower growth would not have been seen".to_owned();
        facts.push(fact("Detection limit", format!("{} per {unit}", bytes(limit)), note));
    }
    if let Some(floors) = &verdict.floors {
        let note = format!("{} to {}", bytes(floors.first_bytes as f64), bytes(floors.last_bytes as f64));
        let seen = format!("{} floors over {}", floors.points, work(floors.work, verdict.unit.plural()));
        facts.push(fact("Measured", seen, note));
    }
    facts
}

fn work(value: f64, unit: &str) -> String {
    format!("{} {unit}", rounded(value))
}

/// `5,988`, `11.4 million`, `3.2e15`
fn rounded(value: f64) -> String {
    match value {
        _ if value < 1e6 => count(value.max(0.0) as u64),
        _ if value < 1e9 => format!("{:.1} million", value / 1e6),
        _ if value < 1e12 => format!("{:.1} billion", value / 1e9),
        _ => format!("{value:.1e}"),
    }
}

/// Units of work a second, while there was load.
fn rate(report: &RunReport) -> Option<f64> {
    let rows = report.rounds.iter().filter(|row| row.load_seconds > 0.0);
    let (mut requests, mut seconds) = (0.0, 0.0);
    for row in rows {
        requests += row.requests? as f64;
        seconds += row.load_seconds;
    }
    let rate = requests / seconds;
    (report.verdict.unit.singular() == "request" && rate.is_finite() && rate > 0.0).then_some(rate)
}

fn duration(seconds: f64) -> String {
    for (name, length) in [("years", 31_557_600.0), ("days", 86_400.0), ("hours", 3600.0), ("minutes", 60.0)]
    {
        if seconds >= 2.0 * length {
            return format!("{:.0} {name}", seconds / length);
        }
    }
    format!("{seconds:.0} seconds")
}

fn blame(suspect: &Suspect) -> Option<Blame> {
    let owner = suspect.owner.as_ref()?;
    let at = |place: &CodePlace| safe(&format!("{}:{}", place.file, place.line)).into_owned();
    Some(if suspect.in_library {
        let called = suspect.app_statement.as_ref().or(suspect.app_owner.as_ref());
        let called = called.map(|place| format!(", brought in by your code at {}", at(place)));
        let sentence =
            format!("What grows is held by a package ({}){}.", at(owner), called.unwrap_or_default());
        Blame { whose: "Library", sentence }
    } else {
        Blame {
            whose: "Application",
            sentence: format!("What grows is held by the program's own code, at {}.", at(owner)),
        }
    })
}

fn found<'a>(report: &RunReport, index: usize, suspect: &'a Suspect) -> Found<'a> {
    let unit = report.verdict.unit.singular();
    let amount = match (suspect.count_per_request, suspect.bytes_per_request) {
        (Some(objects), Some(size)) => format!("{objects:.2} objects and {} per {unit}", bytes(size)),
        _ => format!("{} objects, {}", count(suspect.count), bytes(suspect.bytes as f64)),
    };
    let mut places = Vec::new();
    let mut show = |label, place: &'a Option<CodePlace>| {
        places.extend(place.as_ref().map(|place| Shown { label, place }));
    };
    show("Held by", &suspect.owner);
    show("Added at", &suspect.added_at);
    show("Your code", &suspect.app_owner);
    if suspect.app_statement.as_ref().map(|place| (&place.file, place.line))
        != suspect.app_owner.as_ref().map(|place| (&place.file, place.line))
    {
        show("Called at", &suspect.app_statement);
    }
    let last = suspect.path.len().saturating_sub(1);
    let steps = suspect.path.iter().enumerate();
    Found {
        number: index + 1,
        suspect,
        class: safe(&suspect.class).into_owned(),
        amount,
        held: format!("{} ({})", safe(&suspect.holder), suspect.kind),
        places,
        path: steps
            .map(|(i, text)| Step {
                depth: i.min(DEEPEST),
                text: safe(text).into_owned(),
                is_last: i == last,
            })
            .collect(),
    }
}

/// Day and time in UTC.
fn date(unix_ms: u64) -> String {
    if unix_ms == 0 {
        return String::new();
    }
    let (days, seconds) = (unix_ms / 86_400_000, unix_ms / 1000 % 86_400);
    // Years begin in March here, so that the day that comes and goes is a year's last.
    let shifted = days.saturating_add(719_468);
    let (era, day) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day_of_year = day - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    format!("{year:04}-{month:02}-{day_of_month:02} {:02}:{:02} UTC", seconds / 3600, seconds / 60 % 60)
}

#[cfg(test)]
#[path = "html_tests.rs"]
mod tests;
