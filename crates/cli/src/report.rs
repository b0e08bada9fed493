//! The report of a run: for people on a terminal, as Markdown, as JSON, as a page.

mod chart;
mod html;
mod scale;
mod trend;

use std::fmt::Write as _;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::ExitCode;

use investigation::Word;
use investigation::run::{CodePlace, RunReport, Suspect};

use crate::output::Output;
use crate::text::safe;

/// Suspects after the first that are told in full text.
const MORE_SUSPECTS: usize = 4;
/// Steps of a retaining path that are told: the ones nearest to what grows.
const PATH_STEPS: usize = 7;

/// What the verdict means, in one sentence.
pub(crate) fn meaning(word: Word) -> &'static str {
    match word {
        Word::Leak => "objects in the JavaScript heap accumulate with the work done",
        Word::OffHeapLeak => "memory outside the heap, held from it, accumulates with the work done",
        Word::NativeGrowth => "memory outside V8 grows that no JavaScript object holds",
        Word::BoundedCache => "it grew, and stops at a bound",
        Word::LazyGc => {
            "it looks big because V8 had no reason to collect; what is left after a collection is flat"
        }
        Word::NoLeak => "what is left after full collections does not grow",
        Word::Inconclusive => "what was seen does not decide it",
    }
}

/// How a report is set: plain, with colours, or as Markdown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Words only.
    Plain,
    /// With colours.
    Colour,
    /// Markdown.
    Markdown,
}

impl Style {
    /// As standard output can show it.
    pub(crate) fn of(output: &Output) -> Style {
        if output.is_colored() { Style::Colour } else { Style::Plain }
    }

    fn strong(self, text: &str, colour: &str) -> String {
        match self {
            Style::Plain => text.to_owned(),
            Style::Colour => format!("\x1b[1;{colour}m{text}\x1b[0m"),
            Style::Markdown => format!("**{text}**"),
        }
    }

    fn code(self, text: &str) -> String {
        match self {
            Style::Plain => text.to_owned(),
            Style::Colour => format!("\x1b[36m{text}\x1b[0m"),
            Style::Markdown => format!("`{}`", text.replace('`', "'")),
        }
    }

    /// Words from the program or its heap, without anything that the terminal or Markdown would obey.
    fn foreign(self, text: &str) -> String {
        let safe = safe(text);
        if self != Style::Markdown {
            return safe.into_owned();
        }
        let mut escaped = String::with_capacity(safe.len());
        for c in safe.chars() {
            if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&') {
                escaped.push('\\');
            }
            escaped.push(c);
        }
        escaped
    }

    fn heading(self, text: &str) -> String {
        match self {
            Style::Plain => format!("\n{text}\n"),
            Style::Colour => format!("\n\x1b[1m{text}\x1b[0m\n"),
            Style::Markdown => format!("\n## {text}\n\n"),
        }
    }
}

/// Bytes as people read them, in powers of 1024.
pub(crate) fn bytes(value: f64) -> String {
    for (unit, scale) in [("GB", 1_073_741_824.0), ("MB", 1_048_576.0), ("KB", 1024.0)] {
        if value.abs() >= scale {
            return format!("{:.1} {unit}", value / scale);
        }
    }
    format!("{value:.0} bytes")
}

/// The report as text.
pub(crate) fn text(report: &RunReport, style: Style) -> String {
    let mut out = String::new();
    let verdict = &report.verdict;
    let colour = match verdict.word {
        Word::Leak | Word::OffHeapLeak | Word::NativeGrowth => "31",
        Word::Inconclusive => "33",
        _ => "32",
    };
    if style == Style::Markdown {
        out.push_str("# heapdowse: ");
    }
    let grade = serde_json::to_value(verdict.grade).ok();
    let grade = grade.as_ref().and_then(|grade| grade.as_str()).unwrap_or_default().to_owned();
    let word = style.strong(verdict.word.as_str(), colour);
    let _ = writeln!(out, "{word} ({grade}): {}\n", meaning(verdict.word));
    if let Some(growth) = &verdict.growth
        && verdict.word != Word::NoLeak
    {
        let unit = verdict.unit.singular();
        let _ = writeln!(
            out,
            "Growth: {} per {unit} (95 % interval {} to {}).",
            bytes(growth.bytes_per_unit),
            bytes(growth.low),
            bytes(growth.high)
        );
    }
    for (number, suspect) in report.suspects.iter().take(1 + MORE_SUSPECTS).enumerate() {
        suspect_text(&mut out, suspect, number, report.verdict.unit.singular(), style);
    }
    isolates(&mut out, report, style);
    floors(&mut out, report, style);
    out.push_str(&style.heading("Evidence"));
    for evidence in &verdict.evidence {
        let _ = writeln!(out, "- {}", style.foreign(&evidence.text));
    }
    for advice in verdict.advice.iter().chain(&report.warnings) {
        let _ = writeln!(out, "- note: {}", style.foreign(advice));
    }
    if let Some(process) = &report.watched {
        let _ = writeln!(
            out,
            "\nWatched: {} (Node {}), {} rounds, {:.0} s: {}",
            process.name(),
            style.foreign(&process.node_version),
            report.rounds.len(),
            report.seconds,
            style.code(&safe(&process.command_line.join(" ")))
        );
    }
    out
}

