//! `jsarray`, `nodebuffer`, `v8str`, `v8array`, `v8context`, `v8scopeinfo`: the parts that objects are made of.

use postmortem::answers::hex;
use postmortem::heap::words::small_integer;
use postmortem::object::{Element, number_text};

use super::{row, switch};
use crate::CommandError;
use crate::answer::{Answer, Cell, Column, Section, left, right};
use crate::commands::print::brief;
use crate::options::Call;
use crate::session::{Opened, Session, plain, pointer};
use crate::snapshot;
use crate::table::{Command, OnSnapshot};

pub(super) const ROWS: &[Command] = &[
    Command {
        options: &[switch('i', "the index before each")],
        snapshot: OnSnapshot::Run(snapshot::elements),
        ..row("jsarray", "the elements of an array or object", js_array)
    },
    Command {
        options: &[switch('a', "the object, too")],
        ..row(
            "nodebuffer",
            "the address of the bytes of a Buffer, a typed array or an ArrayBuffer",
            node_buffer,
        )
    },
    Command {
        options: &[switch('v', "how the string is kept, too")],
        snapshot: OnSnapshot::Run(snapshot::string),
        ..row("v8str", "the content of a string, however it is kept", string)
    },
    Command {
        options: &[switch('i', "the index before each")],
        ..row("v8array", "the words of an array that V8 keeps for itself", v8_array)
    },
    Command {
        options: &[switch('d', "the words of its slots, too")],
        ..row("v8context", "the variables of a scope", context)
    },
    row("v8scopeinfo", "what V8 knows of the variables of a function", scope_info),
];

const INDEXED: &[Column] = &[right("index", ""), left("address", ""), left("value", "")];
const PLAIN: &[Column] = &[left("address", ""), left("value", "")];
/// No list is longer.
const MOST: usize = 10_000_000;
/// A string is shown up to here.
const LONGEST: u64 = 1 << 29;

/// A list of words, with indexes if they are wanted.
fn list(
    session: &Session<'_, '_>,
    opened: &Opened<'_, '_>,
    words: impl Iterator<Item = (u64, Element)>,
    with_index: bool,
) -> Answer {
    let mut answer = Answer::default();
    let mut rows = Vec::new();
    for (index, element) in words {
        let mut cells = match element {
            Element::Tagged(word) => {
                answer.words.push(word);
                vec![Cell::Address(plain(word)), word_text(session, opened, word).into()]
            }
            Element::Number(number) => vec![Cell::Nothing, number_text(number).into()],
            Element::Integer(number) => vec![Cell::Nothing, number.to_string().into()],
        };
        if with_index {
            cells.insert(0, Cell::Number(index));
        }
        rows.push(cells);
    }
    let columns = if with_index { INDEXED } else { PLAIN };
    answer.append(Answer::table(columns, rows));
    answer
}

/// What a word is, without its address.
pub(super) fn word_text(session: &Session<'_, '_>, opened: &Opened<'_, '_>, word: u64) -> String {
    let text = brief(session, opened, word);
    text.strip_prefix(&format!("{} ", hex(plain(word)))).map(ToOwned::to_owned).unwrap_or(text)
}

fn js_array(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let (opened, object) = session.object(call.word()?)?;
    opened.names().of(object).ok_or_else(|| {
        CommandError::failed(format!(
            "{} is no array, but V8's own {}; see v8array",
            hex(object),
            opened.class_of(object)
        ))
    })?;
    let elements = opened.heap.elements(object, MOST);
    // Holes are told, as mdb tells them.
    let mut all = Vec::new();
    let hole = Element::Tagged(pointer(opened.heap.roots.hole));
    let is_array = opened.heap.kind_of(object) == Some(opened.heap.layout.types.js_array);
    let sparse = elements.length > 4 * elements.entries.len() as u64 + 1024;
    for (index, element) in elements.entries {
        if is_array && !sparse {
            all.extend((all.len() as u64..index).map(|index| (index, hole)));
        }
        all.push((index, element));
    }
    Ok(list(session, opened, all.into_iter(), call.has('i')))
}

fn node_buffer(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let (opened, object) = session.object(call.word()?)?;
    let heap = opened.heap;
    let types = &heap.layout.types;
    let kind = heap.kind_of(object);
    let data = match kind {
        Some(kind) if kind == types.js_typed_array => heap.typed_data(object),
        Some(kind) if kind == types.js_array_buffer => {
            let offset = heap.layout.metadata.value("class JSArrayBuffer backing_store");
            offset.and_then(|offset| heap.field(object, u64::try_from(offset).ok()?).ok())
        }
        _ => None,
    };
    let data = data.filter(|data| *data != 0).ok_or_else(|| {
        CommandError::failed(format!(
            "{} is no Buffer with bytes, but {}",
            hex(object),
            opened.class_of(object)
        ))
    })?;
    let mut answer = Answer::default();
    if call.has('a') {
        answer.field("object", Cell::Address(object));
        answer.field("data", Cell::Address(data));
    } else {
        answer.say(hex(data));
    }
    answer.words = vec![data];
    Ok(answer)
}

fn string(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let (opened, object) = session.object(call.word()?)?;
    let heap = opened.heap;
    let text = heap.string(object, LONGEST);
    let text = text.ok_or_else(|| {
        CommandError::failed(format!("{} is no string, but {}", hex(object), opened.class_of(object)))
    })?;
    let mut answer = Answer::default();
    if call.has('v') {
        structure(opened, object, &mut answer);
    }
    answer.remarks.extend(text.missing.map(|why| format!("the rest of the string is not there: {why}")));
    answer.sections.push(Section::Text { text: text.text });
    answer.words = vec![pointer(object)];
    Ok(answer)
}

