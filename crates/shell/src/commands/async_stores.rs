//! `asyncstores`: what every `AsyncLocalStorage` holds, and for whom.
//!
//! Up to Node 22 each storage has a symbol of its own (`kResourceStore`), and each asynchronous resource (a promise, a
//! timer, a socket's request) has the store of its context under that symbol. From Node 24 on a context is an
//! `AsyncContextFrame`, a Map from storages to stores (Node's lib/internal/async_local_storage).

use std::collections::BTreeMap;

use postmortem::answers::hex;
use postmortem::object::PropertyValue;

use super::node::{property, text};
use super::objects::matching;
use super::parts::word_text;
use super::row;
use crate::CommandError;
use crate::answer::{Answer, Cell, Column, left, right};
use crate::options::Call;
use crate::session::{Opened, Session, pointer};
use crate::table::{Address, Command, OnSnapshot};

pub(super) const ROWS: &[Command] = &[Command {
    address: Address::Optional,
    snapshot: OnSnapshot::Cannot("properties that are symbols have no identity there; see findjsobjects -c"),
    ..row(
        "asyncstores",
        "the stores of each AsyncLocalStorage by class; with the address of a storage, each of its stores",
        async_stores,
    )
}];

const BY_CLASS: &[Column] = &[
    left("storage", "STORAGE"),
    left("name", "NAME"),
    right("stores", "STORES"),
    right("holders", "HELD BY"),
    left("holder", "FOR INSTANCE"),
    left("representative", "A STORE"),
    left("class", "CLASS"),
];
const EACH: &[Column] = &[
    left("store", "STORE"),
    right("holders", "HELD BY"),
    left("holder", "FOR INSTANCE"),
    left("value", "VALUE"),
];

/// What holds a store.
#[derive(Clone, Copy)]
struct Holders {
    count: u64,
    first: u64,
}

/// The stores of a storage, each a tagged word, and what holds them.
type Stores = BTreeMap<u64, Holders>;

fn async_stores(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    if call.address.is_some() {
        let (opened, storage) = session.object(call.word()?)?;
        let stores = found(session, opened)?.remove(&storage).ok_or_else(|| {
            CommandError::failed(format!(
                "{} is no AsyncLocalStorage that is alive; ::asyncstores lists them",
                hex(storage)
            ))
        })?;
        return Ok(each(session, opened, &stores));
    }
    let (mut rows, mut words) = (Vec::new(), Vec::new());
    for opened in &session.isolates {
        for (storage, stores) in found(session, opened)? {
            by_class(opened, storage, &stores, &mut rows, &mut words);
        }
    }
    if rows.is_empty() {
        return Ok(Answer::line("no AsyncLocalStorage is alive"));
    }
    Ok(Answer { words, ..Answer::table(BY_CLASS, rows) })
}

/// All storages of an isolate with their stores.
fn found(session: &Session<'_, '_>, opened: &Opened<'_, '_>) -> Result<BTreeMap<u64, Stores>, CommandError> {
    let (heap, names) = (opened.heap, opened.names());
    let is = |class: &'static str| move |object| names.of(object).as_deref() == Some(class);
    let storages = matching(session, opened, false, is("AsyncLocalStorage"))?;
    let mut all: BTreeMap<u64, Stores> =
        storages.iter().map(|storage| (*storage, Stores::default())).collect();
    let mut add = |storage: u64, store: u64, holder: u64| {
        // What runs outside of all contexts has `undefined`.
        if let Some(stores) =
            all.get_mut(&storage).filter(|_| heap.target(store) != Some(heap.roots.undefined))
        {
            stores.entry(store).or_insert(Holders { count: 0, first: holder }).count += 1;
        }
    };
    let keys: Vec<(u64, u64)> = storages
        .iter()
        .filter_map(|storage| Some((*storage, heap.target(property(opened, *storage, "kResourceStore")?)?)))
        .collect();
    let holds = |object| {
        let properties = heap.properties(object);
        properties.iter().any(|own| keys.iter().any(|(_, key)| heap.target(own.key) == Some(*key)))
    };
    let resources = if keys.is_empty() { Vec::new() } else { matching(session, opened, false, holds)? };
    for resource in resources {
        for own in heap.properties(resource) {
            let of = keys.iter().find(|(_, key)| heap.target(own.key) == Some(*key));
            if let (Some((storage, _)), PropertyValue::Data(store)) = (of, own.value) {
                add(*storage, store, resource);
            }
        }
    }
    for frame in matching(session, opened, false, is("AsyncContextFrame"))? {
        let table = heap.field(frame, heap.layout.fields.collection_table).ok();
        let Some(table) = table.and_then(|word| heap.target(word)) else { continue };
        for entry in heap.ordered_table(table, true) {
            if let Some(storage) = heap.target(entry.key) {
                add(storage, entry.value, frame);
            }
        }
    }
    Ok(all)
}

