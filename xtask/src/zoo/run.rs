//! One program, run or attached to, and heapdowse's answer as JSON.

use std::fmt;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use serde_json::Value;

use super::prepare::Program;

/// How heapdowse gets at the program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It starts the program.
    Run,
    /// The program runs already.
    Attach,
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Run => "run",
            Self::Attach => "attach",
        })
    }
}

impl FromStr for Mode {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "run" => Ok(Self::Run),
            "attach" => Ok(Self::Attach),
            _ => Err(()),
        }
    }
}

/// One program on one version of Node in one mode.
pub(crate) struct Case<'a> {
    pub(crate) heapdowse: &'a Path,
    pub(crate) program: &'a Program,
    pub(crate) node: &'a Path,
    pub(crate) mode: Mode,
    pub(crate) matchers: bool,
    pub(crate) own_requests: bool,
}

impl Case<'_> {
    /// Runs it to the end.
    pub(crate) fn answer(&self) -> Result<Value> {
        let mut command = Command::new(self.heapdowse);
        command.arg(self.mode.to_string()).arg("--json");
        let started = match self.mode {
            Mode::Run => None,
            Mode::Attach => Some(Started::start(self)?),
        };
        if let Some(started) = &started {
            command.arg(started.child.id().to_string());
        }
        command.args(["--load", "node load.js {url} {requests} {round}"]);
        if !self.own_requests {
            command.args(["--requests", &self.program.truth.load.requests_per_round.to_string()]);
        }
        if !self.matchers {
            command.arg("--no-matchers");
        }
        if self.mode == Mode::Run {
            command.arg("--").args(&self.program.start);
        }
        let output = self.environment(&mut command).stdin(Stdio::null()).output()?;
        if let Some(started) = started {
            started.still_serves()?;
        }
        if output.stdout.is_empty() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("{}: {}", output.status, said.lines().last().unwrap_or_default());
        }
        serde_json::from_slice(&output.stdout).context("its answer is not JSON")
    }

    fn environment<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let folder = self.node.parent().unwrap_or(self.node);
        let mut path = folder.as_os_str().to_owned();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        command.current_dir(&self.program.folder).env("PATH", path)
    }
}

/// A program that runs without heapdowse; ended when dropped.
struct Started {
    child: Child,
    port: u16,
}

impl Started {
    fn start(case: &Case<'_>) -> Result<Self> {
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let (_, arguments) = case.program.start.split_first().context("an empty start script")?;
        let mut command = Command::new(case.node);
        command.args(arguments).env("PORT", port.to_string());
        let child = case
            .environment(&mut command)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let started = Self { child, port };
        let deadline = Instant::now() + Duration::from_secs(60);
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if Instant::now() > deadline {
                bail!("the program does not listen on its port");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(started)
    }

    /// Whatever heapdowse did, the program goes on.
    fn still_serves(mut self) -> Result<()> {
        if let Some(status) = self.child.try_wait()? {
            bail!("the program ended ({status}) while it was watched");
        }
        TcpStream::connect(("127.0.0.1", self.port)).context("the program does not listen any more")?;
        Ok(())
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
