//! Any bytes are a GC trace, or none; nothing else happens, and pieces make no difference.
#![no_main]

use leak_verdict::gc_trace::{Summary, TraceReader, judge};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let collections = [bytes.len().max(1), 7].map(|piece| {
        let (mut reader, mut summary) = (TraceReader::new(), Summary::default());
        bytes.chunks(piece).for_each(|part| reader.feed(part, &mut |event| summary.add(&event)));
        reader.finish(&mut |event| summary.add(&event));
        summary.isolates().iter().for_each(|isolate| {
            judge(isolate, reader.fatal_error());
        });
        summary.collections()
    });
    assert_eq!(collections[0], collections[1]);
});
