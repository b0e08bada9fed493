//! Where results and remarks go, and how they may look.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use crate::text;

/// When to use colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set or TERM is "dumb"
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// Standard output. A reader that went away shows as an error of kind `BrokenPipe`.
pub(crate) struct Output {
    out: BufWriter<Stdout>,
    colored: bool,
    is_terminal: bool,
}

impl Output {
    pub(crate) fn new(choice: ColorChoice) -> Output {
        let is_terminal = io::stdout().is_terminal();
        let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let plain = set("NO_COLOR").is_some() || set("TERM").is_some_and(|term| term == "dumb");
        let colored = match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && !plain,
        };
        Output { out: BufWriter::with_capacity(1 << 16, io::stdout()), colored, is_terminal }
    }

    /// Whether results are read by a person at a terminal.
    pub(crate) fn is_terminal(&self) -> bool {
        self.is_terminal
    }

    /// Whether results are coloured.
    pub(crate) fn is_colored(&self) -> bool {
        self.colored
    }

    /// A line of its own above what follows.
    pub(crate) fn heading(&mut self, heading: &str) -> io::Result<()> {
        let heading = self.bold(heading);
        writeln!(self.out, "\n{heading}")
    }

    /// Emphasis, where there are colors.
    pub(crate) fn bold(&self, text: &str) -> String {
        if self.colored { format!("\u{1b}[1m{text}\u{1b}[0m") } else { text.to_owned() }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// A remark on standard error. Nothing is lost if nobody listens.
pub(crate) fn say(kind: &str, message: &str) {
    let _ = writeln!(io::stderr(), "heapdowse: {kind}: {}", text::safe(message));
}

/// Something the user should know.
pub(crate) fn warn(message: &str) {
    say("warning", message);
}
