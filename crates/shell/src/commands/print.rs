//! `jsprint`, `jsconstructor`: what an object holds and what made it.

use postmortem::answers::{Describer, Limits, Value, ValueKind, hex};

use super::{row, switch, valued};
use crate::CommandError;
use crate::answer::{Answer, Cell, Section, Shown, Style};
use crate::options::Call;
use crate::session::{Opened, Session, pointer};
use crate::snapshot;
use crate::table::{Command, OnSnapshot};
use crate::wording;

pub(super) const ROWS: &[Command] = &[
    Command {
        options: &[
            switch('a', "the address before each value"),
            switch('b', "the object's address first"),
            valued('d', "DEPTH", "so many levels (2)"),
            valued('e', "N", "at most so many elements (1000)"),
            valued('s', "N", "at most so many characters of a string (256)"),
        ],
        arguments: "[MEMBER...]",
        snapshot: OnSnapshot::Run(snapshot::print),
        ..row("jsprint", "an object as JavaScript writes it; with MEMBER, only that property", print)
    },
    Command {
        options: &[switch('v', "the constructor's address, too")],
        snapshot: OnSnapshot::Run(snapshot::constructor),
        ..row("jsconstructor", "the class of an object", constructor)
    },
];

/// Deeper than this nothing can be read by people, and objects may contain each other without end.
pub(crate) const DEEPEST: u64 = 32;
/// No list of elements is longer, whatever is asked for.
const MOST_ELEMENTS: u64 = 10_000_000;

/// What the options of a command say, or these.
pub(crate) fn limits(call: &Call, depth: u64, elements: u64, string: u64) -> Result<Limits, CommandError> {
    let depth = call.decimal('d')?.unwrap_or(depth).min(DEEPEST) as u32;
    let elements = call.decimal('e')?.unwrap_or(elements).min(MOST_ELEMENTS) as usize;
    Ok(Limits { depth, elements, string: call.decimal('s')?.unwrap_or(string) })
}

/// A word as a value: an object, or a small integer.
pub(crate) fn value_of(opened: &Opened<'_, '_>, word: u64, limits: Limits) -> Option<Value> {
    let describer = Describer::new(opened.heap, opened.names(), limits);
    if opened.heap.is_object(word & !7) {
        return describer.object(word & !7);
    }
    (word as u32 == 0).then(|| describer.value(word, limits.depth))
}

/// The word of a value, for the next command of a pipe; numbers that are no objects have none unless they are small.
pub(crate) fn word_of(value: &Value) -> Option<u64> {
    match value.address {
        Some(address) if !matches!(value.kind, ValueKind::Missing) => Some(pointer(address)),
        _ if value.kind == ValueKind::Number => {
            let small: i32 = value.text.as_ref()?.parse().ok()?;
            Some((i64::from(small) as u64) << 32)
        }
        _ => None,
    }
}

fn print(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let word = call.word()?;
    let opened = session.owner(word)?;
    let mut limits = limits(call, 2, 1000, 256)?;
    let style = Style::Mdb { addresses: call.has('a'), base: call.has('b') };
    if call.arguments.is_empty() {
        let value = value_of(opened, word, limits);
        let value =
            value.ok_or_else(|| CommandError::failed(format!("{}: no object starts there", hex(word))))?;
        return Ok(shown(value, style));
    }
    // A member takes one level away.
    limits.depth += 1;
    let value = value_of(opened, word, limits)
        .ok_or_else(|| CommandError::failed(format!("{}: no object starts there", hex(word))))?;
    let mut answer = Answer::default();
    for name in &call.arguments {
        let member = value.members.iter().find(|member| member.name == *name);
        let member = member
            .ok_or_else(|| CommandError::failed(format!("{} has no property {name}", hex(word & !7))))?;
        answer.append(shown(member.value.clone(), style));
    }
    Ok(answer)
}

/// An answer of one value.
pub(crate) fn shown(value: Value, style: Style) -> Answer {
    let words = word_of(&value).into_iter().collect();
    let sections = vec![Section::Value(Shown { value, label: String::new(), style })];
    Answer { sections, words, ..Answer::default() }
}

fn constructor(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let (opened, object) = session.object(call.word()?)?;
    let name = opened.names().of(object).ok_or_else(|| {
        CommandError::failed(format!(
            "{} is V8's own ({}): nothing of the program made it",
            hex(object),
            opened.class_of(object)
        ))
    })?;
    let maker = opened.names().constructor_of(object);
    let mut answer = match (call.has('v'), maker) {
        (true, Some(maker)) => {
            let mut answer = Answer::default();
            let function = opened.heap.function(maker).map(|info| info.name);
            let meaning =
                function.map(|name| format!("function {name}")).unwrap_or_else(|| opened.class_of(maker));
            answer.explained(name, Cell::Address(maker), meaning);
            answer
        }
        _ => Answer::line(name),
    };
    answer.words = maker.map(pointer).into_iter().collect();
    Ok(answer)
}

/// Characters of a text in a line.
const BRIEF: u64 = 60;

/// A word in a few words: `0x3f1a40c2d5a9 (Session)`, `42`, `0x3f1a40c2d5a9 "text"`.
pub(crate) fn brief(session: &Session<'_, '_>, opened: &Opened<'_, '_>, word: u64) -> String {
    let limits = Limits { depth: 0, elements: 0, string: BRIEF };
    let found = value_of(opened, word, limits);
    let elsewhere = || session.object(word).ok().and_then(|(opened, _)| value_of(opened, word, limits));
    match found.or_else(elsewhere) {
        Some(value) => wording::short(&value),
        None => format!("{} (no object)", hex(word)),
    }
}
