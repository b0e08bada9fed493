//! Any bytes are read, refused, or salvaged; nothing else happens.
#![no_main]

use std::ops::ControlFlow;

use heap_graph::ReadOptions;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    for salvage in [false, true] {
        let options = ReadOptions { size: Some(bytes.len() as u64), threads: 1, salvage };
        if let Err(error) = heap_graph::read(bytes, &options, &mut |_| ControlFlow::Continue(())) {
            assert!(!error.to_string().is_empty());
        }
    }
});
