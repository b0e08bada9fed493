//! The built-in load: a bounded number of GET requests over a few connections that are kept alive.

use std::{
    net::{Shutdown, SocketAddr, TcpStream},
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use super::http::Connection;

/// What a round of load came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LoadResult {
    /// Requests that were answered, if that is known.
    pub(crate) requests: Option<u64>,
    /// Requests that failed, if that is known.
    pub(crate) failed: Option<u64>,
    /// What was wrong, if anything.
    pub(crate) complaint: Option<String>,
}

/// After this many failures in a row a connection gives up.
const FAILURES: u32 = 20;

/// Stops a round of load from another thread, also where it waits for an answer that will never come.
#[derive(Debug, Default)]
struct Stopper {
    raised: AtomicBool,
    sockets: Mutex<Vec<TcpStream>>,
}

impl Stopper {
    fn stop(&self) {
        self.raised.store(true, Ordering::Release);
        for socket in self.sockets.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            // One that is closed already needs no stopping.
            let _ = socket.shutdown(Shutdown::Both);
        }
    }

    fn is_raised(&self) -> bool {
        self.raised.load(Ordering::Acquire)
    }

    fn register(&self, socket: TcpStream) {
        let mut sockets = self.sockets.lock().unwrap_or_else(PoisonError::into_inner);
        if self.is_raised() {
            let _ = socket.shutdown(Shutdown::Both);
        }
        // Servers that close each connection would fill this up with sockets that are gone.
        if sockets.len() >= 64 {
            sockets.retain(|socket| socket.peer_addr().is_ok());
        }
        sockets.push(socket);
    }
}

/// A round of load.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Drive<'a> {
    pub(crate) address: SocketAddr,
    /// The process whose network the address is meant in.
    pub(crate) pid: u32,
    pub(crate) path: &'a str,
    pub(crate) total: u64,
    pub(crate) connections: usize,
    pub(crate) patience: Duration,
}

/// Drives for as long as `goes_on` says; it is asked all the time, and should take a while. `took` is told how long
/// each answer took, on the thread that waited for it.
pub(crate) fn drive_while(
    drive: Drive<'_>,
    goes_on: &mut dyn FnMut() -> bool,
    took: &(dyn Fn(Duration) + Sync),
) -> LoadResult {
    let stopper = Stopper::default();
    thread::scope(|scope| {
        let load = scope.spawn(|| drive_until(drive, &stopper, took));
        while !load.is_finished() && goes_on() {}
        // Of a load that is done this only lets go of the sockets.
        stopper.stop();
        load.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// Sends the requests. Any answer counts, whatever its status: a program can leak in its error pages.
fn drive_until(drive: Drive<'_>, stop: &Stopper, took: &(dyn Fn(Duration) + Sync)) -> LoadResult {
    let Drive { address, pid, path, total, connections, patience } = drive;
    let is_elsewhere = !node_process::shares_network(pid);
    let next = AtomicU64::new(0);
    let answered = AtomicU64::new(0);
    let failed = AtomicU64::new(0);
    let server_errors = AtomicU64::new(0);
    let deadline = Instant::now() + patience;
    thread::scope(|scope| {
        for _ in 0..connections.max(1) {
            scope.spawn(|| {
                // A namespace is the thread's, and this one ends with the round.
                if is_elsewhere && node_process::enter(pid).is_err() {
                    return;
                }
                let mut connection = None;
                let mut in_a_row = 0;
                while in_a_row < FAILURES
                    && !stop.is_raised()
                    && Instant::now() < deadline
                    && next.fetch_add(1, Ordering::Relaxed) < total
                {
                    let asked = Instant::now();
                    match one(&mut connection, address, path, stop) {
                        Ok(status) => {
                            took(asked.elapsed());
                            in_a_row = 0;
                            answered.fetch_add(1, Ordering::Relaxed);
                            server_errors.fetch_add(u64::from(status >= 500), Ordering::Relaxed);
                        }
                        Err(_) => {
                            in_a_row += 1;
                            failed.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                }
            });
        }
    });
    let (answered, errors) = (answered.into_inner(), server_errors.into_inner());
    let complaint = if is_elsewhere && answered == 0 {
        Some(format!("the network of process {pid} cannot be entered, or nobody answers there"))
    } else if answered < total {
        Some(format!("{answered} of {total} requests were answered"))
    } else {
        (errors * 2 > total).then(|| format!("{errors} of {total} answers were server errors"))
    };
    LoadResult { requests: Some(answered), failed: Some(failed.into_inner()), complaint }
}

fn one(
    connection: &mut Option<Connection>,
    address: SocketAddr,
    path: &str,
    stop: &Stopper,
) -> std::io::Result<u16> {
    let connect = || Connection::open(address, |socket| stop.register(socket));
    let reused = connection.is_some();
    let mut open = match connection.take() {
        Some(open) => open,
        None => connect()?,
    };
    let answer = match open.get(path) {
        Ok(answer) => answer,
        // The other side may close a connection that rests; a GET can be asked again.
        Err(_) if reused => {
            open = connect()?;
            open.get(path)?
        }
        Err(error) => return Err(error),
    };
    if answer.reusable {
        *connection = Some(open);
    }
    Ok(answer.status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        io::{BufRead, BufReader, Write},
        net::TcpListener,
        sync::Arc,
    };

    /// A server that answers every request and closes each connection after `per_connection` of them.
    fn serve(per_connection: usize) -> (SocketAddr, Arc<AtomicU64>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(AtomicU64::new(0));
        let count = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (Ok(mut stream), count) = (stream, count.clone()) else { return };
                thread::spawn(move || {
                    let lines = BufReader::new(stream.try_clone().unwrap()).lines();
                    let ends = lines.map_while(Result::ok).filter(String::is_empty);
                    for _ in ends.take(per_connection) {
                        count.fetch_add(1, Ordering::SeqCst);
                        if stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").is_err() {
                            return;
                        }
                    }
                });
            }
        });
        (address, seen)
    }

    fn drive(address: SocketAddr, total: u64, connections: usize, seconds: u64) -> Drive<'static> {
        let (pid, patience) = (std::process::id(), Duration::from_secs(seconds));
        Drive { address, pid, path: "/", total, connections, patience }
    }

    #[test]
    fn exactly_as_many_requests_as_asked_for() {
        let (address, seen) = serve(7);
        let timed = AtomicU64::new(0);
        let took = |_| {
            timed.fetch_add(1, Ordering::SeqCst);
        };
        let result = drive_while(drive(address, 103, 5, 20), &mut || true, &took);
        assert_eq!(timed.into_inner(), 103);
        assert_eq!((result.requests, result.failed, result.complaint), (Some(103), Some(0), None));
        assert_eq!(seen.load(Ordering::SeqCst), 103);
    }

    #[test]
    fn a_server_that_never_answers_can_be_left() {
        let silent = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = silent.local_addr().unwrap();
        let stopper = Stopper::default();
        let result = thread::scope(|scope| {
            let load = scope.spawn(|| drive_until(drive(address, 10, 2, 600), &stopper, &|_| {}));
            // The connection is made once it is accepted, and its request will wait for ever.
            let _held = silent.accept().unwrap();
            stopper.stop();
            load.join().unwrap()
        });
        assert_eq!(result.requests, Some(0));
    }

    #[test]
    fn nobody_there_is_said_and_ends() {
        let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let result = drive_while(drive(unused, 1_000_000, 2, 20), &mut || true, &|_| {});
        assert_eq!(result.requests, Some(0));
        assert!(result.complaint.unwrap().starts_with("0 of"));
    }
}
