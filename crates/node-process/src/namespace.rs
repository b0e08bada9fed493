//! Other network namespaces: whether a process lives in one, and connections into it.

use std::{
    fs::File,
    io,
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use std::os::fd::AsFd;

/// Whether the process has the network that we have. When that cannot be read, it is taken for the same.
#[must_use]
pub fn shares_network(pid: u32) -> bool {
    let name = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/net")).ok();
    name(&pid.to_string()).zip(name("self")).is_none_or(|(theirs, ours)| theirs == ours)
}

/// Connects to an address as the process sees it: inside its network namespace.
///
/// # Errors
/// When nobody listens there, or we may not enter the namespace (that takes root or `CAP_SYS_ADMIN`).
pub fn connect(pid: u32, address: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    if shares_network(pid) {
        return TcpStream::connect_timeout(&address, patience);
    }
    // A namespace is a thread's, and a socket stays in the one that it was made in: a thread that ends right
    // away leaves ours as it is.
    std::thread::spawn(move || {
        enter(pid)?;
        TcpStream::connect_timeout(&address, patience)
    })
    .join()
    .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Moves the calling thread into the network namespace of the process, for good.
///
/// # Errors
/// When the process is gone or we may not.
pub fn enter(pid: u32) -> io::Result<()> {
    let namespace = File::open(format!("/proc/{pid}/ns/net"))?;
    Ok(move_into_link_name_space(namespace.as_fd(), Some(LinkNameSpaceType::Network))?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn our_own_network_is_shared() {
        assert!(shares_network(std::process::id()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        connect(std::process::id(), listener.local_addr().unwrap(), Duration::from_secs(1)).unwrap();
    }
}
