//! Every layout says what the Node version of its name writes.

use std::process::Command;

use serde_json::Value;
use test_heaps::{Layout, TestHeap, nodes};

/// The first section of a snapshot, as JSON.
fn header(snapshot: &[u8]) -> Value {
    let text = String::from_utf8_lossy(snapshot);
    let end = text.find("\"nodes\":[").expect("a snapshot has nodes");
    let header = text[..end].trim_end().trim_end_matches(',');
    serde_json::from_str(&format!("{header}}}")).expect("the header is JSON")
}

fn written_by(version: &str) -> Vec<u8> {
    let folder = test_heaps::cache_dir().join("fixtures");
    std::fs::create_dir_all(&folder).expect("the cache can be written");
    let name = format!("empty-{version}.heapsnapshot");
    let file = test_heaps::produce_once(&folder.join(name), |file| {
        let node = nodes::binary(version)?;
        let program = "require('v8').writeHeapSnapshot(process.argv[1])";
        let ended = Command::new(node).args(["-e", program]).arg(file).status().expect("Node starts");
        assert!(ended.success());
        Ok(())
    });
    std::fs::read(file.expect("Node writes a snapshot")).expect("the snapshot can be read")
}

#[test]
fn layouts_are_those_of_real_node_versions() {
    let versions = [
        (nodes::V12, Layout::node12()),
        (nodes::V16, Layout::node16()),
        (nodes::V18, Layout::node18()),
        (nodes::V20, Layout::node20()),
        (nodes::V22, Layout::node22()),
        (nodes::V24, Layout::node24()),
        (nodes::V26, Layout::node26()),
    ];
    for (version, layout) in versions {
        let real_bytes = written_by(version);
        let real = header(&real_bytes);
        let mut heap = TestHeap::new(layout);
        heap.node("synthetic", "", 1, 0);
        heap.node("object", "Foo", 3, 16);
        let ours_bytes = heap.to_bytes();
        let ours = header(&ours_bytes);
        let keys = |header: &Value| -> Vec<String> {
            header["snapshot"].as_object().expect("an object").keys().cloned().collect()
        };
        assert_eq!(ours["snapshot"]["meta"], real["snapshot"]["meta"], "Node {version}");
        assert_eq!(keys(&ours), keys(&real), "Node {version}");
        assert_eq!(record_break(&ours_bytes), record_break(&real_bytes), "Node {version}");
    }
}

/// Whether a line break stands between the first two node records.
fn record_break(snapshot: &[u8]) -> bool {
    let text = String::from_utf8_lossy(snapshot);
    let start = text.find("\"nodes\":[").expect("a snapshot has nodes");
    let line = text[start..].lines().next().expect("a line");
    line.matches(',').count() < 7
}
