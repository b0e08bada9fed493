//! Frames of C++, by the unwind tables that programs and libraries carry (`.eh_frame`, "Linux Standard Base Core
//! Specification", 10.6), which are read from the process's own memory.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::ops::Range;

use framehop::x86_64::{CacheX86_64, UnwindRegsX86_64, UnwinderX86_64};
use framehop::{ExplicitModuleSectionInfo, FrameAddress, Module, Unwinder};
use process_memory::{ProcessMemory, ReadExt, Registers, Thread, auxiliary_type, mapping_at};

use super::frames::{Frame, FrameKind, Stack};
use crate::answers::hex;
use crate::bytes::FileBytes;
use crate::elf::{ET_EXEC, Elf, PT_GNU_EH_FRAME, PT_LOAD};

/// No stack has more frames.
pub(super) const MOST_FRAMES: usize = 200_000;
/// An address relative to its own place, in four signed bytes (`DW_EH_PE_pcrel | DW_EH_PE_sdata4`).
const RELATIVE: u8 = 0x1b;

/// Unwinds frames of C++ in one process.
pub struct Native<'m> {
    memory: &'m dyn ProcessMemory,
    images: Vec<Image>,
    unwinder: UnwinderX86_64<Cow<'m, [u8]>>,
    cache: RefCell<CacheX86_64>,
}

impl fmt::Debug for Native<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Native").field("images", &self.images).finish_non_exhaustive()
    }
}

/// A program or library in memory.
#[derive(Debug)]
struct Image {
    path: String,
    range: Range<u64>,
}

/// Registers of a frame, as far as unwinding needs them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) pc: u64,
    pub(super) stack: u64,
    pub(super) frame: u64,
    /// Whether `pc` is where a call returns to, not where the thread was.
    pub(super) returned: bool,
}

/// How a run of frames of C++ ended.
#[derive(Debug)]
pub(super) enum End {
    /// In code that is none of C++'s.
    Code(Place),
    /// At the first function of the thread.
    Outermost,
    /// Without a way on.
    Lost(String),
}

impl<'m> Native<'m> {
    /// Collects the unwind tables of all images.
    pub fn new(memory: &'m dyn ProcessMemory) -> Self {
        let mut native =
            Self { memory, images: Vec::new(), unwinder: UnwinderX86_64::new(), cache: RefCell::default() };
        for image in images(memory) {
            if let Some(module) = module(memory, &image) {
                native.unwinder.add_module(module);
            }
            native.images.push(image);
        }
        native
    }

    /// The frames of a thread that runs no JavaScript.
    pub fn stack(&self, thread: &Thread) -> Stack {
        let mut stack = Stack::new(thread.id, None);
        if let End::Lost(why) = self.run(Place::of(thread), |_| false, &mut stack) {
            stack.incomplete = Some(why);
        }
        stack
    }

    /// Adds frames to the stack until one is in code that `is_code` knows.
    pub(super) fn run(&self, start: Place, is_code: impl Fn(u64) -> bool, stack: &mut Stack) -> End {
        let mut registers = UnwindRegsX86_64::new(start.pc, start.stack, start.frame);
        let mut read = |address| self.memory.u64_at(address).map_err(|_| ());
        let mut at = start;
        loop {
            if is_code(at.pc) {
                return End::Code(at);
            }
            if stack.frames.len() >= MOST_FRAMES {
                return End::Lost(format!("more than {MOST_FRAMES} frames"));
            }
            let address = match at.returned {
                true => FrameAddress::from_return_address(at.pc),
                false => Some(FrameAddress::from_instruction_pointer(at.pc)),
            };
            let Some(address) = address else { return End::Outermost };
            stack.frames.push(self.frame(at));
            let mut cache = self.cache.borrow_mut();
            let next = self.unwinder.unwind_frame(address, &mut registers, &mut *cache, &mut read);
            let pc = match next {
                Ok(Some(pc)) => pc,
                Ok(None) => return End::Outermost,
                Err(error) => return End::Lost(format!("behind {:#x} in C++: {error}", at.pc)),
            };
            // Stacks grow downwards: callers lie above.
            if registers.sp() < at.stack || (registers.sp() == at.stack && pc == at.pc) {
                return End::Lost(format!("the caller of {:#x} lies below it", at.pc));
            }
            at = Place { pc, stack: registers.sp(), frame: registers.bp(), returned: true };
        }
    }

