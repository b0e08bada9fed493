//! From an address in machine code to the code object that it is part of.

use crate::heap::Heap;

/// What a piece of code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeKind {
    /// V8's own: builtins, bytecode handlers, entries.
    Builtin,
    /// Sparkplug.
    Baseline,
    /// Maglev.
    Maglev,
    /// TurboFan.
    Turbofan,
    /// Regular expressions, WebAssembly.
    Other,
}

/// A code object and where its instructions are.
#[derive(Debug, Clone, Copy)]
pub struct Code {
    /// The first instruction.
    pub start: u64,
    /// Behind the last one.
    pub end: u64,
    /// The code object.
    pub object: u64,
    /// What it is.
    pub kind: CodeKind,
}

/// All code of a heap, by address.
#[derive(Debug, Default)]
pub struct CodeIndex {
    codes: Vec<Code>,
}

/// Builtins have this number or a lower one, in all versions.
const BUILTIN: u64 = 3;

impl CodeIndex {
    /// Looks at every code object.
    pub fn new(heap: &Heap<'_>) -> Self {
        let fields = &heap.layout.fields;
        let code_type = heap.layout.types.code;
        let read = |object: u64| {
            let size = u64::from(heap.half(object + fields.code_instruction_size).ok()?);
            let start = match fields.code_is_inline {
                1 => object + fields.code_instruction_start,
                _ => heap.field(object, fields.code_instruction_start).ok()?,
            };
            let flags = u64::from(heap.half(object + fields.code_flags).ok()?);
            let kind = kind(flags & fields.code_kind_mask, fields.code_kind_baseline);
            (size > 0).then_some(Code { start, end: start.checked_add(size)?, object, kind })
        };
        // New and old space hold no code objects in versions with trusted space, and are most of the heap.
        let elsewhere = heap.layout.types.trusted_byte_array != crate::layout::NO_TYPE;
        let pages = (0..heap.pages.len()).filter(|page| {
            let space = heap.pages[*page].header.space.map_or(u64::MAX, u64::from);
            !elsewhere || (space != fields.space_new && space != fields.space_old)
        });
        let objects = pages.flat_map(|page| heap.objects_on(page));
        let objects = objects.filter(|object| heap.kind_of(*object) == Some(code_type));
        let mut codes: Vec<Code> = objects.filter_map(read).collect();
        codes.sort_by_key(|code| code.start);
        Self { codes }
    }

    /// All of it, by address.
    pub fn all(&self) -> &[Code] {
        &self.codes
    }

    /// The code of a code object.
    pub fn of(&self, object: u64) -> Option<Code> {
        self.codes.iter().find(|code| code.object == object).copied()
    }

    /// The code at an address.
    pub fn find(&self, address: u64) -> Option<Code> {
        let next = self.codes.partition_point(|code| code.start <= address);
        // A call may be the last instruction: its return address is the end.
        self.codes[..next].last().filter(|code| address <= code.end).copied()
    }

    /// What the code at an address is.
    pub fn kind_at(&self, address: u64) -> Option<CodeKind> {
        self.find(address).map(|code| code.kind)
    }
}

/// Kinds stand in one order: baseline, maglev, turbofan.
fn kind(number: u64, baseline: u64) -> CodeKind {
    match number.checked_sub(baseline) {
        Some(0) => CodeKind::Baseline,
        Some(1) => CodeKind::Maglev,
        Some(2) => CodeKind::Turbofan,
        _ if number <= BUILTIN => CodeKind::Builtin,
        _ => CodeKind::Other,
    }
}
