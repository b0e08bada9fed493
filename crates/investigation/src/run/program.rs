//! The program: started in a process group of its own, heard, and ended with all that it started.

use std::{
    collections::BTreeSet,
    io::{BufRead, BufReader, Read},
    net::TcpListener,
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use node_process::ProcessTree;

use super::{
    OutputSink, Ready, RunError, RunOptions,
    announcement::{Announcement, Announcements},
};

/// How long a program may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(3);

/// What Node prints about its inspector, which nobody asked for.
const INSPECTOR_LINES: [&[u8]; 5] = [
    b"Debugger listening on ws://",
    b"For help, see: https://nodejs.org/",
    b"Debugger attached.",
    b"Debugger ending on ws://",
    b"Waiting for the debugger to disconnect...",
];

/// A started program. Dropping it ends it with all that it started.
#[derive(Debug)]
pub(crate) struct Program {
    child: Child,
    announcements: Announcements,
    /// The port in its `PORT`, if that is a number.
    pub(super) port: Option<u16>,
    said: Arc<AtomicBool>,
    status: Option<std::process::ExitStatus>,
    stopping: bool,
}

impl Program {
    pub(crate) fn start(options: &RunOptions) -> Result<Self, RunError> {
        let (name, arguments) = options.command.split_first().ok_or(RunError::NoCommand)?;
        let file_error = |source| RunError::File { what: "the script to preload".into(), source };
        let announcements = Announcements::prepare().map_err(file_error)?;
        let given = |name: &str| {
            let ours =
                options.environment.iter().rev().find(|(key, _)| key == name).map(|(_, value)| value.clone());
            ours.or_else(|| std::env::var(name).ok())
        };
        let port = match given("PORT") {
            Some(port) => port,
            None => {
                free_port().map_err(|source| RunError::Start { program: name.clone(), source })?.to_string()
            }
        };
        let mut command = Command::new(name);
        command
            .args(arguments)
            .envs(options.environment.iter().map(|(key, value)| (key, value)))
            .env("PORT", &port)
            .env("NODE_OPTIONS", announcements.node_options(given("NODE_OPTIONS").as_deref()))
            .env("HEAPDOWSE_PROBE", announcements.folder())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            // A group of its own: Ctrl-C reaches us alone, and we end it in order.
            .process_group(0);
        if let Some(folder) = &options.folder {
            command.current_dir(folder);
        }
        let mut child =
            command.spawn().map_err(|source| RunError::Start { program: name.clone(), source })?;
        let said = Arc::new(AtomicBool::new(false));
        let wanted = match &options.ready {
            Ready::Log(text) => Some(text.clone()),
            _ => None,
        };
        if let Some(stdout) = child.stdout.take() {
            forward(stdout, options.output.clone(), wanted.clone(), said.clone());
        }
        if let Some(stderr) = child.stderr.take() {
            forward(stderr, options.output.clone(), wanted, said.clone());
        }
        Ok(Self { child, announcements, port: port.parse().ok(), said, status: None, stopping: false })
    }

    /// Whether the text of `--ready log:TEXT` was printed.
    pub(super) fn has_said_it(&self) -> bool {
        self.said.load(Ordering::Acquire)
    }

    /// How the program ended, if it has.
    pub(crate) fn ended(&mut self) -> Option<String> {
        if self.status.is_none() {
            self.status = self.child.try_wait().ok().flatten();
        }
        self.status.map(|status| status.to_string())
    }

    /// Whether it had failed, where it has ended.
    pub(super) fn failed(&self) -> bool {
        self.status.is_some_and(|status| !status.success())
    }

    /// The processes of it that live and have made themselves known.
    pub(super) fn node_processes(&self) -> Vec<Announcement> {
        let live: BTreeSet<u32> = self.live_pids().into_iter().collect();
        let mut known = self.announcements.read();
        known.retain(|announcement| live.contains(&announcement.pid));
        known
    }

    pub(crate) fn live_pids(&self) -> Vec<u32> {
        ProcessTree::of(self.child.id()).live_pids().collect()
    }

    /// Whether it ended before we ended it.
    pub(super) fn ended_early(&self) -> bool {
        self.status.is_some() && !self.stopping
    }

    /// Waits a little for a program that is about to end by itself.
    pub(crate) fn wait_for_end(&mut self, patience: Duration) -> Option<String> {
        let deadline = Instant::now() + patience;
        loop {
            let ended = self.ended();
            if ended.is_some() || Instant::now() >= deadline {
                return ended;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Ends the program with all that it started: SIGTERM, and SIGKILL for what is left after 3 seconds.
    pub(crate) fn stop(&mut self) -> Option<String> {
        let root = self.child.id();
        if self.ended().is_none() {
            self.stopping = true;
        }
        // Remembered before their parents end, because then nothing leads to them any more.
        let mut pids = self.live_pids();
        // A process that ends meanwhile is what we want, so failures to send mean nothing here.
        let _ = node_process::terminate_group(root);
        // Those that left the group are asked one by one; asked twice, some programs end without tidying up.
        for &pid in pids.iter().filter(|&&pid| node_process::stat(pid).is_ok_and(|stat| stat.group != root)) {
            let _ = node_process::terminate_process(pid);
        }
        let deadline = Instant::now() + GRACE;
        while Instant::now() < deadline {
            let root_ended = self.ended().is_some();
            pids.extend(self.live_pids());
            pids.retain(|&pid| node_process::is_alive(pid));
            if root_ended && pids.is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        pids.extend(self.live_pids());
        if !pids.is_empty() {
            let _ = node_process::kill_group(root);
            for &pid in pids.iter().filter(|&&pid| node_process::is_alive(pid)) {
                let _ = node_process::kill_process(pid);
            }
        }
        if self.status.is_none() {
            self.status = self.child.wait().ok();
        }
        self.status.map(|status| status.to_string())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.stop();
    }
}

fn free_port() -> std::io::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// Passes lines on until the stream ends; a line longer than 64 KiB is passed on in pieces.
pub(super) fn forward(
    stream: impl Read + Send + 'static,
    output: OutputSink,
    wanted: Option<String>,
    said: Arc<AtomicBool>,
) -> std::thread::JoinHandle<Vec<u8>> {
    std::thread::spawn(move || {
        let mut reader = BufReader::new(stream);
        let mut last = Vec::new();
        loop {
            let mut line = Vec::new();
            let count = (&mut reader).take(64 * 1024).read_until(b'\n', &mut line).unwrap_or(0);
            if count == 0 {
                return last;
            }
            if let Some(wanted) = &wanted
                && String::from_utf8_lossy(&line).contains(wanted)
            {
                said.store(true, Ordering::Release);
            }
            if !INSPECTOR_LINES.iter().any(|noise| line.starts_with(noise)) {
                output(&line);
            }
            if !line.trim_ascii().is_empty() {
                last = line;
            }
        }
    })
}
