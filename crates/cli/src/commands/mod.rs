//! The commands: one file each, listed once, in the table at the end of this file.

use std::process::ExitCode;

use anyhow::Result;

use crate::output::Output;

/// From rows of "variant: module" to the modules, the arguments that clap parses, and the dispatch. Each module
/// has `Args`, whose doc comment is the help text, and `run`.
macro_rules! commands {
    ($($variant:ident: $module:ident,)*) => {
        $(mod $module;)*

        #[derive(clap::Subcommand)]
        pub(crate) enum Command {
            $(#[allow(missing_docs, reason = "the help text is that of the arguments")]
            $variant($module::Args),)*
        }

        impl Command {
            /// Runs the command and answers the exit code.
            pub(crate) fn run(self, output: &mut Output) -> Result<ExitCode> {
                match self {
                    $(Command::$variant(args) => $module::run(args, output),)*
                }
            }
        }
    };
}

// To add a command, write its file and give it a row here. Help, completions and man pages follow.
commands! {
    Demo: demo,
    Run: run,
    Report: report,
    Attach: attach,
    Snapshot: snapshot,
    Capture: capture,
    Top: top,
    Watch: watch,
    Analyze: analyze,
    Classes: classes,
    Dominators: dominators,
    Retainers: retainers,
    Paths: paths,
    Object: object,
    Strings: strings,
    Diff: diff,
    Nodes: nodes,
    Redact: redact,
    Convert: convert,
    Findjsobjects: findjsobjects,
    Jsprint: jsprint,
    Jsfindrefs: jsfindrefs,
    Jsstack: jsstack,
    Shell: shell,
    V8: v8,
    Gc: gc,
    Tune: tune,
    Explain: explain,
    Completions: completions,
    Man: man,
    Guardian: guardian,
}
