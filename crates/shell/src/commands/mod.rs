//! The commands: a file for each concern, with rows of the table and what they run.

mod async_stores;
mod code;
mod function;
mod instead;
mod internal;
mod llnode;
mod memory;
mod metadata;
mod node;
mod objects;
mod parts;
mod print;
mod references;
mod shell;
mod source;
mod stack;
mod walk;

pub(crate) use instead::instead_of;
pub(crate) use print::DEEPEST;
pub use walk::names as walkers;

use crate::syntax::Form;
use crate::table::{Address, Command, OnSnapshot, Opt};

/// All rows, in the order of the help.
pub(crate) const ALL: &[&[Command]] = &[
    objects::ROWS,
    print::ROWS,
    references::ROWS,
    stack::ROWS,
    function::ROWS,
    source::ROWS,
    parts::ROWS,
    walk::ROWS,
    code::ROWS,
    internal::ROWS,
    metadata::ROWS,
    memory::ROWS,
    shell::ROWS,
    llnode::ROWS,
    node::ROWS,
    async_stores::ROWS,
];

/// A switch.
const fn switch(letter: char, help: &'static str) -> Opt {
    Opt { letter, long: "", value: None, help }
}

/// An option with a value.
const fn valued(letter: char, value: &'static str, help: &'static str) -> Opt {
    Opt { letter, long: "", value: Some(value), help }
}

/// A row of mdb's with no options, to be filled in.
const fn row(name: &'static str, help: &'static str, run: crate::table::Run) -> Command {
    Command {
        form: Form::Mdb,
        name,
        aliases: &[],
        address: Address::Required,
        options: &[],
        arguments: "",
        help,
        run,
        snapshot: OnSnapshot::Cannot(NO_ADDRESSES),
    }
}

/// Why most commands on V8's own structures do not work on snapshots.
const NO_ADDRESSES: &str = "it has neither addresses nor memory, only objects and their references";
/// Why what is of stacks does not.
const NO_STACKS: &str = "it holds no stacks; take a core (heapdowse capture)";
