//! Any bytes are a core, or none: its notes, its memory and what looks like V8's pages in it do no harm.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use postmortem::elf::{Elf, symbols};
use postmortem::{CoreFile, Executable, Files, Layout, SharedBytes};
use process_memory::{BuildId, ProcessMemory, build_id_at};

/// The core is its own program: what the headers say of one is read by both readers.
struct Itself(SharedBytes);

impl Files for Itself {
    fn open(&self, _path: &str) -> Option<SharedBytes> {
        Some(Arc::clone(&self.0))
    }

    fn elsewhere(&self, path: &str, _build_id: &BuildId) -> Vec<String> {
        vec![path.to_owned()]
    }
}

fuzz_target!(|bytes: &[u8]| {
    let file: SharedBytes = Arc::new(bytes.to_vec());
    if let Ok(elf) = Elf::read(&*file) {
        symbols(&*file, &elf, |_| true);
    }
    let Ok(mut core) = CoreFile::new(Arc::clone(&file)) else { return };
    let files = Itself(file);
    core.overlay(&files);
    for mapping in core.mappings().iter().take(100) {
        let mut buffer = [0; 64];
        let _ = core.read_at(mapping.range.start, &mut buffer);
        let _ = core.read_at(mapping.range.end.wrapping_sub(32), &mut buffer);
        let _ = build_id_at(&core, mapping.range.start);
    }
    if let Ok(program) = Executable::find(&mut core, None, &files) {
        let _ = Layout::new(&program);
    }
});
