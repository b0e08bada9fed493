//! Where mdb's and llnode's commands are asked: at a prompt, or as a script. The commands are `shell`'s.

mod editor;
mod pager;
mod text;

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::ops::ControlFlow;
use std::process::ExitCode;

use anyhow::Result;
use investigation::open::Heap;
use investigation::postmortem::Dead;
use serde::Serialize;
use shell::answer::Answer;
use shell::{CommandError, Session, SnapshotSession, Target};

use crate::output::{Output, say};
use crate::text::safe;
use crate::{interrupt, json};
use editor::{Editor, Entered};

/// Exit codes of a script with a line that had no answer, as those of single commands.
const FAILED: u8 = 2;
const INTERRUPTED: u8 = crate::failure::INTERRUPTED;

/// Where lines come from.
pub(crate) enum Lines {
    /// All are known.
    Given(Vec<String>),
    /// A person types them.
    Prompted,
}

/// What is asked.
enum Asked<'a> {
    Core(&'a Dead),
    Snapshot(&'a Heap),
}

/// How it is asked and answered.
#[derive(Clone, Copy)]
pub(crate) struct Manner {
    /// Answers as JSON, one document for each line.
    pub(crate) json: bool,
    /// Garbage counts, too.
    pub(crate) garbage: bool,
    /// Each line stands before its answer.
    pub(crate) echo: bool,
}

/// Asks, and shows what is answered.
pub(crate) struct Console<'o> {
    output: &'o mut Output,
    manner: Manner,
    lines: Lines,
}

/// A line's answer.
#[derive(Serialize)]
struct LineAnswer<'a> {
    line: &'a str,
    #[serde(flatten)]
    answer: &'a Answer,
}

impl<'o> Console<'o> {
    pub(crate) fn new(output: &'o mut Output, manner: Manner, lines: Lines) -> Self {
        Self { output, manner, lines }
    }

    /// Runs all lines on a core.
    pub(crate) fn ask_core(&mut self, dead: &Dead) -> Result<ExitCode> {
        let heaps = shell::heaps(dead);
        let session = Session::new(dead, &heaps, teller(self.tells()));
        self.ask(&Target::Core(&session), &Asked::Core(dead))
    }

    /// Runs all lines on a heap snapshot.
    pub(crate) fn ask_snapshot(&mut self, heap: &Heap) -> Result<ExitCode> {
        let session = SnapshotSession::new(heap, Box::new(go_on))?;
        self.ask(&Target::Snapshot(&session), &Asked::Snapshot(heap))
    }

    fn tells(&self) -> bool {
        !self.manner.json && io::stderr().is_terminal()
    }

    fn ask(&mut self, target: &Target<'_, '_, '_>, asked: &Asked<'_>) -> Result<ExitCode> {
        match &self.lines {
            Lines::Given(lines) => {
                let lines = lines.clone();
                self.script(target, asked, &lines)
            }
            Lines::Prompted => self.prompt(target, asked),
        }
    }

    /// Goes through all lines, as mdb does, also behind one that fails.
    fn script(
        &mut self,
        target: &Target<'_, '_, '_>,
        asked: &Asked<'_>,
        lines: &[String],
    ) -> Result<ExitCode> {
        let mut code = 0;
        for line in lines {
            if self.manner.echo && !self.manner.json {
                writeln!(self.output, "> {}", safe(line))?;
            }
            let parsed = shell::parse(line);
            let answer = parsed.and_then(|parsed| match parsed.shell {
                Some(_) => Err(CommandError::Usage(
                    "! works at the prompt only; a script can be piped itself".into(),
                )),
                None => shell::run(target, &parsed, self.manner.garbage),
            });
            match answer {
                Ok(answer) => self.show(asked, line, &answer)?,
                Err(CommandError::Interrupted) => return Ok(ExitCode::from(INTERRUPTED)),
                Err(error) => {
                    self.output.flush()?;
                    say("error", &format!("{}: {error}", line.trim()));
                    code = FAILED;
                }
            }
        }
        Ok(ExitCode::from(code))
    }

    fn prompt(&mut self, target: &Target<'_, '_, '_>, asked: &Asked<'_>) -> Result<ExitCode> {
        interrupt::be_patient();
        let mut editor = Editor::new()?;
        say("shell", "::help lists the commands, Tab completes them, Ctrl-D ends");
        loop {
            interrupt::answered();
            let line = match editor.read()? {
                Entered::Line(line) if matches!(line.trim(), "::quit" | "quit" | "exit" | "$q") => break,
                Entered::Line(line) => line,
                Entered::Nothing => continue,
                Entered::End => break,
            };
            if let Err(error) = self.typed(target, asked, &line) {
                match error.downcast_ref::<CommandError>() {
                    Some(CommandError::Interrupted) => say("shell", "interrupted"),
                    Some(error) => say("error", &error.to_string()),
                    None => return Err(error),
                }
            }
            editor.learn(match target {
                Target::Core(session) => session.known_names(),
                Target::Snapshot(session) => session.known_names(),
            });
        }
        Ok(ExitCode::SUCCESS)
    }

    /// A line that a person typed: its answer goes to the command behind `!`, or page by page to the terminal.
    fn typed(&mut self, target: &Target<'_, '_, '_>, asked: &Asked<'_>, line: &str) -> Result<()> {
        let parsed = shell::parse(line)?;
        if parsed.stages.is_empty() {
            if let Some(command) = &parsed.shell {
                pager::through(command, "")?;
            }
            return Ok(());
        }
        let answer = shell::run(target, &parsed, self.manner.garbage)?;
        let text = if self.manner.json { String::new() } else { text::of(&answer) };
        match parsed.shell {
            Some(command) => pager::through(&command, &text)?,
            None if self.manner.json => self.show(asked, line, &answer)?,
            None => pager::page(&text)?,
        }
        self.output.flush()?;
        answer.remarks.iter().for_each(|remark| say("shell", remark));
        Ok(())
    }

    fn show(&mut self, asked: &Asked<'_>, line: &str, answer: &Answer) -> Result<()> {
        if line.trim().is_empty() || line.trim().starts_with('#') {
            return Ok(());
        }
        if self.manner.json {
            let answer = LineAnswer { line: line.trim(), answer };
            match asked {
                Asked::Core(dead) => json::print_for_core(self.output, "shell", dead, &answer)?,
                Asked::Snapshot(heap) => json::print(self.output, "shell", &[heap], &answer)?,
            }
            return Ok(());
        }
        self.output.write_all(text::of(answer).as_bytes())?;
        self.output.flush()?;
        answer.remarks.iter().for_each(|remark| say("shell", remark));
        Ok(())
    }
}

fn go_on() -> ControlFlow<()> {
    if interrupt::asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

/// Says each step once, as it begins.
fn teller<'h>(aloud: bool) -> shell::Tell<'h> {
    let last = RefCell::new(String::new());
    Box::new(move |step: &str| {
        if aloud && !step.is_empty() && *last.borrow() != step {
            say("shell", step);
            step.clone_into(&mut last.borrow_mut());
        }
        go_on()
    })
}
