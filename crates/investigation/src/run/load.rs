//! One round of load by a shell command.

use std::{
    net::SocketAddr,
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use serde::Deserialize;

use super::{RunError, RunOptions, driver::LoadResult, program};

/// What a command line may hold in braces, and a program find in its environment.
#[derive(Debug, Clone)]
pub(crate) struct Placeholders {
    pub(crate) address: Option<SocketAddr>,
    pub(crate) requests: u64,
    pub(crate) round: u32,
    pub(crate) pid: u32,
}

impl Placeholders {
    fn values(&self) -> [(&'static str, &'static str, String); 5] {
        let url = self.address.map(|address| format!("http://{address}")).unwrap_or_default();
        let port = self.address.map(|address| address.port().to_string()).unwrap_or_default();
        [
            ("{url}", "HEAPDOWSE_URL", url),
            ("{port}", "HEAPDOWSE_PORT", port),
            ("{requests}", "HEAPDOWSE_REQUESTS", self.requests.to_string()),
            ("{round}", "HEAPDOWSE_ROUND", self.round.to_string()),
            ("{pid}", "HEAPDOWSE_PID", self.pid.to_string()),
        ]
    }

    /// The command with everything in braces replaced; other braces stay.
    fn fill(&self, command: &str) -> String {
        self.values().iter().fold(command.to_owned(), |text, (name, _, value)| text.replace(name, value))
    }
}

/// The load's own count, as the last line that it prints.
#[derive(Debug, Deserialize)]
struct Counted {
    requests: u64,
    failed: Option<u64>,
}

/// Runs the command to its end.
///
/// `program_lives` is asked now and then: load on a program that has ended would only run into its deadline.
pub(crate) fn run_command(
    command: &str,
    placeholders: &Placeholders,
    options: &RunOptions,
    program_lives: &mut dyn FnMut() -> bool,
) -> Result<LoadResult, RunError> {
    let load_error = |source: std::io::Error| RunError::Load { reason: source.to_string() };
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(placeholders.fill(command))
        .envs(placeholders.values().into_iter().map(|(_, name, value)| (name, value)))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0);
    if let Some(folder) = &options.folder {
        shell.current_dir(folder);
    }
    let mut child = shell.spawn().map_err(load_error)?;
    let said = Arc::default();
    let stdout =
        child.stdout.take().map(|s| program::forward(s, options.output.clone(), None, Arc::clone(&said)));
    if let Some(stderr) = child.stderr.take() {
        program::forward(stderr, options.output.clone(), None, said);
    }

    let deadline = Instant::now() + options.round_timeout;
    let mut stopped = None;
    let status = loop {
        if let Some(status) = child.try_wait().map_err(load_error)? {
            break status;
        }
        if stopped.is_none() {
            stopped = if options.interrupted() {
                Some("interrupted")
            } else if Instant::now() >= deadline {
                Some("it ran into its deadline and was ended")
            } else if !program_lives() {
                Some("the program ended while it ran")
            } else {
                None
            };
            if stopped.is_some() {
                // The group of a child that is not yet waited for cannot be anybody else's.
                let _ = node_process::kill_group(child.id());
            }
        }
        std::thread::sleep(Duration::from_millis(10));
    };
    if options.interrupted() {
        return Err(RunError::Interrupted);
    }
    // What the command left running in the background would hold the pipe open.
    let _ = node_process::kill_group(child.id());
    let last = stdout.and_then(|thread| thread.join().ok()).unwrap_or_default();
    let counted: Option<Counted> = serde_json::from_slice(&last).ok();
    let complaint = match stopped {
        Some(reason) => Some(reason.to_owned()),
        None if status.success() => None,
        None => Some(format!("the load command ended with {status}")),
    };
    Ok(LoadResult {
        requests: counted.as_ref().map(|counted| counted.requests),
        failed: counted.and_then(|counted| counted.failed),
        complaint,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    fn placeholders() -> Placeholders {
        Placeholders { address: Some("127.0.0.1:81".parse().unwrap()), requests: 499, round: 3, pid: 77 }
    }

    fn quiet() -> (RunOptions, Arc<Mutex<Vec<u8>>>) {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let into = seen.clone();
        let mut options = RunOptions::new(vec!["true".into()]);
        options.output = Arc::new(move |line| into.lock().unwrap().extend_from_slice(line));
        (options, seen)
    }

    #[test]
    fn braces_are_filled_and_others_stay() {
        let filled = placeholders().fill("x {url}/{round} {requests} {pid} {port} {other} ${A}");
        assert_eq!(filled, "x http://127.0.0.1:81/3 499 77 81 {other} ${A}");
    }

    #[test]
    fn the_last_line_counts() {
        let (options, seen) = quiet();
        let command = r#"echo "$HEAPDOWSE_URL {round}"; echo '{"requests":12,"failed":1,"x":{}}'; echo"#;
        let result = run_command(command, &placeholders(), &options, &mut || true).unwrap();
        assert_eq!(result, LoadResult { requests: Some(12), failed: Some(1), complaint: None });
        assert!(String::from_utf8_lossy(&seen.lock().unwrap()).contains("http://127.0.0.1:81 3\n"));
    }

    #[test]
    fn a_command_that_fails_is_said() {
        let (options, _) = quiet();
        let result = run_command("echo nothing; exit 4", &placeholders(), &options, &mut || true).unwrap();
        assert_eq!(result.requests, None);
        assert!(result.complaint.unwrap().contains('4'));
    }

    #[test]
    fn a_command_that_hangs_is_ended_with_its_children() {
        let (mut options, _) = quiet();
        options.round_timeout = Duration::from_millis(200);
        let result = run_command("sleep 300 & sleep 300", &placeholders(), &options, &mut || true).unwrap();
        assert!(result.complaint.unwrap().contains("deadline"));
    }
}
