//! What a client of a server sees while something is done to it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use test_heaps::server::Server;

/// The resident set of a process, bytes.
pub(super) fn resident(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    text.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok()).unwrap_or(0) * 4096
}

/// Asks all the time on one connection.
pub(super) struct Client {
    stop: Arc<AtomicBool>,
    most: Arc<AtomicU64>,
    thread: JoinHandle<Result<f64>>,
}

impl Client {
    pub(super) fn of(server: &Server) -> Result<Self> {
        let (stop, most) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut stream = TcpStream::connect(("127.0.0.1", server.port))?;
        stream.set_nodelay(true)?;
        let (stopped, peak, pid) = (stop.clone(), most.clone(), server.pid());
        let thread = std::thread::spawn(move || {
            let (mut gap, mut before, mut buffer) = (0.0_f64, Instant::now(), [0; 4096]);
            while !stopped.load(Ordering::Relaxed) {
                stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")?;
                ensure!(stream.read(&mut buffer)? > 0, "the server closed the connection");
                gap = gap.max(before.elapsed().as_secs_f64() * 1e3);
                before = Instant::now();
                peak.fetch_max(resident(pid), Ordering::Relaxed);
            }
            Ok(gap)
        });
        Ok(Self { stop, most, thread })
    }

    /// The longest gap, milliseconds, and the highest resident set, bytes.
    pub(super) fn finish(self) -> Result<(f64, u64)> {
        self.stop.store(true, Ordering::Relaxed);
        let gap = self.thread.join().ok().context("the client failed")??;
        Ok((gap, self.most.load(Ordering::Relaxed)))
    }
}
