//! Walks the frames of a thread by their frame pointers.

use std::ops::Range;

use process_memory::{Thread, mapping_at};

use super::asynchronous::waiting;
use super::baseline::{BytecodeSizes, bytecode_offset};
use super::code_index::{Code, CodeIndex, CodeKind};
use super::deoptimization::{self, OperandCounts};
use super::frames::{Frame, FrameKind, Local, Stack};
use super::native::{End, MOST_FRAMES, Native, Place as NativePlace};
use super::optimized::{Place, places};
use super::source_positions::{position_at, rows};
use crate::answers::hex;
use crate::core::Executable;
use crate::core::executable::{BYTECODE_SIZES, OPERAND_COUNTS};
use crate::heap::Heap;
use crate::heap::words::{is_strong, small_integer, untag};

/// The saved pointer to an outer exit frame lies so many words below an entry frame, at most.
const ENTRY_WORDS: u64 = 16;
/// Scopes around each other that are looked at.
const MOST_SCOPES: usize = 64;
/// No call passes more arguments than are worth telling.
const MOST_ARGUMENTS: u64 = 64;

/// Walks the stacks of one isolate's threads.
#[derive(Debug)]
pub struct Walker<'h, 'm> {
    heap: &'h Heap<'m>,
    native: Native<'m>,
    codes: CodeIndex,
    builtins: Range<u64>,
    sizes: BytecodeSizes,
    operands: OperandCounts,
}

/// Where a frame is: its pointer, and the address at which it goes on.
#[derive(Debug, Clone, Copy)]
struct At {
    frame: u64,
    pc: u64,
}

impl<'h, 'm> Walker<'h, 'm> {
    /// Prepares: collects the code of the heap.
    pub fn new(heap: &'h Heap<'m>, executable: &Executable) -> Self {
        let table = |name| {
            let symbol = executable.symbol(name)?;
            executable.variable(symbol.value, symbol.size as usize)
        };
        let sizes = BytecodeSizes::new(table(BYTECODE_SIZES).unwrap_or_default());
        let operands = OperandCounts::new(&table(OPERAND_COUNTS).unwrap_or_default());
        Self {
            heap,
            native: Native::new(heap.memory),
            codes: CodeIndex::new(heap),
            builtins: executable.builtins().unwrap_or_default(),
            sizes,
            operands,
        }
    }

    /// The frames of the thread that runs the isolate, JavaScript's and C++'s; `None` if no thread is known to.
    pub fn stack(&self) -> Option<Stack> {
        let thread = self.heap.memory.threads().get(self.heap.isolate.thread?)?;
        let mut stack = Stack::new(thread.id, Some(hex(self.heap.isolate.address)));
        let mut next = self.innermost(thread, &mut stack);
        while let Some(at) = next {
            if stack.frames.len() >= MOST_FRAMES {
                stack.incomplete = Some(format!("more than {MOST_FRAMES} frames"));
                break;
            }
            next = self.step(at, &mut stack);
        }
        stack.async_frames = waiting(self.heap, |function, bytecode| self.waiting_frame(function, bytecode));
        Some(stack)
    }

    /// A function that waits, at a bytecode if it has begun.
    fn waiting_frame(&self, function: u64, bytecode: Option<i64>) -> Option<Frame> {
        let shared = self.heap.shared_of(function)?;
        let array = self.heap.bytecode_of(shared);
        let position = bytecode.and_then(|index| self.position_in(array?, index));
        let mut frame = self.named(FrameKind::Async, shared, position);
        frame.function_address = Some(hex(function));
        Some(frame)
    }

    /// In V8's code the registers say where; from C++ the unwind tables lead back to it, or the isolate remembers the
    /// frame that called C++.
    fn innermost(&self, thread: &Thread, stack: &mut Stack) -> Option<At> {
        let (pc, frame) = (thread.registers.program_counter(), thread.registers.frame_pointer());
        if self.codes.find(pc).is_some() && self.on_stack(frame, thread.registers.stack_pointer()) {
            return Some(At { frame, pc });
        }
        let exit = Some(self.heap.isolate.entry_frame).filter(|exit| *exit != 0);
        self.leave_native(NativePlace::of(thread), exit, stack)
    }