/// Where there are several isolates: which one is meant, and how it stands with each.
fn isolates(out: &mut String, report: &RunReport, style: Style) {
    if report.isolates.is_empty() {
        return;
    }
    out.push_str(&style.heading("Processes and worker threads, each with a heap of its own"));
    for isolate in &report.isolates {
        let verdict = &isolate.verdict;
        let code = match &isolate.watched.worker {
            Some(worker) => worker.url.trim_start_matches("file://").to_owned(),
            None => isolate.watched.command_line.join(" "),
        };
        let growth = verdict.growth.as_ref().filter(|_| verdict.word != Word::NoLeak);
        let growth = growth
            .map(|growth| format!(", {} per {}", bytes(growth.bytes_per_unit), verdict.unit.singular()));
        let ends = isolate.rounds.first().zip(isolate.rounds.last());
        let ends = ends.map(|(first, last)| {
            format!(
                ", {} floors from {} to {}",
                isolate.rounds.len(),
                bytes(first.heap_used as f64),
                bytes(last.heap_used as f64)
            )
        });
        let meant = if Some(&isolate.watched) == report.watched.as_ref() { " (this report)" } else { "" };
        let _ = writeln!(
            out,
            "- {} {}: {}{}{}{meant}",
            style.foreign(&isolate.watched.name()),
            style.code(&safe(&code)),
            verdict.word.as_str(),
            growth.unwrap_or_default(),
            ends.unwrap_or_default()
        );
    }
}

fn place(place: &CodePlace, style: Style) -> String {
    style.code(&safe(&format!("{}:{}", place.file, place.line)))
}

fn suspect_text(out: &mut String, suspect: &Suspect, number: usize, unit: &str, style: Style) {
    let title = if number == 0 { "What grows".to_owned() } else { format!("Also grows ({})", number + 1) };
    out.push_str(&style.heading(&title));
    let per = match (suspect.count_per_request, suspect.bytes_per_request) {
        (Some(count), Some(size)) => format!(": {count:.2} per {unit}, {} per {unit}", bytes(size)),
        _ => String::new(),
    };
    let class = match style {
        Style::Markdown => style.code(&safe(&suspect.class)),
        _ => style.strong(&safe(&suspect.class), "1"),
    };
    let _ = writeln!(
        out,
        "{} × {class}{per}, held by {} ({})",
        suspect.count,
        style.foreign(&suspect.holder),
        suspect.kind
    );
    let symbol = |place: &CodePlace| place.symbol.as_deref().map(|name| style.code(&safe(name)));
    let bullet = if style == Style::Markdown { "\n- " } else { "  " };
    let mut line = |label: &str, found: &Option<CodePlace>| {
        if let Some(found) = found {
            let name = symbol(found).map(|name| format!(" {name}")).unwrap_or_default();
            let _ = writeln!(out, "{bullet}{label}{name} at {}", place(found, style));
            if style == Style::Markdown && !found.excerpt.is_empty() {
                excerpt(out, found);
            } else if let Some(text) = &found.text {
                let _ = writeln!(out, "    {}", style.code(&safe(text)));
            }
        }
    };
    let library = if suspect.in_library { " (library code)" } else { "" };
    line(&format!("owner{library}:"), &suspect.owner);
    line("added at:", &suspect.added_at);
    line("from the application:", &suspect.app_owner);
    if suspect.app_statement != suspect.app_owner {
        line("called at:", &suspect.app_statement);
    }
    for missing in &suspect.missing {
        let _ = writeln!(
            out,
            "{bullet}{} not found: {}",
            style.foreign(&missing.part),
            style.foreign(&missing.reason)
        );
    }
    for (depth, frame) in suspect.allocated_at.iter().enumerate() {
        let label = if depth == 0 { "allocated by:" } else { "  called from:" };
        let name = frame.symbol.as_deref().unwrap_or("(anonymous)");
        let _ = writeln!(out, "{bullet}{label} {} at {}", style.code(&safe(name)), place(frame, style));
    }
    if let Some(known) = &suspect.known {
        let _ = writeln!(out, "{bullet}known: {}", safe(&known.title));
        let _ = writeln!(out, "{bullet}what to do: {}", safe(&known.advice));
    }
    let hidden = suspect.path.len().saturating_sub(PATH_STEPS);
    let start = if hidden > 0 { "… → " } else { "" };
    let _ =
        writeln!(out, "{bullet}held by: {start}{}", style.code(&safe(&suspect.path[hidden..].join(" → "))));
}