    fn frame(&self, at: Place) -> Frame {
        let lookup = at.pc - u64::from(at.returned);
        let image = self.images.iter().find(|image| image.range.contains(&lookup));
        Frame {
            address: Some(hex(at.pc)),
            module: image.map(|image| image.path.clone()),
            ..Frame::new(FrameKind::Native)
        }
    }
}

impl Place {
    /// Where a thread was.
    pub(super) fn of(thread: &Thread) -> Self {
        let registers: &Registers = &thread.registers;
        Self {
            pc: registers.program_counter(),
            stack: registers.stack_pointer(),
            frame: registers.frame_pointer(),
            returned: false,
        }
    }
}

/// The mapped files, each from the mapping of its first byte on, and the kernel's own library.
fn images(memory: &dyn ProcessMemory) -> Vec<Image> {
    let mut images: Vec<Image> = Vec::new();
    for mapping in memory.mappings() {
        let Some(file) = &mapping.file else { continue };
        if file.offset == 0 {
            images.push(Image { path: file.path.clone(), range: mapping.range.clone() });
        } else if let Some(last) = images.last_mut().filter(|last| last.path == file.path) {
            last.range.end = mapping.range.end;
        }
    }
    let kernel = memory.auxiliary().get(auxiliary_type::SYSINFO_EHDR);
    if let Some(mapping) = kernel.and_then(|start| mapping_at(memory.mappings(), start)) {
        images.push(Image { path: "[vdso]".to_owned(), range: mapping.range.clone() });
    }
    images
}

/// The headers of an image, where they lie in memory.
struct InMemory<'m>(&'m dyn ProcessMemory, Range<u64>);

impl FileBytes for InMemory<'_> {
    fn length(&self) -> u64 {
        self.1.end - self.1.start
    }

    fn read(&self, offset: u64, buffer: &mut [u8]) -> bool {
        self.1.start.checked_add(offset).is_some_and(|at| self.0.read_at(at, buffer).is_ok())
    }

    fn borrow(&self, offset: u64, length: usize) -> Option<&[u8]> {
        self.0.borrow_at(self.1.start.checked_add(offset)?, length)
    }
}

/// What is added to the addresses of an image's file; [`None`] if its headers cannot be read.
pub(super) fn bias(elf: &Elf, start: u64) -> Option<u64> {
    let first = elf.segments.iter().find(|segment| segment.kind == PT_LOAD)?;
    Some(if elf.kind == ET_EXEC { 0 } else { start.wrapping_sub(first.address & !0xfff) })
}

fn module<'m>(memory: &'m dyn ProcessMemory, image: &Image) -> Option<Module<Cow<'m, [u8]>>> {
    let elf = Elf::read(&InMemory(memory, image.range.clone())).ok()?;
    let bias = bias(&elf, image.range.start)?;
    let index = elf.segments.iter().find(|segment| segment.kind == PT_GNU_EH_FRAME)?;
    let bytes = |start: u64, length: u64| -> Option<Cow<'m, [u8]>> {
        let at = bias.wrapping_add(start);
        let length_here = usize::try_from(length).ok()?;
        match memory.borrow_at(at, length_here) {
            Some(bytes) => Some(Cow::Borrowed(bytes)),
            None => memory.bytes_at(at, length).ok().map(Cow::Owned),
        }
    };
    let index_bytes = bytes(index.address, index.memory_size)?;
    let [_, RELATIVE, _, _, a, b, c, d, ..] = *index_bytes else { return None };
    let tables = (index.address + 4).wrapping_add_signed(i64::from(i32::from_le_bytes([a, b, c, d])));
    // How long the tables are is said nowhere that is loaded; they are entered through the index, never searched.
    let holder = elf.segments.iter().find(|segment| {
        segment.kind == PT_LOAD && tables >= segment.address && tables - segment.address < segment.file_size
    })?;
    let end = holder.address.checked_add(holder.file_size)?;
    let sections = ExplicitModuleSectionInfo {
        base_svma: 0,
        eh_frame_hdr_svma: Some(index.address..index.address.checked_add(index.memory_size)?),
        eh_frame_hdr: Some(index_bytes),
        eh_frame_svma: Some(tables..end),
        eh_frame: Some(bytes(tables, end - tables)?),
        ..Default::default()
    };
    Some(Module::new(image.path.clone(), image.range.clone(), bias, sections))
}