    /// Adds the frames of C++, and goes on at the frame of V8's code that called them. Both ways to it must agree; where
    /// the unwind tables lead nowhere, what V8 noted itself (`exit`) counts, and where V8 noted nothing, as calls of
    /// plain C functions are, the tables do.
    fn leave_native(&self, start: NativePlace, exit: Option<u64>, stack: &mut Stack) -> Option<At> {
        // In some versions the code objects of builtins do not say where their code is.
        let is_code = |pc| self.builtins.contains(&pc) || self.codes.find(pc).is_some();
        let end = self.native.run(start, is_code, stack);
        if let (End::Lost(why), None) = (&end, exit) {
            stack.incomplete = Some(why.clone());
        }
        match (end, exit) {
            (End::Code(at), exit) if exit.is_none_or(|exit| at.frame < exit) => {
                self.on_stack(at.frame, at.stack).then_some(At { frame: at.frame, pc: at.pc })
            }
            (_, Some(exit)) => self.leave_exit(exit, stack),
            (_, None) => None,
        }
    }

    fn on_stack(&self, frame: u64, other: u64) -> bool {
        let mapping = mapping_at(self.heap.memory.mappings(), other);
        frame.is_multiple_of(8) && mapping.is_some_and(|mapping| mapping.range.contains(&frame))
    }

    /// From an exit frame, which belongs to a call into C++, to its caller.
    fn leave_exit(&self, frame: u64, stack: &mut Stack) -> Option<At> {
        stack.frames.extend(self.exit_frame(frame));
        self.caller(frame, stack)
    }

    /// The function that an exit frame is of, if it is a function of the language.
    fn exit_frame(&self, frame: u64) -> Option<Frame> {
        let words = (2..10).filter_map(|i| self.heap.word(frame.wrapping_add(8 * i)).ok());
        // Only C++ builtins have their function here: right behind the return address and what was `new.target`.
        let function = words
            .take(3)
            .filter_map(|word| self.heap.target(word))
            .find(|object| self.heap.map_of(*object).is_some_and(|map| map.is_function(self.heap.layout)))?;
        let name = self.heap.function(function)?.name;
        (!name.is_empty() && self.is_builtin_exit(frame)).then(|| Frame {
            function: Some(name),
            function_address: Some(hex(function)),
            frame_address: Some(hex(frame)),
            ..Frame::new(FrameKind::Builtin)
        })
    }

    fn is_builtin_exit(&self, frame: u64) -> bool {
        let marker = self.marker(frame);
        let metadata = &self.heap.layout.metadata;
        marker.is_some() && marker == metadata.value("frametype_BuiltinExitFrame")
    }

    /// The type of a frame that is none of a function.
    fn marker(&self, frame: u64) -> Option<i64> {
        let offset = self.heap.layout.fields.frame_context;
        let word = self.heap.word(frame.wrapping_add(offset)).ok()?;
        (word & 1 == 0 && word < 1 << 32).then_some((word >> 1) as i64)
    }

    fn caller(&self, frame: u64, stack: &mut Stack) -> Option<At> {
        let next = self.heap.word(frame).ok().zip(self.heap.word(frame.wrapping_add(8)).ok());
        let Some((outer, pc)) = next else {
            stack.incomplete = Some(format!("no memory at {frame:#x}"));
            return None;
        };
        // Frames lie one above the other: what does not go up is broken, or the end.
        if outer <= frame || outer % 8 != 0 {
            if outer != 0 {
                stack.incomplete = Some(format!("the frame at {frame:#x} names no outer one"));
            }
            return None;
        }
        Some(At { frame: outer, pc })
    }

    fn step(&self, at: At, stack: &mut Stack) -> Option<At> {
        let fields = &self.heap.layout.fields;
        match self.marker(at.frame) {
            Some(marker) => {
                let marker = marker as u64;
                if marker == fields.frame_type_entry || marker == fields.frame_type_construct_entry {
                    return self.leave_entry(at.frame, stack);
                }
                self.caller(at.frame, stack)
            }
            None => {
                let before = stack.frames.len();
                self.function_frames(at, stack);
                for frame in &mut stack.frames[before..] {
                    frame.frame_address = Some(hex(at.frame));
                }
                self.caller(at.frame, stack)
            }
        }
    }

    /// An entry frame is what C++ calls JavaScript with; it saved the exit frame before it.
    fn leave_entry(&self, frame: u64, stack: &mut Stack) -> Option<At> {
        let saved = (2..ENTRY_WORDS).filter_map(|i| self.heap.word(frame.wrapping_sub(8 * i)).ok());
        let metadata = &self.heap.layout.metadata;
        let exits = [
            "ExitFrame",
            "BuiltinExitFrame",
            "ApiCallbackExitFrame",
            "ApiAccessorExitFrame",
            "ApiConstructExitFrame",
            "ApiNamedAccessorExitFrame",
            "ApiIndexedAccessorExitFrame",
        ];
        let exits: Vec<i64> =
            exits.iter().filter_map(|name| metadata.value(&format!("frametype_{name}"))).collect();
        let is_exit = |word: &u64| {
            *word > frame
                && word.is_multiple_of(8)
                && self.marker(*word).is_some_and(|marker| exits.contains(&marker))
        };
        let exit = saved.into_iter().find(is_exit);
        // The entry frame's caller is C++.
        let caller = self.heap.word(frame).ok().zip(self.heap.word(frame.wrapping_add(8)).ok());
        let Some((outer, pc)) = caller else { return self.leave_exit(exit?, stack) };
        let start = NativePlace { pc, stack: frame.wrapping_add(16), frame: outer, returned: true };
        self.leave_native(start, exit, stack)
    }

