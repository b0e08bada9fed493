//! Broken cores give answers or errors: no panic, no endless loop, no endless memory.

#![allow(clippy::print_stdout, reason = "how much was compared")]

mod common;

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heap_graph::ReadOptions;
use postmortem::answers::{Describer, Limits, find_objects, find_references};
use postmortem::elf::{Elf, PT_LOAD};
use postmortem::graph::{GraphOptions, graph};
use postmortem::heap::{Liveness, find_isolates, find_pages};
use postmortem::object::ClassNames;
use postmortem::stack::Walker;
use postmortem::{CoreError, CoreFile, Executable, ExecutableError, FileBytes, Heap, Layout, SharedBytes};
use process_memory::{ProcessMemory, ReadExt};
use test_heaps::cores::{Core, How, core};
use test_heaps::nodes::{V20, V22, binary};
use test_heaps::random::Random;

use common::{Here, known_arguments, map_file};

/// A file of which some bytes are others, and perhaps the end is missing.
struct Broken {
    file: SharedBytes,
    length: u64,
    /// Offsets and bytes, by offset.
    changes: Vec<(u64, u8)>,
}

impl FileBytes for Broken {
    fn length(&self) -> u64 {
        self.length
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> bool {
        let end = offset.saturating_add(buffer.len() as u64);
        if end > self.length || !self.file.read(offset, buffer) {
            return false;
        }
        let first = self.changes.partition_point(|change| change.0 < offset);
        for (at, byte) in self.changes[first..].iter().take_while(|change| change.0 < end) {
            buffer[(at - offset) as usize] = *byte;
        }
        true
    }

    fn borrow(&self, _offset: u64, _length: usize) -> Option<&[u8]> {
        None
    }
}

fn made() -> Core {
    core(V22, "known.cjs", &known_arguments(How::Abort), How::Abort).expect("a core")
}

fn file() -> SharedBytes {
    map_file(&made().path().to_string_lossy()).expect("the core")
}

/// Asks everything; answers how many objects there were, or the error.
fn ask(bytes: SharedBytes) -> Result<u64, String> {
    let started = Instant::now();
    let result = try_ask(bytes);
    assert!(started.elapsed() < Duration::from_secs(60), "{:?}", started.elapsed());
    result
}

fn try_ask(bytes: SharedBytes) -> Result<u64, String> {
    let mut memory = CoreFile::new(bytes).map_err(|error| error.to_string())?;
    let executable = Executable::find(&mut memory, None, &Here).map_err(|error| error.to_string())?;
    let layout = Layout::new(&executable).map_err(|error| error.to_string())?;
    let pages = find_pages(&memory, &layout);
    let isolates = find_isolates(&memory, &layout, &executable, &pages);
    let isolate = isolates.first().ok_or("no isolate")?;
    let heap = Heap::new(&memory, &layout, isolate, &pages);
    let live = Liveness::mark(&heap);
    let classes = ClassNames::new(&heap);
    let found = find_objects(&heap, &classes, None, &mut || ControlFlow::Continue(())).unwrap();
    let describer = Describer::new(&heap, &classes, Limits { depth: 2, elements: 20, string: 1000 });
    for row in &found.classes {
        let value = describer.object(row.representative);
        assert!(serde_json::to_string(&value).is_ok());
    }
    if let Some(row) = found.classes.first() {
        let _ = find_references(&heap, &classes, Some(&live), row.representative);
    }
    let _ = Walker::new(&heap, &executable).stack();
    // A graph of whatever is there is one that every reader takes.
    let mut go_on = |_, _| ControlFlow::Continue(());
    let made = graph(&heap, &live, GraphOptions::default(), &mut go_on).unwrap();
    let mut text = Vec::new();
    heap_graph::write(&made, &mut text).unwrap();
    let options = ReadOptions { size: Some(text.len() as u64), ..ReadOptions::default() };
    let read = heap_graph::read(&text[..], &options, &mut |_| ControlFlow::Continue(()));
    assert_eq!(read.expect("a snapshot").node_count(), made.node_count());
    Ok(heap.report().object_count)
}

#[test]
fn a_whole_core_is_the_measure() {
    assert!(ask(file()).unwrap() > 60_000);
}

#[test]
fn truncated_cores_say_what_is_missing() {
    let file = file();
    let whole = file.length();
    let mut random = Random(1);
    let mut lengths = vec![0, 3, 63, 64, 5000, whole / 4, whole / 2, whole - 4096, whole - 1];
    lengths.extend((0..6).map(|_| random.below(whole as usize) as u64));
    for length in lengths {
        let cut: SharedBytes = Arc::new(Broken { file: Arc::clone(&file), length, changes: Vec::new() });
        match CoreFile::new(Arc::clone(&cut)) {
            Ok(memory) => {
                let missing = memory.cut_off().expect("what is missing");
                assert_eq!(missing.length, length);
                assert!(missing.missing > 0);
            }
            Err(CoreError::Elf(error)) => assert!(length < 1 << 16, "{error}"),
            Err(error) => panic!("{error}"),
        }
        println!("{length} of {whole}: {:?}", ask(cut));
    }
}

#[test]
fn flipped_bytes_do_no_harm() {
    let file = file();
    let mut random = Random(7);
    let elf = Elf::read(&*file).unwrap();
    let heap: Vec<_> = elf
        .segments
        .iter()
        .filter(|segment| {
            segment.kind == PT_LOAD && segment.address % (1 << 18) == 0 && segment.file_size > 0
        })
        .collect();
    for round in 0..12 {
        let mut changes: Vec<(u64, u8)> = (0..2000)
            .map(|_| {
                let segment = random.pick(&heap);
                let offset = segment.offset + random.below(segment.file_size as usize) as u64;
                (offset, random.next_u64() as u8)
            })
            .collect();
        if round % 3 == 0 {
            // Headers, notes and program headers too.
            changes.extend((0..20).map(|_| (16 + random.below(30_000) as u64, random.next_u64() as u8)));
        }
        changes.sort_by_key(|change| change.0);
        let broken = Broken { file: Arc::clone(&file), length: file.length(), changes };
        println!("round {round}: {:?}", ask(Arc::new(broken)));
    }
}

/// Segments that claim to be as long as no memory is.
#[test]
fn lengths_that_lie_cost_nothing() {
    let file = file();
    let elf = Elf::read(&*file).unwrap();
    let loads = elf.segments.iter().enumerate().filter(|(_, segment)| segment.kind == PT_LOAD);
    let loads: Vec<u64> = loads.map(|(i, _)| i as u64).collect();
    // `p_filesz` and `p_memsz` of a program header, which follow the file's header.
    for header in [loads[loads.len() / 2], loads[loads.len() - 1]] {
        for field in [32, 40] {
            let changes = vec![(64 + 56 * header + field + 6, 0x10)];
            let broken = Broken { file: Arc::clone(&file), length: file.length(), changes };
            println!("{header} {field}: {:?}", ask(Arc::new(broken)));
        }
    }
}

/// Loops that flipped bytes hardly make: a rope, a prototype, a map and a context that contain themselves.
#[test]
fn loops_end() {
    let file = file();
    let elf = Elf::read(&*file).unwrap();
    let mut memory = CoreFile::new(Arc::clone(&file)).unwrap();
    let executable = Executable::find(&mut memory, None, &Here).unwrap();
    let layout = Layout::new(&executable).unwrap();
    let pages = find_pages(&memory, &layout);
    let isolates = find_isolates(&memory, &layout, &executable, &pages);
    let heap = Heap::new(&memory, &layout, &isolates[0], &pages);
    let (fields, types) = (&layout.fields, &layout.types);
    let mut words = Vec::new();
    for object in heap.objects() {
        let map = heap.map_of(object).unwrap();
        let own = object | 1;
        match map.kind {
            kind if kind < 128 && kind & 7 == 1 => words.push((object + fields.cons_first, own)),
            kind if kind < 128 && kind & 7 == 5 => words.push((object + fields.thin_actual, own)),
            kind if kind == types.map => {
                words.push((object + fields.map_prototype, own));
                words.push((object + fields.map_constructor, own));
            }
            _ if map.is_context(&layout) => words.push((object + 24, own)),
            kind if kind == types.js_bound_function => words.push((object + fields.bound_target, own)),
            _ => {}
        }
    }
    assert!(words.len() > 5000);
    let mut changes = Vec::new();
    for (address, word) in words {
        assert!(memory.u64_at(address).is_ok());
        if let Some((offset, _)) = elf.file_offset(address) {
            changes.extend(word.to_le_bytes().iter().enumerate().map(|(i, byte)| (offset + i as u64, *byte)));
        }
    }
    changes.sort_by_key(|change| change.0);
    let broken = Broken { file: Arc::clone(&file), length: file.length(), changes };
    assert!(ask(Arc::new(broken)).unwrap() > 50_000);
}

#[test]
fn the_wrong_program_is_refused_with_both_ids() {
    let mut memory = CoreFile::new(file()).unwrap();
    let other = binary(V20).unwrap().to_string_lossy().into_owned();
    let error = Executable::find(&mut memory, Some(&other), &Here).unwrap_err();
    let ExecutableError::Other { found, expected, .. } = &error else { panic!("{error}") };
    assert_eq!((found.len(), expected.len()), (40, 40));
    assert_ne!(found, expected);
    let text = error.to_string();
    assert!(text.contains(found.as_str()) && text.contains(expected.as_str()), "{text}");
    let error = Executable::find(&mut memory, Some("/nowhere/node"), &Here).unwrap_err();
    assert!(matches!(error, ExecutableError::Unreadable { .. }), "{error}");
}

#[test]
fn a_program_is_no_core_and_no_other_program_is_node() {
    let program = map_file(&binary(V22).unwrap().to_string_lossy()).unwrap();
    assert_eq!(CoreFile::new(Arc::clone(&program)).err(), Some(CoreError::NotCore));
    let shell = map_file("/bin/sh").unwrap();
    let shell = Executable::of_file("/bin/sh", shell, 0).unwrap();
    let error = Layout::new(&shell).unwrap_err().to_string();
    assert!(error.starts_with("/bin/sh has no V8 metadata"), "{error}");
}

#[test]
fn memory_that_is_not_there_is_not_zero() {
    let memory = CoreFile::new(file()).unwrap();
    let text = memory.mappings().iter().find(|mapping| mapping.permissions.execute && mapping.file.is_some());
    let address = text.expect("the program's text").range.start;
    let gap = memory.u64_at(address).unwrap_err();
    assert_eq!((gap.address, gap.kind), (address, process_memory::GapKind::Absent));
    let gap = memory.u64_at(8).unwrap_err();
    assert_eq!(gap.kind, process_memory::GapKind::Unmapped);
}
