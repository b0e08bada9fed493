//! The big integer arrays, scanned by several threads at once.
//!
//! A section is `[`, then records of a fixed number of integers, then `]`. Each worker in turn takes the next
//! megabyte from the source under a lock, counts its commas (which tells how many whole records it has), takes
//! the part of the output that these records will fill, and scans outside the lock. Only the unfinished record
//! at the end of a chunk is carried over. So reading needs no second copy of the bytes, output stays in order,
//! and no thread waits for another's scan.

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::error::{ReadError, Shown};
use super::input::Input;
use crate::progress::Step;

const CHUNK: usize = 1 << 20;

/// Longest run of bytes in which at least one record must end.
const MAX_RECORD: usize = 16 << 20;

/// Takes the records of one section.
pub(crate) trait Sink {
    /// Takes a run of records, in order, on any thread.
    type Part: Part + Send;

    /// Makes room for the next `records` records; the error says why there is none.
    fn split(&mut self, records: usize) -> Result<Self::Part, String>;

    /// Takes a filled part back, in any order.
    fn merge(&mut self, part: Self::Part);
}

/// A run of records.
pub(crate) trait Part {
    /// Stores record `index` of this part; `offset` is where it begins in the file.
    fn store(&mut self, index: usize, record: &[u64], offset: u64) -> Result<(), FieldProblem>;
}

/// A field's value is not what it can be.
#[derive(Debug)]
pub(crate) struct FieldProblem {
    pub(crate) field: &'static str,
    pub(crate) expected: String,
    pub(crate) found: u64,
}

/// How a section is read.
pub(crate) struct Plan<'a> {
    pub(crate) section: &'static str,
    pub(crate) fields: usize,
    pub(crate) threads: usize,
    pub(crate) salvage: bool,
    pub(crate) progress: &'a mut dyn FnMut(Step) -> ControlFlow<()>,
}

/// How a section ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    /// Records read.
    pub(crate) records: u64,
    /// Where the file was cut, if it was, and reading was told to salvage.
    pub(crate) cut_at: Option<u64>,
}

struct State<'i, R, S> {
    input: &'i mut Input<R>,
    sink: S,
    carry: Vec<u8>,
    records: u64,
    done: bool,
    cut_at: Option<u64>,
    error: Option<ReadError>,
}

struct Chunk<P> {
    part: P,
    first_record: u64,
    records: usize,
    offset: u64,
}

