//! Any bytes as a recording: read, and made a report of.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(recorded) = investigation::recording::read(bytes) {
        let report = recorded.into_report();
        assert!(serde_json::to_string(&report).is_ok());
    }
});
