//! The table of commands.

use crate::CommandError;
use crate::answer::Answer;
use crate::options::Call;
use crate::session::Session;
use crate::snapshot::SnapshotSession;
use crate::syntax::Form;

/// Whether a command is of an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Address {
    /// It takes none.
    None,
    /// It may have one.
    Optional,
    /// It needs one.
    Required,
}

/// An option of a command.
#[derive(Debug, Clone, Copy)]
pub struct Opt {
    /// Its letter.
    pub letter: char,
    /// Its long name; empty if it has none.
    pub long: &'static str,
    /// What its value is called; `None` for a switch.
    pub value: Option<&'static str>,
    /// What it does.
    pub help: &'static str,
}

/// What a command does on a core.
pub type Run = fn(&Session<'_, '_>, &Call) -> Result<Answer, CommandError>;
/// What it does on a heap snapshot.
pub type RunOnSnapshot = fn(&SnapshotSession<'_>, &Call) -> Result<Answer, CommandError>;

/// Whether a command works on a snapshot.
#[derive(Clone, Copy)]
pub enum OnSnapshot {
    /// It does.
    Run(RunOnSnapshot),
    /// It cannot: why, and what to use.
    Cannot(&'static str),
}

/// A command.
#[derive(Clone, Copy)]
pub struct Command {
    /// How it is written.
    pub form: Form,
    /// Its name, without `::` and `v8`.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// Whether it takes an address.
    pub address: Address,
    /// Its options.
    pub options: &'static [Opt],
    /// What its arguments are called; empty if it takes none.
    pub arguments: &'static str,
    /// What it does, in a line.
    pub help: &'static str,
    /// What it does on a core.
    pub run: Run,
    /// What it does on a snapshot.
    pub snapshot: OnSnapshot,
}

impl Command {
    /// How it is called: `[ADDR]::name [-a] [-n N] args`.
    pub fn usage(&self) -> String {
        let mut text = match (self.form, self.address) {
            (Form::Mdb, Address::Required) => format!("ADDR::{}", self.name),
            (Form::Mdb, Address::Optional) => format!("[ADDR]::{}", self.name),
            (Form::Mdb, Address::None) => format!("::{}", self.name),
            (Form::Llnode, _) => format!("v8 {}", self.name),
            (Form::Bare, _) => self.name.to_owned(),
        };
        for option in self.options {
            match option.value {
                Some(value) => text.push_str(&format!(" [-{} {value}]", option.letter)),
                None => text.push_str(&format!(" [-{}]", option.letter)),
            }
        }
        if self.form != Form::Mdb && self.address != Address::None {
            text.push_str(" ADDR");
        }
        if !self.arguments.is_empty() {
            text.push(' ');
            text.push_str(self.arguments);
        }
        text
    }
}

/// All commands, in the order of the help.
pub fn commands() -> impl Iterator<Item = &'static Command> {
    crate::commands::ALL.iter().flat_map(|rows| rows.iter())
}

/// The command of a name. Bare words are llnode's short names, else mdb's names.
pub fn find(form: Form, name: &str) -> Option<&'static Command> {
    let named = |command: &&Command| command.name == name || command.aliases.contains(&name);
    let of = |form: Form| commands().filter(move |command| command.form == form).find(named);
    match form {
        Form::Mdb | Form::Llnode => of(form),
        Form::Bare => of(Form::Bare).or_else(|| of(Form::Llnode)).or_else(|| of(Form::Mdb)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_every_row_has_help() {
        let mut seen = std::collections::BTreeSet::new();
        for command in commands() {
            assert!(seen.insert((format!("{:?}", command.form), command.name)), "{}", command.name);
            assert!(!command.help.is_empty() && !command.usage().is_empty());
            let mut letters: Vec<_> = command.options.iter().map(|option| option.letter).collect();
            letters.sort_unstable();
            letters.dedup();
            assert_eq!(letters.len(), command.options.len(), "{}", command.name);
        }
    }
}