/// A row for each class of stores, most stores first.
fn by_class(
    opened: &Opened<'_, '_>,
    storage: u64,
    stores: &Stores,
    rows: &mut Vec<Vec<Cell>>,
    words: &mut Vec<u64>,
) {
    // The number of stores, what holds them, and one of them.
    let mut classes: BTreeMap<String, (u64, Holders, u64)> = BTreeMap::new();
    for (store, holders) in stores {
        let row =
            classes.entry(class(opened, *store)).or_insert((0, Holders { count: 0, ..*holders }, *store));
        row.0 += 1;
        row.1.count += holders.count;
    }
    // A storage has a name if it was given one, which Node allows from 24 on.
    let name = property(opened, storage, "#name").filter(|word| is_string(opened, *word));
    let name = name.and_then(|word| text(opened, word)).filter(|name| !name.is_empty());
    let name = name.unwrap_or_else(|| "-".to_owned());
    let mut classes: Vec<_> = classes.into_iter().collect();
    classes.sort_by_key(|(_, (count, ..))| std::cmp::Reverse(*count));
    if classes.is_empty() {
        words.push(pointer(storage));
        let none = [Cell::Number(0), Cell::Number(0), Cell::Nothing, Cell::Nothing, "no store".into()];
        rows.push([Cell::Address(storage), name.into()].into_iter().chain(none).collect());
        return;
    }
    for (class, (count, holders, store)) in classes {
        words.push(store);
        rows.push(vec![
            Cell::Address(storage),
            name.clone().into(),
            Cell::Number(count),
            Cell::Number(holders.count),
            class_of(opened, holders.first).into(),
            opened.heap.target(store).map_or(Cell::Nothing, Cell::Address),
            class.into(),
        ]);
    }
}

fn each(session: &Session<'_, '_>, opened: &Opened<'_, '_>, stores: &Stores) -> Answer {
    let mut sorted: Vec<_> = stores.iter().collect();
    sorted.sort_by_key(|(_, holders)| std::cmp::Reverse(holders.count));
    let row = |(store, holders): &(&u64, &Holders)| {
        vec![
            opened.heap.target(**store).map_or(Cell::Nothing, Cell::Address),
            Cell::Number(holders.count),
            class_of(opened, holders.first).into(),
            word_text(session, opened, **store).into(),
        ]
    };
    let rows = sorted.iter().map(row).collect();
    Answer { words: sorted.iter().map(|(store, _)| **store).collect(), ..Answer::table(EACH, rows) }
}

fn class(opened: &Opened<'_, '_>, word: u64) -> String {
    opened.heap.target(word).map_or_else(|| "(number)".to_owned(), |object| class_of(opened, object))
}

fn is_string(opened: &Opened<'_, '_>, word: u64) -> bool {
    opened.heap.target(word).is_some_and(|object| opened.heap.is_string(object))
}

fn class_of(opened: &Opened<'_, '_>, object: u64) -> String {
    if opened.heap.is_string(object) {
        return "(string)".to_owned();
    }
    opened.names().of(object).unwrap_or_else(|| opened.class_of(object))
}
