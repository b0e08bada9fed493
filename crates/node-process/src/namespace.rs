//! Other network namespaces: whether a process lives in one, and connections into it.

use std::{
    fs::File,
    io,
    net::{SocketAddr, TcpStream},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{Mode, OFlags, ResolveFlags, openat2};
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

/// Opens a file of the process for reading: through its root, if it sees another file system than we do. `None` when it
/// cannot be looked into; what lies at the same path here would be another file.
#[must_use]
pub fn open_file_of(pid: u32, path: &Path) -> Option<File> {
    let root = PathBuf::from(format!("/proc/{pid}/root"));
    let mount = |pid: &str| std::fs::read_link(format!("/proc/{pid}/ns/mnt")).ok();
    let folder = |path: &Path| std::fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    let theirs = mount(&pid.to_string());
    // One that has ended takes its view of files with it, and one of another user is not shown.
    let is_ours = theirs == mount("self") && folder(&root) == folder(Path::new("/"));
    if theirs.is_none() || is_ours {
        // A pipe that nobody writes to must not hold us up.
        return File::options()
            .read(true)
            .custom_flags(OFlags::NONBLOCK.bits().cast_signed())
            .open(path)
            .ok();
    }
    // Links within lead to where they lead for the process, never out of its root.
    let root = File::open(&root).ok()?;
    let how = ResolveFlags::IN_ROOT | ResolveFlags::NO_MAGICLINKS;
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK;
    openat2(root, path, flags, Mode::empty(), how).ok().map(File::from)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    #[test]
    fn a_pipe_that_nobody_writes_to_does_not_hold_us_up() {
        let path = std::env::temp_dir().join(format!("pipe-{}", std::process::id()));
        let mode = Mode::RUSR | Mode::WUSR;
        rustix::fs::mknodat(rustix::fs::CWD, &path, rustix::fs::FileType::Fifo, mode, 0).unwrap();
        let (done, wait) = std::sync::mpsc::channel();
        let at = path.clone();
        std::thread::spawn(move || done.send(open_file_of(std::process::id(), &at).is_some()));
        let opened = wait.recv_timeout(std::time::Duration::from_secs(20));
        std::fs::remove_file(path).unwrap();
        assert_eq!(opened, Ok(true));
    }

    #[test]
    fn our_own_network_is_shared() {
        assert!(shares_network(std::process::id()));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        connect(std::process::id(), listener.local_addr().unwrap(), Duration::from_secs(1)).unwrap();
    }
}
