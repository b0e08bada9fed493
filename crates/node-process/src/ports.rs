//! Which TCP ports a process listens on, through the inodes of its sockets.
//!
//! `/proc/PID/net/tcp` and `tcp6` list the sockets of the process's network namespace with their inodes;
//! `/proc/PID/fd` says which inodes are the process's own. Several processes may hold one socket (a
//! cluster hands it down), so one port can have several owners.

use std::{
    collections::HashSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use crate::{error::read_text, tree::all_processes};

/// One listening socket held by a process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListeningPort {
    /// A process that holds the socket.
    pub pid: u32,
    /// The port.
    pub port: u16,
    /// The address it is bound to (`0.0.0.0` and `::` mean every address).
    pub address: IpAddr,
    /// The socket's inode.
    pub inode: u64,
}

impl ListeningPort {
    /// The loopback address under which this socket is reached from the same machine.
    #[must_use]
    pub fn loopback(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(address) if address.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            // Node binds `::` for both families, and 127.0.0.1 works where IPv6 is switched off.
            IpAddr::V6(address) if address.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
            address => address,
        }
    }
}

/// The TCP ports that the given processes listen on. Processes that are gone or not ours are left out.
#[must_use]
pub fn listening_ports(pids: impl IntoIterator<Item = u32>) -> Vec<ListeningPort> {
    let mut found = Vec::new();
    for pid in pids {
        let own = socket_inodes(pid);
        if own.is_empty() {
            continue;
        }
        for table in ["net/tcp", "net/tcp6"] {
            let Ok(text) = read_text(pid, table) else { continue };
            found.extend(
                parse_listening(&text)
                    .filter(|row| own.contains(&row.2))
                    .map(|(address, port, inode)| ListeningPort { pid, port, address, inode }),
            );
        }
    }
    found
}

/// Who listens on a port in the network namespace of `pid`: the inode of its socket, and the process if it can
/// be seen.
#[must_use]
pub fn port_owner(pid: u32, port: u16) -> Option<(u64, Option<u32>)> {
    let inode = ["net/tcp", "net/tcp6"].into_iter().find_map(|table| {
        let text = read_text(pid, table).ok()?;
        parse_listening(&text).find(|row| row.1 == port).map(|row| row.2)
    })?;
    let owner = all_processes().into_iter().find(|other| socket_inodes(other.pid).contains(&inode));
    Some((inode, owner.map(|other| other.pid)))
}

fn socket_inodes(pid: u32) -> HashSet<u64> {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return HashSet::new() };
    entries
        .filter_map(|entry| {
            let target = std::fs::read_link(entry.ok()?.path()).ok()?;
            target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok()
        })
        .collect()
}

/// The rows in state 0A (listening): local address, port, inode.
fn parse_listening(text: &str) -> impl Iterator<Item = (IpAddr, u16, u64)> {
    text.lines().skip(1).filter_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        if *fields.get(3)? != "0A" {
            return None;
        }
        let (address, port) = fields.get(1)?.split_once(':')?;
        Some((parse_address(address)?, u16::from_str_radix(port, 16).ok()?, fields.get(9)?.parse().ok()?))
    })
}

/// Addresses are printed as 32-bit words in the machine's own byte order.
fn parse_address(hex: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let word = u32::from_str_radix(hex.get(at..at + 8)?, 16).ok()?;
        Some(word.to_ne_bytes())
    };
    match hex.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?))),
        32 => {
            let mut bytes = [0; 16];
            for (i, part) in bytes.chunks_exact_mut(4).enumerate() {
                part.copy_from_slice(&word(i * 8)?);
            }
            Some(IpAddr::V6(Ipv6Addr::from(bytes)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    const TCP: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n   \
        0: 0100007F:240D 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 91011 1 0000 100 0\n   \
        1: 0100007F:240D 0100007F:A3C2 01 00000000:00000000 00:00000000 00000000     0        0 91012 1 0000 20 4\n   \
        2: 00000000:0BB8 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 91013 1 0000 100 0\n";

    #[test]
    #[cfg(target_endian = "little")]
    fn only_listening_rows_are_read() {
        let rows: Vec<_> = parse_listening(TCP).collect();
        assert_eq!(
            rows,
            [
                (IpAddr::V4(Ipv4Addr::LOCALHOST), 9229, 91011),
                (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 3000, 91013)
            ]
        );
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn ipv6_loopback_is_four_words() {
        assert_eq!(parse_address("00000000000000000000000001000000"), Some(IpAddr::V6(Ipv6Addr::LOCALHOST)));
        assert_eq!(parse_address("0000"), None);
    }

    #[test]
    fn cut_lines_are_passed_over() {
        assert_eq!(parse_listening("header\n 0: 0100007F:240D 00000000:0000 0A\n 1: x\n\n").count(), 0);
    }

    #[test]
    fn own_listeners_are_found_by_inode() {
        let v4 = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = v4.local_addr().unwrap().port();
        let found = listening_ports([std::process::id()]);
        let own = found.iter().find(|found| found.port == port).expect("our listener is in the list");
        assert_eq!(own.loopback(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        assert_eq!(port_owner(std::process::id(), port), Some((own.inode, Some(std::process::id()))));
        drop(v4);
        assert!(!listening_ports([std::process::id()]).iter().any(|found| found.inode == own.inode));
    }

    #[test]
    fn a_process_that_is_gone_has_no_ports() {
        assert!(listening_ports([u32::MAX]).is_empty());
    }
}
