//! Runs lines: one command after another, each on what the one before it answered.

use crate::answer::Answer;
use crate::options::{Call, sort};
use crate::session::Session;
use crate::snapshot::SnapshotSession;
use crate::syntax::{Form, Line, Stage, number};
use crate::table::{Address, Command, OnSnapshot, find};
use crate::{CommandError, commands};

/// What commands are asked of.
pub enum Target<'t, 'h, 'd> {
    /// A core.
    Core(&'t Session<'h, 'd>),
    /// A heap snapshot.
    Snapshot(&'t SnapshotSession<'d>),
}

/// Runs the commands of a line and answers what the last one says. `garbage` is what every command counts that does not
/// say otherwise.
///
/// # Errors
/// If a command is not known or is used wrongly, has no answer, or Ctrl-C was pressed.
pub fn run(target: &Target<'_, '_, '_>, line: &Line, garbage: bool) -> Result<Answer, CommandError> {
    let mut answer: Option<Answer> = None;
    for stage in &line.stages {
        let input = answer.take();
        let mut next = run_stage(target, stage, input.as_ref().map(|input| input.words.as_slice()), garbage)?;
        if let Some(input) = input {
            let mut remarks = input.remarks;
            remarks.append(&mut next.remarks);
            next.remarks = remarks;
        }
        answer = Some(next);
    }
    Ok(answer.unwrap_or_default())
}

/// Runs one command, on each of the words that come from the command before it, if there was one.
///
/// # Errors
/// As [`run`].
pub fn run_stage(
    target: &Target<'_, '_, '_>,
    stage: &Stage,
    input: Option<&[u64]>,
    garbage: bool,
) -> Result<Answer, CommandError> {
    let command = find(stage.form, &stage.name).ok_or_else(|| unknown(stage))?;
    let mut call = sort(command, &stage.words)?;
    call.garbage |= garbage;
    call.count = stage.count;
    let written = match (&stage.address, stage.form) {
        (Some(address), _) => Some(address.clone()),
        (None, Form::Mdb) => None,
        // Other forms have the address behind the name.
        (None, _) if input.is_none() && command.address != Address::None && !call.arguments.is_empty() => {
            Some(call.arguments.remove(0))
        }
        (None, _) => None,
    };
    if written.is_some() && command.address == Address::None {
        return Err(CommandError::usage(&format!(
            "{} is of no address; it is used as {}",
            command.name,
            command.usage()
        )));
    }
    let written = written.map(|text| word(target, &text)).transpose()?;
    match (written, input) {
        (None, Some(words)) if command.address != Address::None => {
            let mut answer = Answer::default();
            for word in words {
                let one = Call { address: Some(*word), ..call.clone() };
                answer.append(once(target, command, &one)?);
            }
            Ok(answer)
        }
        _ => {
            call.address = written;
            if command.address == Address::Required && written.is_none() {
                let text = format!("{} needs an address; it is used as {}", command.name, command.usage());
                return Err(CommandError::usage(&text));
            }
            once(target, command, &call)
        }
    }
}

fn once(target: &Target<'_, '_, '_>, command: &Command, call: &Call) -> Result<Answer, CommandError> {
    match target {
        Target::Core(session) => {
            session.go_on("")?;
            if call.address.is_some() {
                session.dot.set(call.address);
            }
            (command.run)(session, call)
        }
        Target::Snapshot(session) => match command.snapshot {
            OnSnapshot::Run(run) => run(session, call),
            OnSnapshot::Cannot(why) => {
                Err(CommandError::failed(format!("{} does not work on a heap snapshot: {why}", command.name)))
            }
        },
    }
}

/// An address as people write it: hexadecimal, `.` for the last one, `@id` as snapshots have it.
fn word(target: &Target<'_, '_, '_>, text: &str) -> Result<u64, CommandError> {
    match target {
        Target::Core(session) if text == "." => session
            .dot
            .get()
            .ok_or_else(|| CommandError::usage(". is the last address, and there is none yet")),
        Target::Core(session) => {
            match text.strip_prefix('@') {
                Some(id) => session.object_with(id.parse().map_err(|_| {
                    CommandError::usage(&format!("{text}: an id is a number, such as @12345"))
                })?),
                None => number(text),
            }
        }
        Target::Snapshot(session) => session.node(text),
    }
}

/// What to say of a command that there is not.
fn unknown(stage: &Stage) -> CommandError {
    if let Some(instead) = commands::instead_of(stage) {
        return CommandError::Failed(instead);
    }
    let name = match stage.form {
        Form::Mdb => format!("::{}", stage.name),
        Form::Llnode => format!("v8 {}", stage.name),
        Form::Bare => stage.name.clone(),
    };
    CommandError::usage(&format!("there is no command {name}; ::help lists them"))
}
