//! `v8internal`, `v8print`, `v8type`, `v8whatis`: objects as V8 itself sees them.

use postmortem::answers::hex;
use postmortem::heap::words::small_integer;

use super::metadata::Catalogue;
use super::{row, switch};
use crate::CommandError;
use crate::answer::{Answer, Cell, Column, left, right};
use crate::commands::print::brief;
use crate::options::Call;
use crate::session::{Opened, Session, plain, pointer};
use crate::snapshot;
use crate::table::{Command, OnSnapshot};

pub(super) const ROWS: &[Command] = &[
    Command {
        arguments: "[INDEX]",
        ..row(
            "v8internal",
            "the fields that C++ keeps in an object (a handle's address, for instance)",
            internal,
        )
    },
    Command {
        arguments: "[CLASS]",
        ..row("v8print", "all known fields of an object, as of a class of V8's", print)
    },
    Command {
        snapshot: OnSnapshot::Run(snapshot::kind),
        ..row("v8type", "the type of an object in V8", kind)
    },
    Command {
        options: &[switch('v', "with its size and page, too")],
        ..row("v8whatis", "the object that holds an address", whatis)
    },
];

const FIELDS: &[Column] = &[left("index", ""), left("word", "")];
const OFFSETS: &[Column] = &[right("offset", ""), left("field", ""), left("word", ""), left("meaning", "")];
/// Classes that inherit from each other longer than this are a loop.
const DEEPEST: usize = 64;

fn internal(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let (opened, object) = session.object(call.word()?)?;
    let heap = opened.heap;
    let types = &heap.layout.types;
    let map = heap.map_of(object).filter(|map| map.is_receiver(heap.layout));
    let map = map
        .ok_or_else(|| CommandError::failed(format!("{} has no such fields: it is V8's own", hex(object))))?;
    let made_by_api = [types.js_api_object, types.js_special_api_object, types.js_global_object]
        .contains(&map.kind)
        || map.kind >= types.js_api_object && map.kind < types.js_array;
    // They lie between V8's own fields (map, properties, elements) and the object's properties.
    let first = header_words(opened);
    let words = u64::from(map.inobject_start);
    if !made_by_api || words <= first {
        return Err(CommandError::failed(format!(
            "{} has no such fields: C++ made no {} with any",
            hex(object),
            opened.class_of(object)
        )));
    }
    let mut answer = Answer::default();
    let wanted = call.arguments.first().map(|text| text.parse::<u64>());
    let wanted = wanted.transpose().map_err(|_| CommandError::usage("an index is a number"))?;
    let mut rows = Vec::new();
    for index in 0..words - first {
        if wanted.is_some_and(|wanted| wanted != index) {
            continue;
        }
        let word = heap.field(object, 8 * (first + index)).ok();
        answer.words.extend(word);
        rows.push(vec![Cell::Number(index), word.map_or(Cell::Nothing, Cell::Address)]);
    }
    if rows.is_empty() {
        return Err(CommandError::failed(format!("it has {} such fields, counted from 0", words - first)));
    }
    answer.append(Answer::table(FIELDS, rows));
    Ok(answer)
}

/// Words of an object that C++ made before its embedder fields: map, properties, elements; newer versions keep the
/// address of a C++ object behind them.
fn header_words(opened: &Opened<'_, '_>) -> u64 {
    let wrappable =
        opened.heap.layout.metadata.value("class JSAPIObjectWithEmbedderSlots cpp_heap_wrappable");
    match wrappable {
        Some(offset) => offset as u64 / 8 + 1,
        None => 3,
    }
}

fn print(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let (opened, object) = session.object(call.word()?)?;
    let heap = opened.heap;
    let catalogue = Catalogue::new(&heap.layout.metadata);
    let own = heap.map_of(object).and_then(|map| catalogue.class_of_type(map.kind));
    let class = call.arguments.first().cloned().or(own);
    let class = class.unwrap_or_else(|| {
        if heap.is_string(object) { "String".to_owned() } else { "HeapObject".to_owned() }
    });
    if !catalogue.has(&class) {
        return Err(CommandError::failed(format!(
            "{class} is no class that is known; ::v8classes lists them"
        )));
    }
    let size = heap.size_of(object).unwrap_or(8);
    let mut answer =
        Answer::line(format!("{} {}", hex(object), catalogue.lineage(&class, DEEPEST).join(" < ")));
    let mut rows = Vec::new();
    for (offset, class, field) in catalogue.fields(&class, DEEPEST) {
        if offset >= size {
            continue;
        }
        let word = heap.field(object, offset).ok();
        let meaning = word.map(|word| meaning(session, opened, word));
        rows.push(vec![
            Cell::Text(format!("+{offset:#x}")),
            Cell::Text(format!("{class}.{field}")),
            word.map_or(Cell::Nothing, Cell::Address),
            meaning.unwrap_or_else(|| "(missing)".to_owned()).into(),
        ]);
        answer.words.extend(word);
    }
    answer.append(Answer::table(OFFSETS, rows));
    Ok(answer)
}

fn meaning(session: &Session<'_, '_>, opened: &Opened<'_, '_>, word: u64) -> String {
    match (opened.heap.target(word), small_integer(word)) {
        (Some(object), _) => {
            let text = brief(session, opened, word);
            text.strip_prefix(&format!("{} ", hex(object))).map(ToOwned::to_owned).unwrap_or(text)
        }
        (None, Some(small)) if word as u32 == 0 => small.to_string(),
        _ => String::new(),
    }
}

fn kind(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let word = call.word()?;
    if session.object(word).is_err() && word as u32 == 0 {
        return Ok(Answer { words: vec![word], ..Answer::line(format!("{}: a small integer", hex(word))) });
    }
    let (opened, object) = session.object(word)?;
    let name = opened.heap.kind_of(object).map(|kind| opened.heap.type_name(kind)).unwrap_or_default();
    Ok(Answer { words: vec![pointer(object)], ..Answer::line(format!("{}: {name}", hex(object))) })
}

fn whatis(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let word = call.word()?;
    let around = holder(session, word).ok_or_else(|| {
        CommandError::failed(format!("{} is in no object of V8's; see ::whatis", hex(word)))
    })?;
    Ok(around)
}

/// The object around an address; `None` if there is none.
pub(super) fn holder(session: &Session<'_, '_>, word: u64) -> Option<Answer> {
    let at = plain(word) & !7;
    let (opened, start) = session
        .isolates
        .iter()
        .find_map(|opened| opened.heap.object_around(at).map(|start| (opened, start)))?;
    let heap = opened.heap;
    let name = heap.kind_of(start).map(|kind| heap.type_name(kind)).unwrap_or_default();
    let class = opened.names().of(start).map(|class| format!(", of class {class}")).unwrap_or_default();
    let size = heap.size_of(start).unwrap_or(0);
    let into = if at == start { String::new() } else { format!("+{:#x}", at - start) };
    let mut answer =
        Answer::line(format!("{} is {}{into}: {name}{class}, {size} bytes", hex(plain(word)), hex(start)));
    answer.words = vec![pointer(start)];
    Some(answer)
}
