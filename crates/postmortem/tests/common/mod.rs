//! Opens real cores for tests.

#![allow(unreachable_pub, missing_docs, reason = "shared by test files")]
#![allow(dead_code, reason = "each test file uses its part")]

pub mod objects_map;
pub mod tables;

use std::fs::File;
use std::sync::Arc;

use memmap2::Mmap;
use postmortem::heap::{Isolate, PageHeader, find_isolates, find_pages};
use postmortem::{CoreFile, Executable, Files, Heap, Layout, SharedBytes};
use process_memory::BuildId;
use test_heaps::cores::{Core, How, core};

/// The files of this machine.
pub struct Here;

#[allow(unsafe_code, reason = "cores of gigabytes are mapped, as the program does it")]
pub fn map_file(path: &str) -> Option<SharedBytes> {
    let file = File::open(path).ok()?;
    // SAFETY: nobody writes to these files: cores are made once, programs are installed once.
    let map = unsafe { Mmap::map(&file) }.ok()?;
    Some(Arc::new(map))
}

impl Files for Here {
    fn open(&self, path: &str) -> Option<SharedBytes> {
        map_file(path)
    }

    fn elsewhere(&self, _path: &str, _build_id: &BuildId) -> Vec<String> {
        Vec::new()
    }
}

/// A core, opened.
pub struct Opened {
    pub made: Core,
    pub memory: CoreFile,
    pub executable: Executable,
    pub layout: Layout,
}

/// What the program of a known heap is told.
pub fn known_arguments(how: How) -> Vec<&'static str> {
    let end = if how == How::Abort { "--abort" } else { "--wait" };
    vec!["facts.json", "--snapshot", "known.heapsnapshot", end]
}

/// The core of the program with known objects.
pub fn known(version: &str, how: How) -> Opened {
    open(core(version, "known.cjs", &known_arguments(how), how).expect("a core"))
}

/// Opens what was made.
pub fn open(made: Core) -> Opened {
    let bytes = map_file(&made.path().to_string_lossy()).expect("the core");
    let mut memory = CoreFile::new(bytes).expect("a core");
    let executable = Executable::find(&mut memory, None, &Here).expect("its program");
    memory.overlay(&Here);
    let layout = Layout::new(&executable).expect("its layout");
    Opened { made, memory, executable, layout }
}

impl Opened {
    pub fn pages(&self) -> Vec<PageHeader> {
        find_pages(&self.memory, &self.layout)
    }

    pub fn isolates(&self, pages: &[PageHeader]) -> Vec<Isolate> {
        find_isolates(&self.memory, &self.layout, &self.executable, pages)
    }

    /// The main isolate's heap.
    pub fn heap(&self) -> Heap<'_> {
        let pages = self.pages();
        let isolates = self.isolates(&pages);
        Heap::new(&self.memory, &self.layout, isolates.first().expect("an isolate"), &pages)
    }
}
