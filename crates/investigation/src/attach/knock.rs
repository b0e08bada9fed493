//! From a process to the port of its inspector: the one that is open, or SIGUSR1 and the one that comes.

use std::{
    collections::HashSet,
    io,
    net::SocketAddr,
    time::{Duration, Instant},
};

use inspector::list_targets;
use node_process::{ListeningPort, ProcessHandle, SignalAction, Status, listening_ports, status};

use super::{AttachError, AttachEvent, AttachOptions, guardian::Guardian};

/// The port when nothing else is said.
const DEFAULT_PORT: u16 = 9229;
/// A process that has just been started becomes able to catch the signal within this time.
const STARTING: Duration = Duration::from_secs(5);
/// Somebody else's inspector on our port may be about to close: other heapdowses are short guests.
const TAKEN: Duration = Duration::from_secs(3);
/// A process that sleeps would have opened its inspector long before this.
const IDLE: Duration = Duration::from_secs(8);
const LOOK_EVERY: Duration = Duration::from_millis(10);
const ANSWER: Duration = Duration::from_secs(2);

/// An open inspector.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Open {
    pub(super) address: SocketAddr,
    pub(super) url: String,
}

/// What a process was told about inspectors when it was started.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    /// The port of `--inspect`, `--inspect-port` and the like.
    port: Option<u16>,
    /// Whether it was to open its inspector at once.
    inspect: bool,
    /// Why the signal does something else.
    elsewhere: Option<&'static str>,
}

impl Told {
    fn of(pid: u32) -> Result<Self, AttachError> {
        let mut words = node_process::command_line(pid)?;
        // What follows the script is the script's own.
        let script =
            words.iter().skip(1).position(|word| !word.starts_with('-')).map_or(words.len(), |at| at + 1);
        words.truncate(script);
        // Another user's environment is not ours to read; the signal is not ours to send either then.
        if let Ok([Some(options)]) = node_process::environment(pid, ["NODE_OPTIONS"]) {
            words.extend(options.split_ascii_whitespace().map(str::to_owned));
        }
        Ok(Self::from_words(&words))
    }

    fn from_words(words: &[String]) -> Self {
        let mut told = Self::default();
        for (at, word) in words.iter().enumerate() {
            let word = word.replace('_', "-");
            let (name, value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (word.as_str(), words.get(at + 1).cloned()),
            };
            let is_usr1 = value.as_deref() == Some("SIGUSR1");
            match name {
                "--inspect" | "--inspect-brk" | "--inspect-wait" | "--inspect-port" | "--debug-port" => {
                    told.inspect |= name.starts_with("--inspect") && name != "--inspect-port";
                    // `--inspect app.js` has no value: the next word is none.
                    let has_value = word.contains('=') || name.ends_with("-port");
                    let port =
                        value.filter(|_| has_value).and_then(|value| value.rsplit(':').next()?.parse().ok());
                    told.port = port.or(told.port);
                }
                "--heapsnapshot-signal" if is_usr1 => {
                    told.elsewhere = Some(
                        "it was started with --heapsnapshot-signal=SIGUSR1, so it would write a snapshot file",
                    );
                }
                "--report-signal" if is_usr1 => {
                    told.elsewhere =
                        Some("it was started with --report-signal=SIGUSR1, so it would write a report file");
                }
                "--disable-sigusr1" => told.elsewhere = Some("it was started with --disable-sigusr1"),
                "--permission" | "--experimental-permission" => {
                    told.elsewhere = Some(
                        "it runs under the permission model (--permission), which forbids the inspector",
                    );
                }
                _ => {}
            }
        }
        told
    }
}