    /// The frame of a function, and of those that were optimized into it.
    fn function_frames(&self, at: At, stack: &mut Stack) {
        let fields = &self.heap.layout.fields;
        let slot = |offset: u64| self.heap.word(at.frame.wrapping_add(offset)).ok();
        let function = slot(fields.frame_function).and_then(|word| self.heap.target(word));
        let Some(function) = function.filter(|function| self.heap.shared_of(*function).is_some()) else {
            return;
        };
        let code = self.codes.find(at.pc);
        match code.map(|code| code.kind) {
            Some(CodeKind::Baseline) => {
                let position = code.and_then(|code| self.baseline_position(&code, function, at.pc));
                stack.frames.push(self.frame(FrameKind::Baseline, at, function, position));
            }
            Some(CodeKind::Maglev | CodeKind::Turbofan) => {
                if let Some(code) = code {
                    self.optimized_frames(&code, at, function, stack);
                }
            }
            Some(CodeKind::Other) => {}
            Some(CodeKind::Builtin) | None => match self.interpreted_position(at.frame) {
                Some(position) => {
                    stack.frames.push(self.frame(FrameKind::Interpreted, at, function, position))
                }
                None => {
                    let mut frame = self.frame(FrameKind::Builtin, at, function, None);
                    // Functions that V8 makes for itself have no names; their code has.
                    if frame.function.as_deref() == Some("") && self.is_builtin_code(at.pc) {
                        frame.function = self.heap.builtin_at(at.pc).map(str::to_owned);
                    }
                    stack.frames.push(frame);
                }
            },
        }
    }

    fn is_builtin_code(&self, pc: u64) -> bool {
        self.builtins.contains(&pc) || self.codes.kind_at(pc) == Some(CodeKind::Builtin)
    }

    /// Where the interpreter was in a function; `None` if the frame is none of the interpreter's.
    fn interpreted_position(&self, frame: u64) -> Option<Option<u64>> {
        let fields = &self.heap.layout.fields;
        let slot = |offset: u64| self.heap.word(frame.wrapping_add(offset)).ok();
        let bytecode = slot(fields.frame_bytecode_array).and_then(|word| self.heap.target(word))?;
        if self.heap.kind_of(bytecode)? != self.heap.layout.types.bytecode_array {
            return None;
        }
        let offset = slot(fields.frame_bytecode_offset).and_then(small_integer)?;
        // The offset counts from the object's tagged start.
        let index = offset - (fields.bytecode_data as i64 - 1);
        Some(self.position_in(bytecode, index))
    }

    /// The position in the source of a bytecode.
    fn position_in(&self, bytecode: u64, index: i64) -> Option<u64> {
        let fields = &self.heap.layout.fields;
        let table = self.heap.field(bytecode, fields.bytecode_source_positions).ok()?;
        let bytes = self.heap.byte_array(self.heap.target(table)?)?;
        let rows = rows(&bytes, fields.source_position_format == 1);
        position_at(&rows, index).map(|position| position.offset)
    }

    fn baseline_position(&self, code: &Code, function: u64, pc: u64) -> Option<u64> {
        let heap = self.heap;
        let fields = &heap.layout.fields;
        let table =
            heap.byte_array(heap.target(heap.field(code.object, fields.code_position_table).ok()?)?)?;
        let bytecode = heap.bytecode_of(heap.shared_of(function)?)?;
        let length = crate::heap::words::count(heap.field(bytecode, fields.array_length).ok()?)?;
        let bytes = heap.rest_of_page(bytecode)?.get(fields.bytecode_data as usize..)?;
        let bytes = bytes.get(..usize::try_from(length).ok()?)?;
        let offset = bytecode_offset(&table, bytes, &self.sizes, pc.saturating_sub(code.start))?;
        self.position_in(bytecode, offset as i64)
    }

