//! GC traces of real programs, of every Node version from 12 to 26.

use std::path::{Path, PathBuf};

use leak_verdict::gc_trace::{Exactness, GcEvent, GcKind, Summary, TraceReader};
use proptest::prelude::*;

struct Read {
    events: Vec<GcEvent>,
    reader: TraceReader,
}

fn read(bytes: &[u8], piece: usize) -> Read {
    let (mut reader, mut events) = (TraceReader::new(), Vec::new());
    bytes.chunks(piece.max(1)).for_each(|part| reader.feed(part, &mut |event| events.push(event)));
    reader.finish(&mut |event| events.push(event));
    Read { events, reader }
}

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gc-samples");
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/gc-samples").join(name)).unwrap()
}

/// Counted by what only a line about a collection has in it, independently of the reader.
fn collections_in(text: &str) -> usize {
    let pieces =
        ["ms: Scavenge", "ms: Mark-", "ms: Minor", "ms: Incremental Mark-", "ms: pause=", "ms: GC: {"];
    let lines: usize = pieces.iter().map(|piece| text.matches(piece).count()).sum();
    lines + text.matches(r#""ph":"E","cat":"devtools.timeline,v8","name":"M"#).count()
}

#[test]
fn every_collection_of_every_sample_is_read() {
    let samples = samples();
    assert!(samples.len() >= 52, "{}", samples.len());
    for path in samples {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let bytes = std::fs::read(&path).unwrap();
        let Read { events, reader } = read(&bytes, 1 << 16);
        let skipped = reader.skipped();
        assert_eq!(skipped.unparsed, 0, "{name}: {:?}", skipped.unparsed_examples);
        let there = collections_in(&String::from_utf8_lossy(&bytes));
        assert!(there > 0, "{name}");
        assert_eq!(events.len() as u64 + skipped.repeated, there as u64, "{name}");
        let in_sum = events.iter().filter(|event| !event.cut).all(|event| {
            event.after.is_some() && event.before.is_some() && event.pause_milliseconds.is_some()
        });
        assert!(in_sum, "{name}: a whole line has sizes and a pause");
    }
}

#[test]
fn pieces_of_any_size_give_the_same_events() {
    for name in ["v22.23.3--worker.txt", "v24.9.0--oom.txt", "v26.10.0--trace-events.json"] {
        let bytes = sample(name);
        let whole = read(&bytes, usize::MAX);
        for piece in [1, 7, 4096] {
            let parts = read(&bytes, piece);
            assert_eq!(parts.events, whole.events, "{name} in pieces of {piece}");
            assert_eq!(parts.reader.skipped(), whole.reader.skipped());
        }
    }
}

#[test]
fn isolates_are_told_apart() {
    for version in ["v12.22.12", "v16.20.2", "v20.19.5", "v26.10.0"] {
        let Read { events, .. } = read(&sample(&format!("{version}--worker.txt")), 4096);
        let mut summary = Summary::default();
        events.iter().for_each(|event| summary.add(event));
        let isolates = summary.isolates();
        assert!(isolates.len() >= 2, "{version}: the main thread and a worker");
        for isolate in &isolates {
            // Mixed up, the clocks of the two would run backwards.
            assert!(isolate.timeline.is_sorted_by_key(|point| point.at_milliseconds), "{version}");
            assert!(isolate.gc_share.unwrap() > 0.0 && isolate.gc_share.unwrap() < 1.0);
        }
    }
}

#[test]
fn promotion_is_exact_where_v8_tells_it() {
    for (form, exactness) in [("trace-gc-nvp", Exactness::Exact), ("trace-gc", Exactness::Estimated)] {
        for version in ["v12.22.12", "v18.20.8", "v24.9.0", "v26.10.0"] {
            let Read { events, .. } = read(&sample(&format!("{version}--{form}.txt")), 4096);
            let mut summary = Summary::default();
            events.iter().for_each(|event| summary.add(event));
            let promotion = summary.isolates()[0].promotion.unwrap();
            assert_eq!(promotion.exactness, exactness, "{version} {form}");
            assert!(promotion.bytes > 1 << 20, "{version} {form}: {}", promotion.bytes);
        }
    }
}

#[test]
fn the_end_of_a_program_without_memory_is_read() {
    for version in ["v18.20.8", "v20.20.2", "v22.23.3", "v24.9.0", "v26.10.0"] {
        let Read { events, reader } = read(&sample(&format!("{version}--oom.txt")), 4096);
        assert!(events.iter().any(|event| event.kind == GcKind::MarkCompact), "{version}");
        let fatal = reader.fatal_error().unwrap();
        assert!(fatal.contains("heap limit"), "{version}: {fatal}");
        assert!(events.iter().all(|event| event.after.is_some_and(|after| after > 30 << 20)), "{version}");
    }
    // With a trace before it, the list says nothing new.
    let Read { reader, .. } = read(&sample("v24.9.0--kinds.txt"), 4096);
    assert!(reader.skipped().repeated >= 2);
}

#[test]
fn output_around_and_between_is_passed_over_and_counted() {
    let text = b"starting\n\xff\xfe{\"a\":1} half a line [7:0x10]       5 ms: Scavenge 2.0 (3.0) -> 1.0 (3.0) MB, 1.0 / \
        0.0 ms  (average mu = 1.000, current mu = 1.000) task \n\n[7:0x10] New space, used: 1 KB\n[7:0x10] 9 ms: \
        Scavenge with a new form\n";
    let Read { events, reader } = read(text, 3);
    assert_eq!(events.len(), 1);
    let skipped = reader.skipped();
    assert_eq!((skipped.other_lines, skipped.detail_lines, skipped.unparsed), (1, 1, 1));
    assert_eq!(skipped.unparsed_examples, ["Scavenge with a new form"]);
}

fn fragments() -> impl Strategy<Value = Vec<u8>> {
    let known = prop::sample::select(vec![
        "[7:0x10]",
        "[7:0x10:0]",
        "    12 ms: ",
        "Scavenge ",
        "Mark-Compact (reduce) ",
        "Incremental ",
        "4.1 (6.9)",
        " -> ",
        " MB, ",
        "pooled: 0 MB, ",
        "1.0 / 0.0 ms ",
        "(+ 1 ms in 2 steps",
        "(average mu = 0.1, ",
        ") task; x",
        "pause=1 gc=s ",
        "GC: {\"pause\":1,\"gc\":\"s\"}",
        "<--- Last few GCs --->",
        "\n",
        "\r\n",
        "{\"traceEvents\":[",
        "{\"pid\":1,\"tid\":1,\"ts\":1,\"ph\":\"B\",\"name\":\"MinorGC\"}",
        "]",
        "}",
        "\"",
        "\\",
        "ü",
        "9e999",
        "99999999999999999999",
    ]);
    let piece = prop_oneof![
        4 => known.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..20),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn no_input_makes_it_panic(bytes in fragments(), piece in 1_usize..40) {
        let Read { events, reader } = read(&bytes, piece);
        let mut summary = Summary::default();
        events.iter().for_each(|event| summary.add(event));
        for isolate in summary.isolates() {
            let verdict = leak_verdict::gc_trace::judge(&isolate, reader.fatal_error());
            prop_assert!(serde_json::to_string(&(&isolate, &verdict)).is_ok());
        }
    }
}
