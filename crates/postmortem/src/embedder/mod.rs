//! Objects of C++ behind objects of the language. Node makes an object of class `BaseObject` for each socket, hash,
//! parser and so on, and V8 keeps its address in a field of the object that programs hold (`BaseObject`,
//! src/base_object.h). For heap snapshots such objects tell their names and sizes in virtual functions (`MemoryRetainer`,
//! src/memory_tracker.h); what these return is read here.

mod leaf;

use process_memory::ReadExt;
use rustc_hash::FxHashMap;

use crate::Heap;
use crate::heap::words::tag;
use leaf::Answer;

/// The virtual functions of `MemoryRetainer`, bytes from where an object's first word points: two destructors come
/// first, then `MemoryInfo`. The same in Node 18 to 26 (measured).
const NAME: u64 = 24;
const SIZE: u64 = 32;
const IS_ROOT: u64 = 48;

/// A name longer than this is none, an object larger than that neither.
const LONGEST_NAME: usize = 128;
const LARGEST: u64 = 1 << 24;

/// What an object that V8 manages for C++ (cppgc) is called: bytes from where its first word points. It is
/// `GetHumanReadableName` (include/cppgc/name-provider.h) in all of Node's.
const READABLE_NAME: u64 = 16;
/// What Node calls such objects.
const OF_NODE: &str = "Node / ";

/// An object of C++ of Node's own, in the memory of C++.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BaseObject {
    /// Its class as it tells it, `TCPSocketWrap`.
    pub(crate) name: String,
    /// Bytes, without what it points at.
    pub(crate) size: u64,
    /// Whether C++ keeps it alive; `None` if this version does not say.
    pub(crate) is_root: Option<bool>,
}

/// An object of C++ in the heap that V8 has for these. V8 takes it and the object of the language for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Managed {
    /// What V8 calls both, `Node / ContextifyScript`.
    pub(crate) name: String,
    /// Bytes of this part.
    pub(crate) size: u64,
}

/// Reads them. What all objects of a class return is found once.
pub(crate) struct BaseObjects<'h, 'm> {
    heap: &'h Heap<'m>,
    /// By table of virtual functions and place in it: what it returns, if that is the same for all objects.
    constants: FxHashMap<(u64, u64), Option<Answer>>,
}

impl<'h, 'm> BaseObjects<'h, 'm> {
    pub(crate) fn new(heap: &'h Heap<'m>) -> Self {
        Self { heap, constants: FxHashMap::default() }
    }

    /// The object of C++ whose address is in one of these fields of an object: it names the object back, by a handle.
    pub(crate) fn behind(&mut self, object: u64, fields: impl Iterator<Item = u64>) -> Option<BaseObject> {
        let memory = self.heap.memory;
        let names_back = |base: &u64| {
            let handle = memory.u64_at(base.checked_add(8)?).ok().filter(|handle| is_address(*handle))?;
            (memory.u64_at(handle).ok()? == tag(object)).then_some(())
        };
        let base = fields.filter(|word| is_address(*word)).find(|base| names_back(base).is_some())?;
        let functions = memory.u64_at(base).ok().filter(|functions| is_address(*functions))?;
        // It is no part of a larger object: how far the whole is lies before the functions.
        if memory.u64_at(functions.checked_sub(16)?) != Ok(0) {
            return None;
        }
        let name = self.text(functions, NAME, base)?;
        let size = self.answer(functions, SIZE, base).filter(|size| size.value <= LARGEST)?.value;
        // Where it is the same for all, the class says nothing about its objects.
        let root = self.answer(functions, IS_ROOT, base).filter(|answer| answer.reads);
        Some(BaseObject { name, size, is_root: root.map(|answer| answer.value & 0xff != 0) })
    }

    /// The object at an address, which the field that V8 has for it names.
    pub(crate) fn managed(&mut self, base: u64) -> Option<Managed> {
        let memory = self.heap.memory;
        let functions =
            is_address(base).then(|| memory.u64_at(base).ok())?.filter(|word| is_address(*word))?;
        let name = self.text(functions, READABLE_NAME, base).filter(|name| name.starts_with(OF_NODE))?;
        // The header before it has, in its last two bytes, a mark and the size in words (`HeapObjectHeader`,
        // src/heap/cppgc/heap-object-header.h).
        let header = memory.u64_at(base.checked_sub(8)?).ok()?;
        Some(Managed { name, size: (header >> 49) * 8 })
    }

    /// The text that a function returns.
    fn text(&mut self, functions: u64, at: u64, object: u64) -> Option<String> {
        let address = self.answer(functions, at, object)?.value;
        let text = self.heap.memory.c_string_at(address, LONGEST_NAME).ok()?;
        let text = String::from_utf8(text).ok()?;
        let is_name = text.bytes().all(|byte| byte.is_ascii_graphic() || byte == b' ');
        (!text.is_empty() && is_name).then_some(text)
    }

    fn answer(&mut self, functions: u64, at: u64, object: u64) -> Option<Answer> {
        if let Some(known) = self.constants.get(&(functions, at)) {
            return *known;
        }
        let function = self.heap.memory.u64_at(functions.checked_add(at)?).ok()?;
        let answer = leaf::answer(self.heap.memory, function, object);
        if answer.is_none_or(|answer| !answer.reads) {
            self.constants.insert((functions, at), answer);
        }
        answer
    }
}

fn is_address(word: u64) -> bool {
    word != 0 && word.is_multiple_of(8)
}