/// The lines around a place, as a block of code.
fn excerpt(out: &mut String, place: &CodePlace) {
    // No line of the source can end the block: its fence is longer than any row of back quotes in it.
    let longest =
        place.excerpt.iter().map(|line| line.text.split(|c| c != '`').map(str::len).max().unwrap_or(0));
    let fence = "`".repeat(longest.max().unwrap_or(0).max(2) + 1);
    let _ = writeln!(out, "\n  {fence}js");
    for line in &place.excerpt {
        let mark = if line.mark { '>' } else { ' ' };
        let _ = writeln!(out, "  {mark} {:>5}  {}", line.line, safe(&line.text.replace('\t', "  ")));
    }
    let _ = writeln!(out, "  {fence}");
}

/// The floors, one bar for each round.
fn floors(out: &mut String, report: &RunReport, style: Style) {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let values: Vec<u64> = report.rounds.iter().map(|row| row.heap_used).collect();
    let (Some(&low), Some(&high)) = (values.iter().min(), values.iter().max()) else { return };
    let part = |value: u64| u128::from(value - low) * 7 / u128::from((high - low).max(1));
    let bar = |value: u64| BARS[usize::try_from(part(value)).unwrap_or(0).min(7)];
    let chart: String = values.iter().map(|&value| bar(value)).collect();
    out.push_str(&style.heading("Heap after full collections"));
    let _ = writeln!(out, "{} {chart} {}", bytes(low as f64), bytes(high as f64));
}

/// Prints the report on standard output.
///
/// # Errors
/// When standard output is closed.
pub(crate) fn print(answer: &RunReport, output: &mut Output, as_json: bool) -> io::Result<()> {
    let text = if as_json { json(answer)? } else { text(answer, Style::of(output)) };
    output.write_all(text.as_bytes())
}

/// 0 no leak, 1 leak, 3 inconclusive.
pub(crate) fn exit_code(report: &RunReport) -> ExitCode {
    ExitCode::from(match report.verdict.word {
        Word::Leak | Word::OffHeapLeak | Word::NativeGrowth => 1,
        Word::Inconclusive => 3,
        Word::NoLeak | Word::BoundedCache | Word::LazyGc => 0,
    })
}

/// The report as JSON.
///
/// # Errors
/// If a number can't be written; none of ours is.
pub(crate) fn json(report: &RunReport) -> serde_json::Result<String> {
    serde_json::to_string_pretty(report).map(|text| text + "\n")
}

/// The report as one HTML page.
///
/// # Errors
/// If the template fails; it has no reason to.
pub(crate) fn page(report: &RunReport) -> io::Result<String> {
    use std::hash::{BuildHasher, RandomState};
    // Random for each page: what the heap says cannot hold it.
    let random = || RandomState::new().hash_one(std::process::id());
    let nonce = format!("{:016x}{:016x}", random(), random());
    html::page(report, &nonce).map_err(io::Error::other)
}

/// Writes the report to a file, complete or not at all, readable by its owner: as the name's ending says a page,
/// JSON, or Markdown.
///
/// # Errors
/// What the file system says.
pub(crate) fn write(report: &RunReport, path: &Path) -> io::Result<()> {
    write_as(report, path, path.extension().and_then(|ending| ending.to_str()).unwrap_or_default())
}

/// Writes the report in the form of an ending, whatever the file's own is.
///
/// # Errors
/// What the file system says.
pub(crate) fn write_as(report: &RunReport, path: &Path, ending: &str) -> io::Result<()> {
    let text = match ending.to_ascii_lowercase().as_str() {
        "html" | "htm" => page(report)?,
        "json" => json(report)?,
        _ => text(report, Style::Markdown),
    };
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.part", std::process::id()));
    let temporary = path.with_file_name(name);
    let written = (|| {
        let mut options = std::fs::OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&temporary, path)
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    written
}
