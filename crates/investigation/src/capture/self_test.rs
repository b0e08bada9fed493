//! Whether a capture works on this machine: a small process of our own is captured, and must go on as if nothing had
//! been.

use std::{
    io::{self, BufRead, BufReader, Write},
    ops::ControlFlow,
    path::Path,
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{CaptureError, CaptureRequest, Captured, Destination, Event, HoldOptions, Mode, capture};

/// What was found.
#[derive(Debug, Clone, Serialize)]
pub struct SelfTest {
    /// The program that was captured.
    pub program: String,
    /// How.
    pub captured: Captured,
    /// Whether it answered afterwards as before.
    pub answers: bool,
    /// Whether nobody traces it and no child of it is left.
    pub clean: bool,
    /// Whether the core is one, of that process.
    pub core_is_whole: bool,
}

impl SelfTest {
    /// Whether all is well.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.answers && self.clean && self.core_is_whole
    }
}

/// Why the test could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SelfTestError {
    /// The process could not be started or talked to.
    #[error("the process of the test cannot be run: {0}")]
    Process(#[from] io::Error),
    /// It could not be captured.
    #[error(transparent)]
    Capture(#[from] CaptureError),
}

/// A process that answers each line with the same line.
struct Echo {
    child: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    program: &'static str,
}

impl Echo {
    fn start() -> io::Result<Self> {
        // Node, if it is here; else what every system has.
        let node: (&str, &[&str]) = ("node", &["-e", "process.stdin.pipe(process.stdout)"]);
        let mut failed = None;
        for (program, arguments) in [node, ("cat", &[])] {
            let child =
                Command::new(program).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
            match child {
                Ok(mut child) => {
                    let input = child.stdin.take().ok_or(io::ErrorKind::BrokenPipe)?;
                    let output = BufReader::new(child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
                    return Ok(Self { child, input, output, program });
                }
                Err(error) => failed = Some(error),
            }
        }
        Err(failed.unwrap_or(io::ErrorKind::NotFound.into()))
    }

    fn answers(&mut self, word: &str) -> bool {
        let mut line = String::new();
        let sent = writeln!(self.input, "{word}").and_then(|()| self.input.flush());
        sent.is_ok() && self.output.read_line(&mut line).is_ok() && line.trim_end() == word
    }

    fn is_clean(&self) -> bool {
        let pid = self.child.id();
        let traced = node_process::status(pid).map_or(true, |status| status.tracer != 0);
        !traced && node_process::children_of(pid).is_empty()
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Captures a process of our own into a file in this folder, which is removed again.
///
/// # Errors
/// When the process cannot be started, or not be captured.
pub fn self_test(mode: Option<Mode>, folder: &Path) -> Result<SelfTest, SelfTestError> {
    let folder = tempfile::Builder::new().prefix("heapdowse-self-test-").tempdir_in(folder)?;
    let mut echo = Echo::start()?;
    if !echo.answers("before") {
        return Err(io::Error::from(io::ErrorKind::BrokenPipe).into());
    }
    let name = folder.path().join("core");
    let request = CaptureRequest {
        hold: HoldOptions { mode, ..HoldOptions::default() },
        destination: Destination::File { name: name.clone(), replace: false },
        compress: false,
        filter: None,
        include_dont_dump: false,
        bundle_executable: false,
        keep_free: 0,
    };
    let captured = capture(echo.child.id(), request, &mut |_: Event<'_>| ControlFlow::Continue(()))?;
    let core = std::fs::metadata(&name)?;
    let core_is_whole = core.len() == captured.core_bytes && starts_as_core(&name)?;
    let answers = echo.answers("after");
    let until = Instant::now() + Duration::from_secs(1);
    while !echo.is_clean() && Instant::now() < until {
        std::thread::sleep(Duration::from_millis(20));
    }
    let clean = echo.is_clean();
    Ok(SelfTest { program: echo.program.to_owned(), captured, answers, clean, core_is_whole })
}

fn starts_as_core(name: &Path) -> io::Result<bool> {
    let mut head = [0; 18];
    io::Read::read_exact(&mut std::fs::File::open(name)?, &mut head)?;
    // An ELF file of the type "core".
    Ok(head.starts_with(b"\x7fELF") && head[16..18] == [4, 0])
}