/// Reads a section whose `[` is the next byte, up to and with its `]`.
pub(crate) fn read_records<R: Read + Send, S: Sink + Send>(
    input: &mut Input<R>,
    sink: S,
    plan: Plan<'_>,
) -> Result<(S, Ended), ReadError> {
    input.expect(b'[', plan.section)?;
    let (section, fields, salvage) = (plan.section, plan.fields, plan.salvage);
    let small = input.remaining().is_some_and(|left| left < 4 * CHUNK as u64);
    let helpers = if small { 0 } else { plan.threads.saturating_sub(1) };
    let state = Mutex::new(State {
        input,
        sink,
        carry: Vec::new(),
        records: 0,
        done: false,
        cut_at: None,
        error: None,
    });
    let scan = |before_chunk: &mut dyn FnMut(&mut State<'_, R, S>)| {
        let mut buffer = Vec::with_capacity(CHUNK + 4096);
        loop {
            let chunk = {
                let mut state = lock(&state);
                before_chunk(&mut state);
                next_chunk(&mut state, &mut buffer, section, fields, salvage)
            };
            let Some(mut chunk) = chunk else { return };
            let scanned = scan_chunk(&mut buffer, &mut chunk, section, fields);
            let mut state = lock(&state);
            state.sink.merge(chunk.part);
            if let Err(error) = scanned {
                keep_first(&mut state, error);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..helpers {
            scope.spawn(|| scan(&mut |_| {}));
        }
        // The caller's thread reports, and is the one that can be told to stop.
        scan(&mut |state| {
            let step = Step { name: section, done: state.input.offset(), total: state.input.size };
            if (plan.progress)(step).is_break() {
                keep_first(state, ReadError::Interrupted);
            }
        });
    });
    let state = state.into_inner().unwrap_or_else(PoisonError::into_inner);
    match state.error {
        Some(error) => Err(error),
        None => Ok((state.sink, Ended { records: state.records, cut_at: state.cut_at })),
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Of several errors the one nearest to the beginning of the file is told.
fn keep_first<R, S>(state: &mut State<'_, R, S>, error: ReadError) {
    let offset = |error: &ReadError| match error {
        ReadError::Malformed { offset, .. } => *offset,
        ReadError::Interrupted => 0,
        _ => u64::MAX,
    };
    if state.error.as_ref().is_none_or(|old| offset(&error) < offset(old)) {
        state.error = Some(error);
    }
    state.done = true;
}

fn next_chunk<R: Read, S: Sink>(
    state: &mut State<'_, R, S>,
    buffer: &mut Vec<u8>,
    section: &'static str,
    fields: usize,
    salvage: bool,
) -> Option<Chunk<S::Part>> {
    if state.done {
        return None;
    }
    match fill_chunk(state, buffer, section, fields, salvage) {
        Ok(chunk) => chunk,
        Err(error) => {
            keep_first(state, error);
            None
        }
    }
}

fn fill_chunk<R: Read, S: Sink>(
    state: &mut State<'_, R, S>,
    buffer: &mut Vec<u8>,
    section: &'static str,
    fields: usize,
    salvage: bool,
) -> Result<Option<Chunk<S::Part>>, ReadError> {
    buffer.clear();
    buffer.append(&mut state.carry);
    let offset = state.input.offset() - buffer.len() as u64;
    let mut searched = buffer.len();
    let records = loop {
        let got = state.input.take_bulk(buffer, CHUNK)?;
        if let Some(at) = memchr::memchr(b']', &buffer[searched..]) {
            state.input.give_back(&buffer[searched + at + 1..]);
            buffer.truncate(searched + at);
            state.done = true;
            break last_records(buffer, section, fields, state.records, offset)?;
        }
        let commas = memchr::memchr_iter(b',', buffer).count();
        if got == 0 {
            if !salvage {
                let expected = "more numbers or ']'";
                return Err(state.input.unexpected(section, expected, None));
            }
            state.done = true;
            state.cut_at = Some(offset + buffer.len() as u64);
            let whole = commas / fields;
            buffer.truncate(end_of_value(buffer, commas - whole * fields, whole));
            break whole;
        }
        let whole = commas / fields;
        if whole > 0 {
            let end = end_of_value(buffer, commas - whole * fields, whole);
            state.carry.extend_from_slice(&buffer[end + 1..]);
            buffer.truncate(end);
            break whole;
        }
        if buffer.len() > MAX_RECORD {
            return Err(ReadError::Malformed {
                section: section.to_owned(),
                record: Some(state.records),
                offset,
                expected: format!("a record of {fields} integers"),
                found: format!("{} MiB without one", MAX_RECORD >> 20),
            });
        }
        searched = buffer.len();
    };
    if records == 0 {
        return Ok(None);
    }
    let part = state.sink.split(records).map_err(|problem| {
        foreign_byte(buffer, section, offset).unwrap_or_else(|| ReadError::Inconsistent {
            section: section.to_owned(),
            problem: format!("{problem} (at byte {offset})"),
        })
    })?;
    let first_record = state.records;
    state.records += records as u64;
    Ok(Some(Chunk { part, first_record, records, offset }))
}

/// Position of the comma behind the last whole record, when `open` commas stand behind it.
fn end_of_value(buffer: &[u8], open: usize, whole: usize) -> usize {
    if whole == 0 {
        return 0;
    }
    let mut end = buffer.len();
    for _ in 0..=open {
        end = memchr::memrchr(b',', &buffer[..end]).unwrap_or(0);
    }
    end
}

/// Number of records in the last chunk of a section.
fn last_records(
    buffer: &[u8],
    section: &'static str,
    fields: usize,
    before: u64,
    offset: u64,
) -> Result<usize, ReadError> {
    if before == 0 && buffer.iter().all(u8::is_ascii_whitespace) {
        return Ok(0);
    }
    let values = memchr::memchr_iter(b',', buffer).count() + 1;
    if !values.is_multiple_of(fields) {
        return Err(foreign_byte(buffer, section, offset).unwrap_or_else(|| ReadError::Malformed {
            section: section.to_owned(),
            record: Some(before + (values / fields) as u64),
            offset: offset + buffer.len() as u64,
            expected: format!("{fields} integers in the last record"),
            found: (values % fields).to_string(),
        }));
    }
    Ok(values / fields)
}

/// The first byte that has no place in a list of integers: what is wrong when the number of integers is too.
fn foreign_byte(buffer: &[u8], section: &'static str, offset: u64) -> Option<ReadError> {
    let at =
        buffer.iter().position(|byte| !matches!(byte, b'0'..=b'9' | b',' | b' ' | b'\t' | b'\n' | b'\r'))?;
    Some(ReadError::Malformed {
        section: section.to_owned(),
        record: None,
        offset: offset + at as u64,
        expected: "an unsigned integer, ',' or ']'".to_owned(),
        found: Shown(buffer[at]).to_string(),
    })
}

fn scan_chunk<P: Part>(
    buffer: &mut Vec<u8>,
    chunk: &mut Chunk<P>,
    section: &'static str,
    fields: usize,
) -> Result<(), ReadError> {
    // So that every number, the last too, ends with a comma.
    buffer.extend_from_slice(&PADDING);
    match fields {
        3 => scan::<3, P>(buffer, chunk, section),
        4 => scan::<4, P>(buffer, chunk, section),
        5 => scan::<5, P>(buffer, chunk, section),
        6 => scan::<6, P>(buffer, chunk, section),
        7 => scan::<7, P>(buffer, chunk, section),
        8 => scan::<8, P>(buffer, chunk, section),
        _ => scan_any(buffer, chunk, section, fields),
    }
}

fn scan<const FIELDS: usize, P: Part>(
    buffer: &[u8],
    chunk: &mut Chunk<P>,
    section: &'static str,
) -> Result<(), ReadError> {
    let mut position = 0;
    let mut record = [0u64; FIELDS];
    for index in 0..chunk.records {
        let start = position;
        for value in &mut record {
            *value = match number(buffer, &mut position) {
                Some(value) => value,
                None => return Err(no_number(buffer, position, chunk, index, section)),
            };
        }
        if let Err(problem) = chunk.part.store(index, &record, chunk.offset + start as u64) {
            return Err(bad_field(problem, buffer, start, chunk, index, section));
        }
    }
    Ok(())
}

fn scan_any<P: Part>(
    buffer: &[u8],
    chunk: &mut Chunk<P>,
    section: &'static str,
    fields: usize,
) -> Result<(), ReadError> {
    let mut position = 0;
    let mut record = vec![0u64; fields];
    for index in 0..chunk.records {
        let start = position;
        for value in &mut record {
            *value = match number(buffer, &mut position) {
                Some(value) => value,
                None => return Err(no_number(buffer, position, chunk, index, section)),
            };
        }
        if let Err(problem) = chunk.part.store(index, &record, chunk.offset + start as u64) {
            return Err(bad_field(problem, buffer, start, chunk, index, section));
        }
    }
    Ok(())
}

/// Bytes behind the last record, so that eight bytes can be loaded at every digit.
const PADDING: [u8; 8] = *b",,,,,,,,";

/// The unsigned integer at `position`, and the comma behind it. On `None`, `position` is at what is wrong.
///
/// The usual number has one to seven digits and stands between commas: its eight bytes are loaded at once, its
/// length found from the first byte that is no digit, and its value computed without a branch that depends on
/// the length (such a branch is mispredicted about once a number, and costs more than all the rest).
#[inline(always)]
fn number(buffer: &[u8], position: &mut usize) -> Option<u64> {
    let at = *position;
    if let Some(bytes) = buffer.get(at..at + 8)
        && let Ok(bytes) = <[u8; 8]>::try_from(bytes)
    {
        // A digit's byte becomes its value; all others end up above 9, seen in the high bit.
        let digits = u64::from_le_bytes(bytes) ^ 0x3030_3030_3030_3030;
        let others = (digits | digits.wrapping_add(0x7676_7676_7676_7676)) & 0x8080_8080_8080_8080;
        let bits = others.trailing_zeros() & !7;
        if others != 0 && bits != 0 && bytes[(bits / 8) as usize & 7] == b',' {
            *position = at + (bits / 8) as usize + 1;
            return Some(eight_digits(digits << (64 - bits)));
        }
    }
    number_slowly(buffer, position)
}

/// The value of eight digits, the first in the lowest byte: pairs, then fours, then all.
#[inline(always)]
fn eight_digits(digits: u64) -> u64 {
    const LOW: u64 = 0x0000_00ff_0000_00ff;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let outer = (pairs & LOW).wrapping_mul(100 + (1_000_000 << 32));
    let inner = ((pairs >> 16) & LOW).wrapping_mul(1 + (10_000 << 32));
    outer.wrapping_add(inner) >> 32
}

/// Numbers of eight digits and more, and those with white space around them (V8 ends records with a newline).
#[inline]
fn number_slowly(buffer: &[u8], position: &mut usize) -> Option<u64> {
    let mut at = *position;
    while *buffer.get(at)? <= b' ' {
        at += 1;
    }
    let start = at;
    let mut value = 0u64;
    loop {
        let digit = buffer.get(at)?.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        value = value.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    let digits = at - start;
    while *buffer.get(at)? <= b' ' {
        at += 1;
    }
    // Nineteen digits always fit into 64 bits.
    if buffer[at] != b',' || digits == 0 || digits > 19 {
        *position = if digits > 19 { start } else { at };
        return None;
    }
    *position = at + 1;
    Some(value)
}

#[cold]
fn no_number<P>(
    buffer: &[u8],
    position: usize,
    chunk: &Chunk<P>,
    index: usize,
    section: &'static str,
) -> ReadError {
    // The very last comma is ours: behind the last value of the section, or where a value is missing.
    let found = match buffer.get(position) {
        Some(b'0'..=b'9') if buffer[position..].iter().take(20).all(u8::is_ascii_digit) => {
            "an integer of more than 19 digits".to_owned()
        }
        Some(b'-') => "a negative number".to_owned(),
        Some(b'.' | b'e' | b'E') => "a fraction".to_owned(),
        Some(_) if position + PADDING.len() >= buffer.len() => "']'".to_owned(),
        Some(&byte) => Shown(byte).to_string(),
        None => "the end".to_owned(),
    };
    ReadError::Malformed {
        section: section.to_owned(),
        record: Some(chunk.first_record + index as u64),
        offset: chunk.offset + position.min(buffer.len() - PADDING.len()) as u64,
        expected: "an unsigned integer".to_owned(),
        found,
    }
}

#[cold]
fn bad_field<P>(
    problem: FieldProblem,
    buffer: &[u8],
    start: usize,
    chunk: &Chunk<P>,
    index: usize,
    section: &'static str,
) -> ReadError {
    let space = buffer[start..].iter().take_while(|byte| **byte <= b' ').count();
    ReadError::Malformed {
        section: section.to_owned(),
        record: Some(chunk.first_record + index as u64),
        offset: chunk.offset + (start + space) as u64,
        expected: format!("{} {}", problem.field, problem.expected),
        found: problem.found.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan_one(text: &str) -> (Option<u64>, usize) {
        let mut buffer = text.as_bytes().to_vec();
        buffer.extend_from_slice(&PADDING);
        let mut position = 0;
        let value = number(&buffer, &mut position);
        (value, position)
    }

    #[test]
    fn numbers_of_every_length() {
        let mut value = 0u64;
        for digits in 1..=19 {
            value = value * 10 + (digits % 10);
            let text = format!("{value}");
            assert_eq!(text.len(), digits as usize);
            assert_eq!(scan_one(&format!("{text},5")), (Some(value), text.len() + 1), "{text}");
            assert_eq!(scan_one(&format!(" {text}\n,5")), (Some(value), text.len() + 3), "{text}");
            assert_eq!(scan_one(&text), (Some(value), text.len() + 1), "{text}");
        }
        for value in (0..2_000_000u64).step_by(37) {
            assert_eq!(scan_one(&format!("{value},")).0, Some(value));
        }
    }

    #[test]
    fn what_is_no_number_is_refused_where_it_stands() {
        for (text, at) in
            [("-5,", 0), ("1.5,", 1), ("1e3,", 1), ("x,", 0), ("12a,", 2), (",", 0), ("1 2,", 2)]
        {
            assert_eq!(scan_one(text), (None, at), "{text}");
        }
        assert_eq!(scan_one("12345678901234567890,"), (None, 0));
    }
}
