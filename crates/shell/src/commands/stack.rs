//! `jsstack`, `jsframe`: what ran.

use postmortem::answers::hex;
use postmortem::stack::{Frame, FrameKind};

use super::{NO_STACKS, function, row, source, switch, valued};
use crate::CommandError;
use crate::answer::{Answer, Cell, Column, left};
use crate::commands::print::brief;
use crate::options::Call;
use crate::session::{Opened, Session};
use crate::syntax::number;
use crate::table::{Address, Command, OnSnapshot, Opt};

const VERBOSE: Opt = switch('v', "file, line, `this`, arguments, variables and source of each");
const PROPERTY: Opt =
    valued('p', "PROPERTY", "only this of each frame: file, posn, original, kind, this, arg1, ...");
const FUNCTION: Opt = valued('f', "NAME", "only frames of this function");
const LINES: Opt = valued('n', "LINES", "so many lines of source around the call (with -v: 5)");

pub(super) const ROWS: &[Command] = &[
    Command {
        address: Address::None,
        options: &[
            switch('a', "frames of C++, and addresses of frames and functions, too"),
            VERBOSE,
            FUNCTION,
            PROPERTY,
            LINES,
        ],
        snapshot: OnSnapshot::Cannot(NO_STACKS),
        ..row("jsstack", "the stacks of all threads that run JavaScript, innermost call first", stacks)
    },
    Command {
        options: &[
            switch('a', "addresses of frames and functions, too"),
            switch('i', "the frame is at ADDR (else ADDR may also point to it)"),
            VERBOSE,
            FUNCTION,
            PROPERTY,
            LINES,
        ],
        snapshot: OnSnapshot::Cannot(NO_STACKS),
        ..row("jsframe", "one frame of a stack", frame)
    },
];

/// Frames in short.
const COLUMNS: &[Column] = &[left("kind", ""), left("function", ""), left("place", "")];
/// With addresses.
const WITH_ADDRESSES: &[Column] = &[
    left("frame", ""),
    left("kind", ""),
    left("function", ""),
    left("place", ""),
    left("function_address", ""),
];

/// How a kind of frame is called.
pub(crate) fn kind_name(kind: FrameKind) -> &'static str {
    match kind {
        FrameKind::Interpreted => "interpreted",
        FrameKind::Baseline => "baseline",
        FrameKind::Maglev => "maglev",
        FrameKind::Turbofan => "turbofan",
        FrameKind::Inlined => "inlined",
        FrameKind::Builtin => "builtin",
        FrameKind::Native => "native",
        FrameKind::Async => "async",
    }
}

fn is_native(frame: &Frame) -> bool {
    frame.kind == FrameKind::Native
}

/// A frame's function, for people.
pub(crate) fn function_name(frame: &Frame) -> String {
    if is_native(frame) && frame.function.is_none() {
        return frame.address.clone().unwrap_or_default();
    }
    let name = frame.function.as_deref().filter(|name| !name.is_empty());
    name.unwrap_or("<anonymous>").to_owned()
}

/// `script:line:column` of the call, in the source that was compiled to it where a source map tells; of C++ the program
/// or library.
pub(crate) fn place(frame: &Frame) -> Option<String> {
    if let Some(module) = &frame.module {
        return module.rsplit('/').next().map(str::to_owned);
    }
    let script = frame.script.as_ref()?;
    let numbers = [frame.line, frame.column].into_iter().flatten().map(|number| format!(":{number}"));
    let ran = format!("{script}{}", numbers.collect::<String>());
    Some(match original(frame) {
        Some(original) => format!("{original}, compiled to {ran}"),
        None => ran,
    })
}

/// `file:line:column` in the source that people wrote, where a source map tells.
fn original(frame: &Frame) -> Option<String> {
    let place = frame.original.as_ref()?;
    Some(format!("{}:{}:{}", place.file, place.line, place.column))
}

/// What a frame holds: `this`, arguments, variables and registers, as words (small integers are decimal where frames keep them as text).
pub(crate) fn values(frame: &Frame) -> Vec<(String, u64)> {
    let word = |text: &String| match text.strip_prefix("0x") {
        Some(_) => number(text).ok(),
        None => text.parse::<i32>().ok().map(|small| (i64::from(small) as u64) << 32),
    };
    let this = frame.receiver.iter().filter_map(|text| Some(("this".to_owned(), word(text)?)));
    let arguments = frame.arguments.iter().enumerate();
    let arguments = arguments.filter_map(|(i, text)| Some((format!("arg{}", i + 1), word(text)?)));
    let locals = frame.locals.iter();
    let locals = locals.filter_map(|local| Some((local.name.clone(), word(&local.value)?)));
    this.chain(arguments).chain(locals).collect()
}

/// The address of a frame.
pub(crate) fn address(frame: &Frame) -> Option<u64> {
    frame.frame_address.as_ref().and_then(|text| number(text).ok())
}

