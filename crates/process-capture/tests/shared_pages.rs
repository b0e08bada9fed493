//! Reading a frozen copy leaves its pages shared with the process: the copy is to cost the process's container nothing
//! but what the process itself changes meanwhile.

use process_capture::{Hold, HoldOptions, Mode, Target};
use process_memory::ProcessMemory;
use test_heaps::nodes;
use test_heaps::server::Server;

/// Bytes of a process's written pages that it shares with another.
fn shared(pid: &str) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("Shared_Dirty:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
}

#[test]
fn what_is_read_stays_shared() {
    let script = format!("{}/../../testing/peers/heap-server.cjs", env!("CARGO_MANIFEST_DIR"));
    let server = Server::start(&nodes::binary(nodes::V22).unwrap(), &[&script, "30"]);
    let target = Target::look(server.pid()).unwrap();
    let hold =
        Hold::take(&target, &HoldOptions { mode: Some(Mode::Fork), ..HoldOptions::default() }).unwrap();
    // Whichever thread forked it.
    let threads = std::fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
    let children =
        threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("children")).unwrap());
    let copy = children.collect::<String>().trim().to_owned();
    let before = shared(&copy);
    let (mut read, mut buffer) = (0, vec![0; 1 << 16]);
    for mapping in hold.mappings().iter().filter(|mapping| mapping.permissions.write) {
        for address in mapping.range.clone().step_by(buffer.len()) {
            let length = (mapping.range.end - address).min(buffer.len() as u64);
            if hold.read_at(address, &mut buffer[..length as usize]).is_ok() {
                read += length;
            }
        }
    }
    let after = shared(&copy);
    assert!(before > 10 << 20 && read > before, "{read} bytes were read, {before} are shared");
    assert!(after > before / 10 * 9, "of {before} bytes that were shared, {after} still are");
    drop(hold);
}
