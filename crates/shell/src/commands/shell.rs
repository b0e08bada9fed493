//! `status`, `help`: what this is, and what can be asked.

use process_memory::{ProcessMemory, auxiliary_type};

use super::row;
use crate::CommandError;
use crate::answer::{Answer, Cell, Column, left};
use crate::options::Call;
use crate::session::Session;
use crate::snapshot;
use crate::syntax::Form;
use crate::table::{Address, Command, OnSnapshot, commands, find};

pub(super) const ROWS: &[Command] = &[
    Command {
        address: Address::None,
        snapshot: OnSnapshot::Run(snapshot::status),
        ..row("status", "which core, which program, which V8, how it ended", status)
    },
    Command {
        address: Address::None,
        arguments: "[COMMAND]",
        aliases: &["dcmds"],
        snapshot: OnSnapshot::Run(|_, call| help(call)),
        ..row("help", "the commands, or how one is used", |_, call| help(call))
    },
];

const COMMANDS: &[Column] = &[left("usage", ""), left("help", "")];

fn status(session: &Session<'_, '_>, _: &Call) -> Result<Answer, CommandError> {
    let memory = session.dead.memory();
    let layout = session.dead.layout();
    let executable = session.dead.executable();
    let mut answer = Answer::default();
    answer.field("core", session.dead.name().to_owned());
    answer.field("program", executable.path.clone());
    answer.field("build id", executable.build_id.as_ref().map(ToString::to_string));
    answer.field("V8", layout.version_text.clone());
    let signal = memory.threads().first().map(|thread| thread.signal).filter(|signal| *signal != 0);
    answer.field(
        "ended by",
        match signal {
            Some(signal) => signal_name(signal),
            None => "nothing: it was running".to_owned(),
        },
    );
    let threads = memory.threads().len() as u64;
    answer.field("threads", Cell::Number(threads));
    for opened in &session.isolates {
        let isolate = &opened.heap.isolate;
        let thread = isolate.thread.and_then(|index| memory.threads().get(index));
        let thread =
            thread.map_or_else(|| "no known thread".to_owned(), |thread| format!("thread {}", thread.id));
        answer.explained("isolate", Cell::Address(isolate.address), thread);
    }
    if let Some(cut) = memory.cut_off() {
        answer.field("missing", format!("{} bytes of memory: the core is cut off", cut.missing));
    }
    if let Some(page) = memory.auxiliary().get(auxiliary_type::PAGE_SIZE) {
        answer.field("page size", Cell::Number(page));
    }
    Ok(answer)
}

/// Names of signals that end programs.
fn signal_name(signal: i32) -> String {
    let names = [
        (4, "SIGILL"),
        (5, "SIGTRAP"),
        (6, "SIGABRT"),
        (7, "SIGBUS"),
        (8, "SIGFPE"),
        (11, "SIGSEGV"),
        (31, "SIGSYS"),
    ];
    let name = names.iter().find(|(number, _)| *number == signal).map(|(_, name)| *name);
    name.map_or_else(|| format!("signal {signal}"), |name| format!("signal {signal} ({name})"))
}

fn help(call: &Call) -> Result<Answer, CommandError> {
    let name = call.arguments.join(" ");
    if name.is_empty() {
        let rows = commands().map(|command| vec![command.usage().into(), command.help.into()]).collect();
        let mut answer = Answer::table(COMMANDS, rows);
        answer.say("ADDR is an address as these commands print it; . is the last one. A | gives the addresses of one \
                    command to the next, ! gives the text to a command of the system. --garbage counts garbage, too.");
        return Ok(answer);
    }
    let name = name.trim_start_matches(':');
    let found = match name.strip_prefix("v8 ") {
        Some(name) => find(Form::Llnode, name),
        None => find(Form::Mdb, name).or_else(|| find(Form::Llnode, name)).or_else(|| find(Form::Bare, name)),
    };
    let command = found
        .ok_or_else(|| CommandError::usage(&format!("there is no command {name}; ::help lists them")))?;
    let mut answer = Answer::line(command.usage());
    answer.say(command.help);
    for option in command.options {
        let value = option.value.map(|value| format!(" {value}")).unwrap_or_default();
        answer.field(format!("-{}{value}", option.letter), option.help);
    }
    if let OnSnapshot::Cannot(why) = command.snapshot {
        answer.say(format!("Not on heap snapshots: {why}."));
    }
    Ok(answer)
}