    fn optimized_frames(&self, code: &Code, at: At, function: u64, stack: &mut Stack) {
        let kind = if code.kind == CodeKind::Maglev { FrameKind::Maglev } else { FrameKind::Turbofan };
        let mut places = places(self.heap, code, at.pc);
        if places.is_empty() && code.kind == CodeKind::Maglev {
            let position_of = |shared, bytecode| self.position_in(self.heap.bytecode_of(shared)?, bytecode);
            places = deoptimization::places(self.heap, code, at.pc, &self.operands, position_of);
        }
        if places.is_empty() {
            stack.frames.push(self.frame(kind, at, function, None));
        }
        for Place { shared, position } in places {
            match shared {
                Some(shared) => stack.frames.push(self.inlined(shared, position)),
                None => stack.frames.push(self.frame(kind, at, function, Some(position))),
            }
        }
    }

    fn inlined(&self, shared: u64, position: u64) -> Frame {
        self.named(FrameKind::Inlined, shared, Some(position))
    }

    fn named(&self, kind: FrameKind, shared: u64, position: Option<u64>) -> Frame {
        let heap = self.heap;
        let info = heap.shared_function(shared);
        let place = match position {
            Some(position) => heap.script_of(shared).and_then(|script| heap.place(script, position)),
            None => None,
        };
        let script = place.as_ref().or(info.place.as_ref()).and_then(|place| place.script.clone());
        Frame {
            function: Some(info.name),
            script,
            line: place.as_ref().and_then(|place| place.line),
            column: place.as_ref().and_then(|place| place.column),
            script_address: place.as_ref().map(|place| place.address),
            ..Frame::new(kind)
        }
    }

    fn frame(&self, kind: FrameKind, at: At, function: u64, position: Option<u64>) -> Frame {
        let heap = self.heap;
        let fields = &heap.layout.fields;
        let Some(shared) = heap.shared_of(function) else { return self.named(kind, function, None) };
        let mut frame = self.named(kind, shared, position);
        frame.function_address = Some(hex(function));
        // The number of arguments, `this` included, lies below the function.
        let count = heap.word(at.frame.wrapping_add(fields.frame_function).wrapping_sub(8)).unwrap_or(0);
        let argument = |i: u64| heap.word(at.frame.wrapping_add(fields.frame_arguments + 8 * i)).ok();
        frame.receiver = argument(0).filter(|word| is_strong(*word)).map(|word| hex(untag(word)));
        if (1..=MOST_ARGUMENTS).contains(&count) {
            frame.arguments = (1..count).map_while(argument).map(text_of_word).collect();
        }
        frame.locals = self.shared_variables(at.frame, function);
        if matches!(kind, FrameKind::Interpreted | FrameKind::Baseline) {
            frame.locals.extend(self.registers(at.frame, shared));
        }
        frame
    }

    /// The variables of the scopes that the function is in at the moment, up to those that it was made in.
    fn shared_variables(&self, frame: u64, function: u64) -> Vec<Local> {
        let heap = self.heap;
        let fields = &heap.layout.fields;
        let outside = heap.field(function, fields.function_context).ok();
        let mut variables = Vec::new();
        let mut at = heap.word(frame.wrapping_add(fields.frame_context)).ok();
        // Each scope is around the one before.
        for _ in 0..MOST_SCOPES {
            let Some(word) = at.filter(|word| Some(*word) != outside) else { break };
            let contexts = fields.first_context_type..=fields.last_context_type;
            let context = heap.target(word).filter(|context| {
                heap.kind_of(*context).is_some_and(|kind| contexts.contains(&u64::from(kind)))
            });
            let Some(context) = context else { break };
            for (name, value) in heap.context_variables(context) {
                if let Some(name) = heap.key_text(name) {
                    variables.push(Local { name, value: text_of_word(value) });
                }
            }
            at = heap.field(context, fields.array_data + 8).ok();
        }
        variables
    }

    /// The registers of a frame, as many as the function's bytecode says.
    fn registers(&self, frame: u64, shared: u64) -> Vec<Local> {
        let heap = self.heap;
        let fields = &heap.layout.fields;
        let size = heap
            .bytecode_of(shared)
            .and_then(|bytecode| heap.half(bytecode.wrapping_add(fields.bytecode_frame_size)).ok());
        let count = u64::from(size.unwrap_or(0)) / 8;
        let first = frame
            .wrapping_add(fields.frame_bytecode_offset)
            .wrapping_sub(8 * (1 + fields.frame_registers_behind));
        let register = |at: u64| heap.word(first.wrapping_sub(8 * at)).ok();
        let words = (0..count.min(MOST_ARGUMENTS)).map_while(register).enumerate();
        words.map(|(at, word)| Local { name: format!("r{at}"), value: text_of_word(word) }).collect()
    }
}

/// A value as frames tell it: a small integer, or an object's tagged address.
fn text_of_word(word: u64) -> String {
    match small_integer(word) {
        Some(small) => small.to_string(),
        None => hex(word),
    }
}