fn stacks(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    session.go_on("walking the stacks")?;
    let mut answer = Answer::default();
    for opened in &session.isolates {
        let isolate = hex(opened.heap.isolate.address);
        let Some(stack) = session.stack(opened) else {
            answer.remarks.push(format!("no thread is known to run the isolate {isolate}"));
            continue;
        };
        if session.isolates.len() > 1 {
            answer.say(format!("thread {}, isolate {isolate}:", stack.thread));
        }
        if stack.frames.iter().all(is_native) {
            answer.say(format!("thread {}: no JavaScript was running", stack.thread));
        }
        for run in stack.frames.chunk_by(|a, b| is_native(a) && is_native(b)) {
            if is_native(&run[0]) && !call.has('a') {
                // A search asks for functions of JavaScript.
                if call.value('f').is_none() && call.value('p').is_none() {
                    answer.say(format!("({} frames of C++: -a shows them)", run.len()));
                }
                continue;
            }
            for frame in run {
                answer.append(one(session, opened, frame, call)?);
            }
        }
        if let Some(why) = &stack.incomplete {
            answer.say(format!("(cut off here: {why})"));
        }
        for frame in &stack.async_frames {
            answer.append(one(session, opened, frame, call)?);
        }
    }
    Ok(answer)
}

fn frame(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let wanted = call.word()?;
    // Without -i the address may be that of a saved frame pointer.
    let behind = match call.has('i') {
        true => None,
        false => session.main().heap.word(wanted).ok(),
    };
    for at in [Some(wanted), behind].into_iter().flatten() {
        let mut answer = Answer::default();
        let mut found = false;
        for opened in &session.isolates {
            let frames = session.stack(opened).map(|stack| stack.frames.as_slice()).unwrap_or_default();
            for frame in frames.iter().filter(|frame| address(frame) == Some(at)) {
                answer.append(one(session, opened, frame, call)?);
                found = true;
            }
        }
        if found {
            return Ok(answer);
        }
    }
    Err(CommandError::failed(format!(
        "{}: no JavaScript frame is there; ::walk jsframe lists them",
        hex(wanted)
    )))
}

/// One frame, as the options say.
fn one(
    session: &Session<'_, '_>,
    opened: &Opened<'_, '_>,
    frame: &Frame,
    call: &Call,
) -> Result<Answer, CommandError> {
    let name = function_name(frame);
    if call.value('f').is_some_and(|wanted| !name.contains(wanted)) {
        return Ok(Answer::default());
    }
    if let Some(property) = call.value('p') {
        return Ok(property_of(session, opened, frame, property));
    }
    let words: Vec<u64> = address(frame).into_iter().collect();
    let mut answer = if call.has('v') {
        let mut answer = Answer::line(format!("{}: {name}", kind_name(frame.kind)));
        detail(session, opened, frame, call, &mut answer)?;
        answer
    } else {
        let mut cells: Vec<Cell> =
            vec![format!("{}:", kind_name(frame.kind)).into(), name.into(), place(frame).into()];
        let function = frame.function_address.as_ref().and_then(|text| number(text).ok());
        if call.has('a') {
            cells.insert(0, address(frame).map_or(Cell::Nothing, Cell::Address));
            cells.push(function.map_or(Cell::Nothing, Cell::Address));
        }
        Answer::table(if call.has('a') { WITH_ADDRESSES } else { COLUMNS }, vec![cells])
    };
    answer.words = words;
    Ok(answer)
}

fn property_of(session: &Session<'_, '_>, opened: &Opened<'_, '_>, frame: &Frame, name: &str) -> Answer {
    let text = match name {
        "file" => frame.script.clone(),
        "posn" => frame.line.map(|line| format!("line {line}")),
        "original" => original(frame),
        "kind" => Some(kind_name(frame.kind).to_owned()),
        "function" => Some(function_name(frame)),
        "func" => frame.function_address.clone(),
        "frame" => frame.frame_address.clone(),
        _ => None,
    };
    if let Some(text) = text {
        return Answer::line(text);
    }
    let Some((_, word)) = values(frame).into_iter().find(|(own, _)| own == name) else {
        return Answer::default();
    };
    let mut answer = Answer::line(brief(session, opened, word));
    answer.words = vec![word];
    answer
}

fn detail(
    session: &Session<'_, '_>,
    opened: &Opened<'_, '_>,
    frame: &Frame,
    call: &Call,
    answer: &mut Answer,
) -> Result<(), CommandError> {
    if call.has('a') {
        answer.field("frame", frame.frame_address.clone());
        answer.field("func", frame.function_address.clone());
    }
    if let Some(script) = &frame.script {
        answer.field("file", script.clone());
    }
    if let Some(line) = frame.line {
        let column = frame.column.map(|column| format!(", column {column}")).unwrap_or_default();
        answer.field("posn", format!("line {line}{column}"));
    }
    if let Some(original) = original(frame) {
        answer.field("original", original);
    }
    for (name, word) in values(frame) {
        answer.field(name, brief(session, opened, word));
    }
    let lines = call.decimal('n')?.unwrap_or(5);
    if let Some(place) = frame.original.as_ref().filter(|place| !place.lines.is_empty()) {
        answer.sections.push(source::of_original(place, lines));
        return Ok(());
    }
    let function = frame.function_address.as_ref().and_then(|text| number(text).ok());
    let shared = function.and_then(|function| opened.heap.shared_of(function));
    if let (Some(shared), Some(line)) = (shared, frame.line)
        && let Some(script) = opened.heap.script_of(shared)
    {
        answer.sections.extend(source::around(opened, script, line, lines));
    }
    // A function that was optimized into another one has no object to ask; its script is found by its name.
    else if let (Some(name), Some(line)) = (&frame.script, frame.line)
        && let Some(script) = function::script_named(session, opened, name)?
    {
        answer.sections.extend(source::around(opened, script, line, lines));
    }
    Ok(())
}