/// The inspector of the process, opened if need be. The second value says whether we opened it.
pub(super) fn open_inspector(
    handle: &ProcessHandle,
    options: &AttachOptions,
    guardian: &mut Option<Guardian>,
) -> Result<(Open, bool), AttachError> {
    let pid = handle.pid();
    let told = Told::of(pid)?;
    let before = listening_ports([pid]);
    if let Some(open) =
        before.iter().filter(|port| may_be_inspector(port, &told)).find_map(|port| ask(pid, port))
    {
        return Ok((open, false));
    }
    check_signal(handle, &told)?;
    wait_for_port(pid, &told, &before)?;
    if let Some(command) = &options.guardian {
        *guardian = Some(Guardian::start(command, handle).map_err(AttachError::Guardian)?);
    }
    if let Some(guardian) = guardian {
        guardian.announce_signal().map_err(AttachError::Guardian)?;
    }
    handle.send_usr1().map_err(|error| match error.raw_os_error() {
        _ if error.kind() == io::ErrorKind::PermissionDenied => {
            AttachError::NotAllowed { pid, reason: "it belongs to another user".into() }
        }
        _ => AttachError::NotAllowed { pid, reason: error.to_string() },
    })?;
    (options.tell)(&AttachEvent::Signalled { pid });
    let known: HashSet<u64> = before.iter().map(|port| port.inode).collect();
    let started = Instant::now();
    let mut idle_since = started;
    loop {
        let fresh = listening_ports([pid]).into_iter().filter(|port| !known.contains(&port.inode));
        if let Some(open) = fresh.into_iter().find_map(|port| ask(pid, &port)) {
            return Ok((open, true));
        }
        if options.cancel.load(std::sync::atomic::Ordering::Relaxed) {
            return Err(AttachError::Interrupted);
        }
        if status(pid)?.state != 'S' {
            idle_since = Instant::now();
        }
        let waited = started.elapsed();
        if waited >= options.patience || idle_since.elapsed() >= IDLE.min(options.patience) {
            // Opened long ago by the program itself, on a port that nothing told of? Then the signal did nothing.
            let open =
                before.iter().filter(|port| port.address.is_loopback()).find_map(|port| ask(pid, port));
            return open.map(|open| (open, false)).ok_or_else(|| AttachError::NoInspector {
                pid,
                seconds: waited.as_secs_f64(),
                filtered: status(pid).is_ok_and(|status| status.seccomp != 0),
            });
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Whether SIGUSR1 would not open an inspector in the process, judged without sending it.
///
/// # Errors
/// The reason, when it would not.
pub fn signal_would_be_refused(pid: u32) -> Result<(), AttachError> {
    let handle = ProcessHandle::open(pid)?;
    let told = Told::of(pid)?;
    if told.inspect {
        return Ok(());
    }
    check_signal(&handle, &told)?;
    wait_for_port(pid, &told, &listening_ports([pid]))
}

/// The signal goes only to a process that catches it, and for no other purpose.
fn check_signal(handle: &ProcessHandle, told: &Told) -> Result<(), AttachError> {
    let pid = handle.pid();
    if !node_process::is_node(pid) {
        let program = node_process::command_line(pid)?.first().cloned().unwrap_or_default();
        return Err(AttachError::NotNode { pid, program });
    }
    if let Some(reason) = told.elsewhere {
        return Err(AttachError::SignalRefused { pid, reason: reason.into() });
    }
    let started = Instant::now();
    loop {
        let Status { state, tracer, usr1, .. } = status(pid)?;
        match state {
            't' => return Err(AttachError::Stopped { pid, how: format!("by the debugger {tracer}") }),
            'T' => return Err(AttachError::Stopped { pid, how: "by a signal".into() }),
            _ => {}
        }
        let reason = match usr1 {
            SignalAction::Caught => return Ok(()),
            SignalAction::Ignored => "the signal is ignored",
            // Both are so for a moment while Node starts.
            SignalAction::Blocked => "the signal is blocked (--disable-sigusr1, or an embedder's choice)",
            SignalAction::Ends => "it does not catch the signal, which would end it",
        };
        if started.elapsed() >= STARTING {
            return Err(AttachError::SignalRefused { pid, reason: reason.into() });
        }
        std::thread::sleep(LOOK_EVERY);
    }
}

/// A process whose port is taken only complains on its standard error, so it is not even asked.
fn wait_for_port(pid: u32, told: &Told, own: &[ListeningPort]) -> Result<(), AttachError> {
    let port = told.port.unwrap_or(DEFAULT_PORT);
    if port == 0 || own.iter().any(|own| own.port == port) {
        return Ok(());
    }
    let started = Instant::now();
    while let Some((_, holder)) = node_process::port_owner(pid, port) {
        if started.elapsed() >= TAKEN {
            let holder = match holder {
                Some(holder) => {
                    let command = node_process::command_line(holder).unwrap_or_default().join(" ");
                    format!("process {holder} ({command})")
                }
                None => "a process that we cannot see".into(),
            };
            return Err(AttachError::PortTaken { pid, port, holder });
        }
        std::thread::sleep(LOOK_EVERY * 10);
    }
    Ok(())
}

/// Whether a port may be an inspector's: a program's own ports get no requests of ours.
fn may_be_inspector(port: &ListeningPort, told: &Told) -> bool {
    let usual = (DEFAULT_PORT..DEFAULT_PORT + 100).contains(&port.port) || told.port == Some(port.port);
    usual || (told.inspect && port.address.is_loopback())
}

/// The inspector on a port, if that is one.
pub(super) fn ask(pid: u32, port: &ListeningPort) -> Option<Open> {
    let address = SocketAddr::new(port.loopback(), port.port);
    let mut stream = node_process::connect(pid, address, ANSWER).ok()?;
    stream.set_read_timeout(Some(ANSWER)).ok()?;
    stream.set_write_timeout(Some(ANSWER)).ok()?;
    let targets = list_targets(&mut stream, &address.to_string()).ok()?;
    let id = &targets.first()?.id;
    Some(Open { address, url: format!("ws://{address}/{id}") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(words: &str) -> Told {
        Told::from_words(&words.split(' ').map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn ports_are_read_from_the_options() {
        assert_eq!(told("node --inspect").port, None);
        assert_eq!(told("node --inspect=0.0.0.0:4000").port, Some(4000));
        assert_eq!(told("node --inspect-port 0"), Told { port: Some(0), inspect: false, elsewhere: None });
        assert_eq!(told("node --inspect_port=77").port, Some(77));
        assert!(told("node --inspect-brk=[::1]:81").inspect);
    }

    #[test]
    fn a_signal_that_is_somebody_elses_is_seen() {
        assert!(told("node --heapsnapshot-signal=SIGUSR1").elsewhere.is_some());
        assert!(told("node --heapsnapshot-signal SIGUSR1").elsewhere.is_some());
        assert!(told("node --heapsnapshot-signal=SIGUSR2").elsewhere.is_none());
        assert!(told("node --disable-sigusr1").elsewhere.is_some());
        assert!(told("node --permission").elsewhere.is_some());
    }
}
