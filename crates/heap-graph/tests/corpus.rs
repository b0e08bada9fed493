//! The committed corpus: good files are read, bad ones refused with an error, and no mutation of either does harm.

use std::ops::ControlFlow;
use std::path::PathBuf;

use heap_graph::{Analysis, HeapGraph, ReadError, ReadOptions};

/// Mutations of each file.
const MUTATIONS: u64 = 60;

fn corpus() -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testing/corpus");
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).expect("the corpus is committed") {
        let path = entry.expect("the corpus can be listed").path();
        let name = path.file_stem().expect("files have names").to_string_lossy().into_owned();
        files.push((name, std::fs::read(path).expect("the corpus can be read")));
    }
    files.sort();
    assert!(files.len() > 40, "{} files", files.len());
    files
}

fn read(bytes: &[u8], salvage: bool) -> Result<HeapGraph, ReadError> {
    let options = ReadOptions { size: Some(bytes.len() as u64), threads: 2, salvage };
    heap_graph::read(bytes, &options, &mut |_| ControlFlow::Continue(()))
}

/// Reads, and looks at everything that was read.
fn use_all(bytes: &[u8], salvage: bool) {
    let Ok(graph) = read(bytes, salvage) else { return };
    for node in graph.nodes() {
        assert!(graph.name(node).len() <= bytes.len());
        for edge in graph.edges(node) {
            assert!(edge.to.index() < graph.node_count());
            assert!(graph.edge_name(&edge).to_string().len() <= bytes.len() + 20);
        }
    }
    if let Ok(analysis) = Analysis::new(&graph, &mut |_| ControlFlow::Continue(())) {
        let sum: u64 = graph.nodes().map(|node| graph.raw_self_size(node)).fold(0, u64::wrapping_add);
        let retained = analysis.retained_size(heap_graph::NodeIndex::ROOT);
        assert!(
            retained == sum || retained == u64::MAX,
            "the root retains everything: {retained}, not {sum}"
        );
    }
}

#[test]
fn good_files_are_read_and_bad_ones_refused() {
    for (name, bytes) in corpus() {
        match (name.starts_with("good-"), read(&bytes, false)) {
            (true, Err(error)) => panic!("{name} is refused: {error}"),
            (false, Ok(graph)) => panic!("{name} is read: {} nodes", graph.node_count()),
            (false, Err(error)) => assert!(!error.to_string().is_empty(), "{name}"),
            (true, Ok(graph)) => assert!(graph.node_count() > 0, "{name}"),
        }
        use_all(&bytes, false);
        use_all(&bytes, true);
    }
}

#[test]
fn mutations_do_no_harm() {
    let mut random = Random(20);
    for (name, bytes) in corpus() {
        for number in 0..MUTATIONS {
            let mutant = mutate(&bytes, &mut random);
            let outcome = std::panic::catch_unwind(|| {
                use_all(&mutant, false);
                use_all(&mutant, true);
            });
            if outcome.is_err() {
                panic!("mutation {number} of {name}:\n{}", String::from_utf8_lossy(&mutant));
            }
        }
    }
}

/// Numbers from a seed (SplitMix64).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit.max(1) as u64) as usize
    }
}

/// One to three small changes: cut, byte, number, doubled or removed part.
fn mutate(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    const BYTES: &[u8] = b"0123456789,[]{}\":\\-. u\x00\xff";
    const NUMBERS: [&str; 6] = ["0", "4294967295", "4294967296", "18446744073709551615", "-1", "7"];
    let mut mutant = bytes.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(mutant.len());
        let end = (at + random.below(40)).min(mutant.len());
        match random.below(6) {
            0 => mutant.truncate(at),
            1 if at < mutant.len() => mutant[at] = BYTES[random.below(BYTES.len())],
            2 => drop(mutant.drain(at..end)),
            3 => {
                let part = mutant[at..end].to_vec();
                mutant.splice(at..at, part);
            }
            _ => {
                // A number in the place of a number: still JSON, and most often wrong.
                let digits = |byte: &u8| byte.is_ascii_digit();
                let start = mutant[at..].iter().position(digits).map_or(at, |skip| at + skip);
                let length = mutant[start..].iter().take_while(|byte| digits(byte)).count();
                mutant.splice(start..start + length, NUMBERS[random.below(NUMBERS.len())].bytes());
            }
        }
    }
    mutant
}
