//! `walk`: lists that feed other commands.

use postmortem::answers::hex;
use postmortem::object::{Element, PropertyValue};

use super::{function, row, stack};
use crate::CommandError;
use crate::answer::{Answer, Cell, Column, left};
use crate::options::Call;
use crate::session::{Session, plain, pointer};
use crate::snapshot;
use crate::table::{Address, Command, OnSnapshot};

pub(super) const ROWS: &[Command] = &[
    Command {
        address: Address::Optional,
        arguments: "WALKER",
        snapshot: OnSnapshot::Run(snapshot::walk),
        ..row("walk", "the words of a list, one a line (see ::walkers)", walk)
    },
    Command {
        address: Address::None,
        snapshot: OnSnapshot::Run(|_, _| Ok(list())),
        ..row("walkers", "the lists that ::walk knows", |_, _| Ok(list()))
    },
];

type Walk = fn(&Session<'_, '_>, &Call) -> Result<Vec<u64>, CommandError>;

/// A walker: its name, whether it needs an address, what it lists.
struct Walker {
    name: &'static str,
    needs_address: bool,
    help: &'static str,
    walk: Walk,
}

const WALKERS: &[Walker] = &[
    Walker { name: "jselement", needs_address: true, help: "the elements of an array", walk: elements },
    Walker {
        name: "jsprop",
        needs_address: true,
        help: "the values of an object's properties",
        walk: properties,
    },
    Walker {
        name: "jsframe",
        needs_address: false,
        help: "the addresses of the frames of all stacks",
        walk: frames,
    },
    Walker {
        name: "jsscope",
        needs_address: true,
        help: "the scopes that a function closes over",
        walk: scopes,
    },
    Walker { name: "jsobject", needs_address: false, help: "all objects with properties", walk: objects },
];

const WORDS: &[Column] = &[left("address", "")];
const LIST: &[Column] = &[left("name", "WALKER"), left("help", "LISTS")];

fn walk(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let name = call.arguments.first().map(String::as_str).unwrap_or_default();
    let walker = WALKERS.iter().find(|walker| walker.name == name);
    let walker = walker
        .ok_or_else(|| CommandError::usage(&format!("there is no walker {name:?}; ::walkers lists them")))?;
    if walker.needs_address && call.address.is_none() {
        return Err(CommandError::usage(&format!("{name} needs an address: ADDR::walk {name}")));
    }
    let words = (walker.walk)(session, call)?;
    let rows = words.iter().map(|word| vec![Cell::Address(plain(*word))]).collect();
    Ok(Answer { words, ..Answer::table(WORDS, rows) })
}

/// All walkers.
pub fn names() -> impl Iterator<Item = &'static str> {
    WALKERS.iter().map(|walker| walker.name)
}

fn list() -> Answer {
    let row = |walker: &Walker| {
        let address = if walker.needs_address { "ADDR" } else { "" };
        vec![Cell::Text(format!("{address}::walk {}", walker.name)), walker.help.into()]
    };
    Answer::table(LIST, WALKERS.iter().map(row).collect())
}

fn elements(session: &Session<'_, '_>, call: &Call) -> Result<Vec<u64>, CommandError> {
    let (opened, object) = session.object(call.word()?)?;
    let elements = opened.heap.elements(object, usize::MAX >> 8).entries;
    let tagged = elements.into_iter().filter_map(|(_, element)| match element {
        Element::Tagged(word) => Some(word),
        Element::Number(_) | Element::Integer(_) => None,
    });
    Ok(tagged.collect())
}

fn properties(session: &Session<'_, '_>, call: &Call) -> Result<Vec<u64>, CommandError> {
    let (opened, object) = session.object(call.word()?)?;
    let properties = opened.heap.properties(object);
    let data = properties.into_iter().filter_map(|property| match property.value {
        PropertyValue::Data(word) => Some(word),
        _ => None,
    });
    Ok(data.collect())
}

fn frames(session: &Session<'_, '_>, _: &Call) -> Result<Vec<u64>, CommandError> {
    session.go_on("walking the stacks")?;
    let stacks = session.isolates.iter().filter_map(|opened| session.stack(opened));
    let mut addresses: Vec<u64> =
        stacks.flat_map(|stack| stack.frames.iter().filter_map(stack::address)).collect();
    // Functions that were optimized into another one share its frame.
    addresses.dedup();
    Ok(addresses)
}

fn scopes(session: &Session<'_, '_>, call: &Call) -> Result<Vec<u64>, CommandError> {
    let (opened, object) = session.object(call.word()?)?;
    let heap = opened.heap;
    heap.shared_of(object).ok_or_else(|| CommandError::failed(format!("{} is no function", hex(object))))?;
    let context =
        heap.field(object, heap.layout.fields.function_context).ok().and_then(|word| heap.target(word));
    Ok(context
        .map(|context| function::scopes(opened, context))
        .unwrap_or_default()
        .into_iter()
        .map(pointer)
        .collect())
}

fn objects(session: &Session<'_, '_>, call: &Call) -> Result<Vec<u64>, CommandError> {
    let mut words = Vec::new();
    for opened in &session.isolates {
        let heap = opened.heap;
        let of_program = |object: &u64| heap.map_of(*object).is_some_and(|map| map.is_receiver(heap.layout));
        words.extend(session.objects(opened, call.garbage)?.filter(of_program).map(pointer));
    }
    Ok(words)
}