/// How a string is kept. V8's representation is in the low bits of its type.
fn structure(opened: &Opened<'_, '_>, object: u64, answer: &mut Answer) {
    let heap = opened.heap;
    let fields = &heap.layout.fields;
    let Some(map) = heap.map_of(object) else { return };
    let (name, parts): (&str, &[(&str, u64)]) = match map.kind & 7 {
        0 => ("sequential", &[]),
        1 => ("cons", &[("first", fields.cons_first), ("second", fields.cons_second)]),
        2 => ("external", &[]),
        3 => ("sliced", &[("parent", fields.sliced_parent)]),
        5 => ("thin", &[("actual", fields.thin_actual)]),
        _ => ("unknown", &[]),
    };
    answer.field("kept as", name);
    answer.field("characters of", if map.kind & 8 != 0 { "1 byte" } else { "2 bytes" });
    answer.field("length", heap.string_length(object).map_or(Cell::Nothing, Cell::Number));
    for (part, offset) in parts {
        let word = heap.field(object, *offset).ok();
        answer.field(*part, word.map_or(Cell::Nothing, |word| Cell::Address(plain(word))));
    }
    if map.kind & 7 == 3 {
        let offset = heap.field(object, fields.sliced_offset).ok().and_then(small_integer);
        answer.field("offset", offset.map_or(Cell::Nothing, |offset| Cell::Text(offset.to_string())));
    }
}

fn v8_array(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let (opened, object) = session.object(call.word()?)?;
    let heap = opened.heap;
    let types = &heap.layout.types;
    let kind = heap.kind_of(object).unwrap_or(0);
    let words = heap.array_words(object);
    if kind == types.fixed_double_array {
        let numbers = words.into_iter().map(|word| Element::Number(f64::from_bits(word)));
        return Ok(list(session, opened, (0..).zip(numbers), call.has('i')));
    }
    let is_array = (types.fixed_array..types.byte_array).contains(&kind)
        || heap.map_of(object).is_some_and(|map| map.is_context(heap.layout))
        || [
            types.weak_fixed_array,
            types.embedder_data_array,
            types.closure_feedback_cell_array,
            types.property_array,
        ]
        .contains(&kind);
    if !is_array {
        let text = format!("{} is no array of V8's, but {}", hex(object), opened.class_of(object));
        return Err(CommandError::failed(text));
    }
    let words = words.into_iter().map(Element::Tagged);
    Ok(list(session, opened, (0..).zip(words), call.has('i')))
}

fn context(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let (opened, object) = session.object(call.word()?)?;
    let heap = opened.heap;
    // Of a function, the scope that it closes over.
    let closed_over = heap.shared_of(object).and_then(|_| {
        heap.field(object, heap.layout.fields.function_context).ok().and_then(|word| heap.target(word))
    });
    let scope = closed_over.unwrap_or(object);
    if !heap.map_of(scope).is_some_and(|map| map.is_context(heap.layout)) {
        return Err(CommandError::failed(format!(
            "{} is no scope, but {}",
            hex(object),
            opened.class_of(object)
        )));
    }
    let words = heap.array_words(scope);
    let mut answer = Answer::default();
    answer.field("context", Cell::Address(scope));
    answer.field("kind", opened.class_of(scope));
    let target = |index: usize| words.get(index).and_then(|word| heap.target(*word));
    answer.field("scope info", target(0).map_or(Cell::Nothing, Cell::Address));
    answer.field("previous", target(1).map_or(Cell::Nothing, Cell::Address));
    for (key, word) in heap.context_variables(scope) {
        let name = heap.key_text(key).unwrap_or_else(|| "?".to_owned());
        answer.field(format!("\"{name}\""), brief(session, opened, word));
        answer.words.push(word);
    }
    if call.has('d') {
        let slots = words.iter().map(|word| Element::Tagged(*word));
        let words = std::mem::take(&mut answer.words);
        answer.append(list(session, opened, (0..).zip(slots), true));
        answer.words = words;
    }
    Ok(answer)
}

fn scope_info(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let (opened, object) = session.object(call.word()?)?;
    let heap = opened.heap;
    // Of a scope or a function, what describes it.
    let described = heap.shared_of(object).and_then(|_| {
        let context = heap.target(heap.field(object, heap.layout.fields.function_context).ok()?)?;
        heap.target(*heap.array_words(context).first()?)
    });
    let of_context = heap
        .map_of(object)
        .filter(|map| map.is_context(heap.layout))
        .and_then(|_| heap.target(*heap.array_words(object).first()?));
    let scope = described.or(of_context).unwrap_or(object);
    let info = heap.scope_info(scope).ok_or_else(|| {
        CommandError::failed(format!("{} is no scope info, but {}", hex(object), opened.class_of(object)))
    })?;
    let mut answer = Answer::default();
    answer.field("scope info", Cell::Address(scope));
    answer.field("kind", Cell::Number(info.kind));
    let text = |word: Option<u64>| word.and_then(|word| heap.key_text(word));
    answer.field("function", text(info.function_name).or_else(|| text(info.inferred_name)));
    let range = info.start.zip(info.end).map(|(start, end)| format!("{start}-{end}"));
    answer.field("source", range);
    answer.field("outer", info.outer.map_or(Cell::Nothing, Cell::Address));
    answer.field("variables", Cell::Number(info.local_count));
    for (i, word) in info.locals.iter().enumerate() {
        answer.field(format!("variable {i}"), heap.key_text(*word));
        answer.words.push(*word);
    }
    Ok(answer)
}
