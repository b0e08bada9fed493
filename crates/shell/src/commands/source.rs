//! `jssource`: the source of functions, out of the heap itself.

use postmortem::answers::hex;
use postmortem::stack::OriginalPlace;

use super::{row, valued};
use crate::CommandError;
use crate::answer::{Answer, Section, SourceLine};
use crate::options::Call;
use crate::session::{Opened, Session};
use crate::table::{Command, OnSnapshot};

pub(super) const ROWS: &[Command] = &[Command {
    options: &[valued('n', "LINES", "so many lines before and after it (5)")],
    snapshot: OnSnapshot::Cannot("it has the places of functions, not their text; see jsfunction"),
    ..row("jssource", "the source of a function, with lines around it", source)
}];

/// A function that is longer is cut here.
const LONGEST: u64 = 500;

fn source(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let (opened, object) = session.object(call.word()?)?;
    let lines = call.decimal('n')?.unwrap_or(5);
    let section = of_function(opened, object, lines)?;
    Ok(Answer { sections: vec![section], words: vec![call.word()?], ..Answer::default() })
}

/// The lines of a function (or of what all its closures share), and so many around it.
pub(crate) fn of_function(opened: &Opened<'_, '_>, object: u64, lines: u64) -> Result<Section, CommandError> {
    let heap = opened.heap;
    let is_shared = heap.kind_of(object) == Some(heap.layout.types.shared_function_info);
    let shared = if is_shared { Some(object) } else { heap.shared_of(object) };
    let shared = shared.ok_or_else(|| {
        CommandError::failed(format!("{} is no function, but {}", hex(object), opened.class_of(object)))
    })?;
    let none = || CommandError::failed("it has no source: it is a function of V8 or of C++");
    let script = heap.script_of(shared).ok_or_else(none)?;
    let start = heap.start_of(shared).ok_or_else(none)?;
    let end = heap.end_of(shared).unwrap_or(start);
    let line = |position| heap.place(script, position).and_then(|place| place.line);
    let first = line(start).ok_or_else(none)?;
    let last = line(end).unwrap_or(first).max(first);
    section(opened, script, first.saturating_sub(lines).max(1), last.saturating_add(lines), first)
        .ok_or_else(|| CommandError::failed("the source is not in this memory"))
}

/// So many lines before and after one.
pub(crate) fn around(opened: &Opened<'_, '_>, script: u64, line: u64, lines: u64) -> Option<Section> {
    section(opened, script, line.saturating_sub(lines).max(1), line.saturating_add(lines), line)
}

/// So many lines before and after a place in a source that was compiled.
pub(crate) fn of_original(place: &OriginalPlace, lines: u64) -> Section {
    let near = place.lines.iter().filter(|(number, _)| number.abs_diff(place.line) <= lines);
    let line = |(number, text): &(u64, String)| SourceLine {
        number: *number,
        text: text.clone(),
        here: *number == place.line,
    };
    Section::Source { script: place.file.clone(), lines: near.map(line).collect() }
}

fn section(opened: &Opened<'_, '_>, script: u64, first: u64, last: u64, here: u64) -> Option<Section> {
    let heap = opened.heap;
    let source = heap.source_of(script)?;
    let offset = heap.place(script, 0)?;
    // Scripts that were cut out of others (of HTML, of wrappers) count from where they were cut.
    let from = offset.line.unwrap_or(1);
    let name = offset.script.unwrap_or_else(|| "(no name)".to_owned());
    let last = last.min(first.saturating_add(LONGEST));
    let lines = source.text.split(['\n', '\u{2028}', '\u{2029}']).zip(from..);
    let lines = lines.skip_while(|(_, number)| *number < first).take_while(|(_, number)| *number <= last);
    let lines: Vec<_> = lines
        .map(|(text, number)| SourceLine {
            number,
            text: text.trim_end_matches('\r').to_owned(),
            here: number == here,
        })
        .collect();
    (!lines.is_empty()).then_some(Section::Source { script: name, lines })
}
