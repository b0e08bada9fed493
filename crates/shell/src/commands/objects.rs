//! `findjsobjects`: objects by class and properties, and the instances of a row.

use postmortem::answers::{ClassRow, hex};
use postmortem::heap::MapInfo;
use rustc_hash::FxHashMap;

use super::{row, switch, valued};
use crate::CommandError;
use crate::answer::{Answer, Cell, Column, left, right};
use crate::commands::references;
use crate::options::Call;
use crate::session::{Opened, Session, plain, pointer};
use crate::snapshot;
use crate::table::{Address, Command, OnSnapshot};

pub(super) const ROWS: &[Command] = &[Command {
    address: Address::Optional,
    options: &[
        switch('v', "tell what was walked, too"),
        switch('b', "only the C heap (V8 keeps no object there: changes nothing)"),
        switch('r', "what refers to ADDR, or to what -m marked"),
        valued('c', "CLASS", "only rows of this class"),
        valued('p', "PROPERTY", "only rows with this property"),
        switch('l', "every matching object, not one of each row"),
        switch('m', "mark ADDR for a later -r"),
    ],
    snapshot: OnSnapshot::Run(snapshot::find_objects),
    ..row(
        "findjsobjects",
        "objects by class and properties, most first; with ADDR, all that are like it",
        find_objects,
    )
}];

/// As mdb_v8 prints them.
pub(crate) const COLUMNS: &[Column] = &[
    right("representative", "OBJECT"),
    right("count", "#OBJECTS"),
    right("property_count", "#PROPS"),
    left("class", "CONSTRUCTOR: PROPS"),
];

/// Objects.
const ADDRESSES: &[Column] = &[left("address", "")];

/// The names of so many properties are shown in a row.
const SHOWN_PROPERTIES: usize = 12;

fn find_objects(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    if call.has('m') {
        session.object(call.word()?)?;
        session.marked.borrow_mut().push(call.word()?);
        return Ok(Answer::line(format!(
            "{} is marked; findjsobjects -r tells what refers to it",
            hex(plain(call.word()?))
        )));
    }
    if call.has('r') {
        return references::of_marked(session, call);
    }
    let mut answer = match call.address {
        Some(word) => alike(session, word, call)?,
        None => rows(session, call)?,
    };
    if call.has('v') {
        for opened in &session.isolates {
            statistics(opened, &mut answer);
        }
    }
    Ok(answer)
}

fn is_wanted(row: &ClassRow, call: &Call) -> bool {
    let class = call.value('c').is_none_or(|class| class == row.name);
    class && call.value('p').is_none_or(|wanted| row.properties.iter().any(|property| property == wanted))
}

fn rows(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let mut answer = Answer::default();
    let mut rows: Vec<(&Opened<'_, '_>, &ClassRow)> = Vec::new();
    for opened in &session.isolates {
        let classes = session.classes(opened, call.garbage)?;
        rows.extend(classes.classes.iter().filter(|row| is_wanted(row, call)).map(|row| (opened, row)));
    }
    rows.sort_by(|(_, a), (_, b)| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    if call.has('l') {
        for (opened, row) in rows {
            answer.append(instances(session, opened, row, call)?);
        }
        return Ok(answer);
    }
    if rows.is_empty() {
        let which = if call.garbage { "object" } else { "live object" };
        let hint = if call.garbage { "" } else { "; --garbage looks at garbage, too" };
        answer.say(format!("no such {which}{hint}"));
    }
    let cells = rows.iter().map(|(_, row)| class_row(row)).collect();
    answer.append(Answer::table(COLUMNS, cells));
    answer.words = rows.iter().map(|(_, row)| pointer(row.representative)).collect();
    Ok(answer)
}

/// A row of classes as cells.
pub(crate) fn class_row(row: &ClassRow) -> Vec<Cell> {
    let mut names = row.properties.iter().take(SHOWN_PROPERTIES).cloned().collect::<Vec<_>>().join(", ");
    if row.properties.len() > SHOWN_PROPERTIES {
        names.push_str(", ...");
    }
    let class = if names.is_empty() { row.name.clone() } else { format!("{}: {names}", row.name) };
    vec![
        Cell::Address(row.representative),
        Cell::Number(row.count),
        Cell::Number(row.properties.len() as u64),
        Cell::Text(class),
    ]
}

/// All objects of the row that an object is of.
fn alike(session: &Session<'_, '_>, word: u64, call: &Call) -> Result<Answer, CommandError> {
    let (opened, object) = session.object(word)?;
    let name = opened.names().of(object).ok_or_else(|| {
        CommandError::failed(format!(
            "{} is V8's own ({}): it has no class",
            hex(object),
            opened.class_of(object)
        ))
    })?;
    let properties = opened.names().property_names(object);
    let row = ClassRow { name, count: 0, shallow_size: 0, representative: object, properties };
    instances(session, opened, &row, call)
}

fn instances(
    session: &Session<'_, '_>,
    opened: &Opened<'_, '_>,
    row: &ClassRow,
    call: &Call,
) -> Result<Answer, CommandError> {
    let names = opened.names();
    let alike = |object: u64| {
        names.of(object).as_ref() == Some(&row.name) && names.property_names(object) == row.properties
    };
    let found = matching(session, opened, call.garbage, alike)?;
    let cells = found.iter().map(|object| vec![Cell::Address(*object)]).collect();
    let mut answer = Answer::table(ADDRESSES, cells);
    answer.words = found.into_iter().map(pointer).collect();
    Ok(answer)
}

/// The objects with properties of which something holds that is the same for all objects of a map, unless their names
/// or properties depend on what is in them.
pub(crate) fn matching(
    session: &Session<'_, '_>,
    opened: &Opened<'_, '_>,
    garbage: bool,
    holds: impl Fn(u64) -> bool,
) -> Result<Vec<u64>, CommandError> {
    let heap = opened.heap;
    let mut by_map: FxHashMap<u64, bool> = FxHashMap::default();
    let mut found = Vec::new();
    for (i, object) in session.objects(opened, garbage)?.enumerate() {
        if i % (1 << 18) == 0 {
            session.go_on("looking at objects")?;
        }
        let Some(map) = heap.map_of(object).filter(|map: &MapInfo| map.is_receiver(heap.layout)) else {
            continue;
        };
        let is_alike = match by_map.get(&map.address) {
            Some(known) => *known,
            None => {
                let holds = holds(object);
                if !map.is_dictionary() && !opened.names().depends_on_content(&map) {
                    by_map.insert(map.address, holds);
                }
                holds
            }
        };
        if is_alike {
            found.push(object);
        }
    }
    Ok(found)
}

fn statistics(opened: &Opened<'_, '_>, answer: &mut Answer) {
    let report = opened.heap.report();
    answer.say(format!("isolate {}", hex(opened.heap.isolate.address)));
    let rows = [
        ("pages", report.page_count),
        ("objects", report.object_count),
        ("bytes of objects", report.object_size),
        ("bytes of free space", report.free_size),
        ("objects whose end was found by the next one", report.resynced_count),
        ("bytes not understood", report.lost_size),
        ("bytes missing", report.missing_size),
    ];
    for (name, number) in rows {
        answer.field(name, Cell::Number(number));
    }
}
