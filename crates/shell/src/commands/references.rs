//! `jsfindrefs` and `findjsobjects -r`: who refers to an object.

use std::collections::BTreeSet;

use postmortem::answers::{Reference, find_references, hex};

use super::{row, switch, valued};
use crate::CommandError;
use crate::answer::{Answer, Cell, Column, left};
use crate::options::Call;
use crate::session::{Opened, Session, pointer};
use crate::snapshot;
use crate::table::{Command, OnSnapshot};

pub(super) const ROWS: &[Command] = &[Command {
    options: &[
        switch('d', "V8's own objects on the way, too"),
        switch('v', "what was asked for, first"),
        valued('l', "LEVELS", "through so many of V8's own objects (2)"),
    ],
    snapshot: OnSnapshot::Run(snapshot::find_references),
    ..row("jsfindrefs", "the objects, variables and functions that refer to an object", of_one)
}];

/// The columns of references.
pub(crate) const COLUMNS: &[Column] = &[left("from", ""), left("class", ""), left("how", "")];

fn of_one(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    of(session, call.word()?, call)
}

/// `findjsobjects -r`: of an address, else of all that is marked.
pub(super) fn of_marked(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    if let Some(word) = call.address {
        return of(session, word, call);
    }
    let marked = session.marked.borrow().clone();
    if marked.is_empty() {
        return Err(CommandError::usage(
            "nothing is marked: use ADDR::findjsobjects -r, or ADDR::findjsobjects -m first",
        ));
    }
    let mut answer = Answer::default();
    for word in marked {
        answer.say(format!("{} is referred to by:", hex(word & !7)));
        answer.append(of(session, word, call)?);
    }
    Ok(answer)
}

fn of(session: &Session<'_, '_>, word: u64, call: &Call) -> Result<Answer, CommandError> {
    let (opened, object) = session.object(word)?;
    let levels = call.decimal('l')?.unwrap_or(2).min(16);
    let found = through_internals(session, opened, object, levels, call)?;
    let mut answer = Answer::default();
    if call.has('v') {
        let class = opened.class_of(object);
        answer.say(format!("{} ({class}) is referred to by {} objects:", hex(object), found.len()));
    }
    let cells = found.iter().map(reference).collect();
    answer.append(Answer::table(COLUMNS, cells));
    answer.words = found.iter().map(|reference| pointer(reference.from)).collect();
    answer.words.dedup();
    Ok(answer)
}

/// A reference as cells.
pub(crate) fn reference(reference: &Reference) -> Vec<Cell> {
    let weak = if reference.weak { " (weak)" } else { "" };
    vec![
        Cell::Address(reference.from),
        Cell::Text(reference.class.clone()),
        Cell::Text(format!("{}{weak}", reference.how)),
    ]
}

/// References; where one is from V8's own (a cell, a table), those to it, so many levels up.
fn through_internals(
    session: &Session<'_, '_>,
    opened: &Opened<'_, '_>,
    object: u64,
    levels: u64,
    call: &Call,
) -> Result<Vec<Reference>, CommandError> {
    let heap = opened.heap;
    let live = if call.garbage { None } else { Some(session.live(opened)?) };
    let mut found: Vec<Reference> = Vec::new();
    let mut seen = BTreeSet::from([object]);
    let mut wanted = vec![(object, String::new())];
    for level in 0..=levels {
        let mut next = Vec::new();
        for (target, behind) in wanted {
            session.go_on("looking for references")?;
            for mut reference in find_references(heap, opened.names(), live, target) {
                let map = heap.map_of(reference.from);
                let of_program =
                    map.is_some_and(|map| map.is_receiver(heap.layout) || map.is_context(heap.layout));
                if !behind.is_empty() {
                    reference.how = format!("{}{behind}", reference.how);
                }
                if !of_program && level < levels && seen.insert(reference.from) {
                    next.push((
                        reference.from,
                        format!(" through {} {}", reference.class, hex(reference.from)),
                    ));
                }
                if of_program || call.has('d') || level == levels {
                    found.push(reference);
                }
            }
        }
        wanted = next;
        // The outer levels of V8's own structures are broad and of little use.
        if wanted.is_empty()
            || (level > 0 && wanted.len() > 64)
            || !found.is_empty() && !call.has('l') && !call.has('d')
        {
            break;
        }
    }
    Ok(found)
}
