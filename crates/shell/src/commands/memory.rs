//! `whatis`, `ugrep`, `dump`: memory itself.

use postmortem::answers::hex;
use process_memory::{ProcessMemory, ReadExt, mapping_at};

use super::{internal, row, switch, valued};
use crate::CommandError;
use crate::answer::{Answer, Cell, Column, Section, left};
use crate::options::Call;
use crate::session::{Session, plain, pointer};
use crate::table::Command;

pub(super) const ROWS: &[Command] = &[
    Command {
        options: &[switch('v', "the mapping, and the object's id in snapshots, too")],
        ..row("whatis", "what lies at an address: an object, a stack, a file", whatis)
    },
    Command {
        options: &[valued('m', "MASK", "compare only these bits")],
        ..row("ugrep", "where in memory a word stands (pointers with V8's tag, too)", ugrep)
    },
    Command {
        options: &[valued('l', "BYTES", "so many bytes (128)")],
        ..row("dump", "bytes in hexadecimal; also ADDR,COUNT::dump", dump)
    },
];

const PLACES: &[Column] = &[left("address", ""), left("holder", "")];
/// Memory is read in steps of this.
const STEP: u64 = 1 << 20;
/// More places than this are not listed.
const MOST: usize = 100_000;
/// No dump is longer.
const LONGEST: u64 = 1 << 20;

fn whatis(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let at = call.word()?;
    let memory = session.dead.memory();
    let mut answer = internal::holder(session, at).unwrap_or_default();
    let mapping = mapping_at(memory.mappings(), plain(at));
    let Some(mapping) = mapping else {
        return Err(CommandError::failed(format!("{}: nothing is mapped there", hex(at))));
    };
    let range = format!("{}-{}", hex(mapping.range.start), hex(mapping.range.end));
    let stack =
        memory.threads().iter().find(|thread| mapping.range.contains(&thread.registers.stack_pointer()));
    let isolate = session.isolates.iter().find(|opened| {
        let start = opened.heap.isolate.address;
        (start..start + 0x20000).contains(&at)
    });
    if answer.sections.is_empty() {
        let what = match (&mapping.file, stack, isolate) {
            (Some(file), ..) => format!("{}+{}", file.path, hex(file.offset + (at - mapping.range.start))),
            (_, Some(thread), _) => format!("the stack of thread {}", thread.id),
            (.., Some(opened)) => {
                let start = opened.heap.isolate.address;
                format!("the isolate {}+{}", hex(start), hex(at - start))
            }
            _ => "memory without a file".to_owned(),
        };
        answer.say(format!("{} is in {what}, mapped at {range}", hex(at)));
        answer.words = vec![at];
    } else if call.has('v') {
        answer.say(format!("mapped at {range}"));
        if let Ok((opened, object)) = session.object(answer.words[0]) {
            answer.say(match session.id_of(opened, object)? {
                Some(id) => format!("@{id} in heap snapshots of this memory"),
                None => "garbage: in no heap snapshot".to_owned(),
            });
        }
    }
    Ok(answer)
}

fn ugrep(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let wanted = call.word()?;
    let mask = call.value('m').map(crate::syntax::number).transpose()?.unwrap_or(u64::MAX);
    // Objects are pointed at with V8's tag.
    let object = session.object(wanted).is_ok();
    let is_it =
        |word: u64| word & mask == wanted & mask || object && word & mask == pointer(wanted & !7) & mask;
    let mut found = Vec::new();
    let memory = session.dead.memory();
    let mut absent = 0;
    'all: for mapping in memory.mappings().iter().filter(|mapping| mapping.file.is_none()) {
        let mut at = mapping.range.start;
        while at < mapping.range.end {
            session.go_on("searching all memory")?;
            let length = STEP.min(mapping.range.end - at);
            let bytes = match memory.borrow_at(at, length as usize) {
                Some(bytes) => std::borrow::Cow::Borrowed(bytes),
                None => match memory.bytes_at(at, length) {
                    Ok(bytes) => bytes.into(),
                    Err(_) => {
                        absent += length;
                        at += length;
                        continue;
                    }
                },
            };
            let (words, _) = bytes.as_chunks::<8>();
            for (i, word) in words.iter().enumerate() {
                if is_it(u64::from_le_bytes(*word)) {
                    found.push(at + 8 * i as u64);
                    if found.len() >= MOST {
                        break 'all;
                    }
                }
            }
            at += length;
        }
    }
    let holder = |at: u64| {
        session.isolates.iter().find_map(|opened| {
            let start = opened.heap.object_around(at)?;
            Some(format!("{} ({})+{:#x}", hex(start), opened.class_of(start), at - start))
        })
    };
    let rows = found.iter().map(|at| vec![Cell::Address(*at), holder(*at).into()]).collect();
    let mut answer = Answer::table(PLACES, rows);
    if absent > 0 {
        answer.remarks.push(format!("{absent} bytes of mappings are not in the core and were not searched"));
    }
    if found.len() >= MOST {
        answer.remarks.push(format!("only the first {MOST} places are listed"));
    }
    answer.words = found;
    Ok(answer)
}

fn dump(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let at = call.word()?;
    // An object's address may come with its tag.
    let at = if session.object(at).is_ok() { at & !7 } else { at };
    let length = call.count.or(call.decimal('l')?).unwrap_or(128).clamp(1, LONGEST);
    let memory = session.dead.memory();
    let mut answer = Answer::default();
    let bytes = match memory.bytes_at(at, length) {
        Ok(bytes) => bytes,
        Err(gap) if gap.address > at => {
            answer.remarks.push(gap.to_string());
            memory.bytes_at(at, gap.address - at).unwrap_or_default()
        }
        Err(gap) => return Err(CommandError::failed(gap.to_string())),
    };
    answer.sections.push(Section::Memory { address: at, bytes });
    answer.words = vec![at];
    Ok(answer)
}
