//! Which functions wait for the one that runs: those that will go on when the promise of the running microtask is
//! settled, then those that wait for them, as V8 lists them behind `at async` (`Isolate::CaptureAsyncStackTrace`).
//!
//! Fields of promise reactions and microtasks have moved by one word between versions; they are found by what they hold,
//! as their order has not changed: a reaction has the next reaction (or 0), its two handlers, and the promise that
//! depends on it; a microtask has its context, its handler, and that promise.

use rustc_hash::FxHashSet;

use super::frames::{Frame, FrameKind};
use crate::heap::Heap;
use crate::heap::words::small_integer;

/// No chain is told further.
const MOST: usize = 1000;
/// Words of a reaction or a microtask behind its map.
const WORDS: u64 = 6;
/// Slots of a context of V8's own closures.
const SLOTS: u64 = 8;
/// The low bits of a promise's flags are its state; 0 is pending.
const STATE: i64 = 3;

/// The chain of waiting functions behind the microtask that runs.
pub(super) fn waiting(heap: &Heap<'_>, name: impl Fn(u64, Option<i64>) -> Option<Frame>) -> Vec<Frame> {
    let mut chain = Chain { heap, seen: FxHashSet::default(), frames: Vec::new() };
    let mut promise = chain.running();
    while let Some(at) = promise.filter(|_| chain.frames.len() < MOST) {
        promise = chain.step(at, &name);
    }
    chain.frames
}

struct Chain<'h, 'm> {
    heap: &'h Heap<'m>,
    seen: FxHashSet<u64>,
    frames: Vec<Frame>,
}

impl Chain<'_, '_> {
    /// The promise that the running microtask will settle.
    fn running(&self) -> Option<u64> {
        let heap = self.heap;
        let types = &heap.layout.types;
        let tasks = [types.promise_fulfill_reaction_job_task, types.promise_reject_reaction_job_task];
        // Only the root for the running microtask can hold one.
        let roots = heap.roots.entries.iter().filter_map(|word| heap.target(*word));
        let task = roots
            .into_iter()
            .find(|object| heap.kind_of(*object).is_some_and(|kind| tasks.contains(&kind)))?;
        let contexts = heap.layout.fields.first_context_type..=heap.layout.fields.last_context_type;
        let words = self.words(task);
        let context = words
            .iter()
            .position(|word| self.kind(*word).is_some_and(|kind| contexts.contains(&u64::from(kind))))?;
        let (handler, promise) = (*words.get(context + 1)?, *words.get(context + 2)?);
        match self.generator_of(handler) {
            // It is on the stack itself.
            Some(generator) => self.promise_of_generator(generator),
            None => self.promise(promise),
        }
    }

    /// Adds the function that waits for a promise; answers the promise that it will settle.
    fn step(&mut self, promise: u64, name: &impl Fn(u64, Option<i64>) -> Option<Frame>) -> Option<u64> {
        let heap = self.heap;
        let fields = &heap.layout.fields;
        if !self.seen.insert(promise) {
            return None;
        }
        let flags = heap.field(promise, fields.promise_flags).ok().and_then(small_integer)?;
        if flags & STATE != 0 {
            return None;
        }
        let reaction = heap.target(heap.field(promise, fields.promise_result).ok()?)?;
        if heap.kind_of(reaction) != Some(heap.layout.types.promise_reaction) {
            return None;
        }
        let words = self.words(reaction);
        let is_next = |word: &u64| *word == 0 || self.kind(*word) == Some(heap.layout.types.promise_reaction);
        let next = words.iter().position(is_next)?;
        // Of several that wait none is the caller.
        if words[next] != 0 {
            return None;
        }
        let (handler, dependent) = (*words.get(next + 2)?, *words.get(next + 3)?);
        if let Some(generator) = self.generator_of(handler) {
            let function = heap.target(heap.field(generator, fields.generator_function).ok()?)?;
            let at = heap.field(generator, fields.generator_bytecode_offset).ok().and_then(small_integer);
            let at = at.map(|at| at - (fields.bytecode_data as i64 - 1));
            self.frames.extend(name(function, at));
            return self.promise_of_generator(generator);
        }
        // What `Promise.all` and its kin wait with has the capability of its promise in its context. That of `any` waits
        // for failures.
        for handler in [handler, *words.get(next + 1)?] {
            let slots = self.slots_of(handler);
            let is_capability = |word: &&u64| self.kind(**word) == Some(heap.layout.types.promise_capability);
            let (Some(name), Some(capability)) = (self.combinator(handler), slots.iter().find(is_capability))
            else {
                continue;
            };
            self.frames.push(Frame { function: Some(name.to_owned()), ..Frame::new(FrameKind::Async) });
            return self.promise(*capability);
        }
        // `race` waits with the function that settles its promise.
        if self.builtin(handler) == Some("PromiseCapabilityDefaultResolve") {
            let slots = self.slots_of(handler);
            return slots.into_iter().find_map(|word| self.promise(word));
        }
        // A handler of `then`: where it is, as it has not run.
        if let Some(function) = self.function(handler) {
            self.frames.extend(name(function, None));
        }
        self.promise(dependent)
    }

    /// The slots of a function's context.
    fn slots_of(&self, function: u64) -> Vec<u64> {
        let heap = self.heap;
        let context = self.function(function).and_then(|function| {
            heap.target(heap.field(function, heap.layout.fields.function_context).ok()?)
        });
        context.map(|context| self.slots(context)).unwrap_or_default()
    }

    /// The name of V8's own function.
    fn builtin(&self, function: u64) -> Option<&str> {
        self.heap.builtin_of(self.heap.code_of(self.function(function)?)?)
    }

    /// Which of the functions that wait for several promises waits with this one; `Promise.all`, if the program has no
    /// names.
    fn combinator(&self, handler: u64) -> Option<&'static str> {
        self.function(handler)?;
        Some(match self.builtin(handler) {
            Some(name) if name.starts_with("PromiseAllSettled") => "Promise.allSettled",
            Some(name) if name.starts_with("PromiseAny") => "Promise.any",
            _ => "Promise.all",
        })
    }

    fn words(&self, object: u64) -> Vec<u64> {
        (1..=WORDS).map_while(|i| self.heap.field(object, 8 * i).ok()).collect()
    }

    fn slots(&self, context: u64) -> Vec<u64> {
        let start = self.heap.layout.fields.array_data;
        (0..SLOTS).map_while(|i| self.heap.field(context, start + 8 * i).ok()).collect()
    }

    fn kind(&self, word: u64) -> Option<u16> {
        self.heap.kind_of(self.heap.target(word)?)
    }

    fn function(&self, word: u64) -> Option<u64> {
        let object = self.heap.target(word)?;
        self.heap.shared_of(object).map(|_| object)
    }

    fn is_generator(&self, word: u64) -> bool {
        let types = &self.heap.layout.types;
        let kinds = [types.js_async_function_object, types.js_async_generator_object];
        self.kind(word).is_some_and(|kind| kinds.contains(&kind))
    }

    /// The async function that a handler of `await` lets go on: the handler's context has it, of a kind for this alone.
    fn generator_of(&self, handler: u64) -> Option<u64> {
        let heap = self.heap;
        if self.is_generator(handler) {
            return heap.target(handler);
        }
        let function = self.function(handler)?;
        let context = heap.target(heap.field(function, heap.layout.fields.function_context).ok()?)?;
        // The first kind of contexts is that of `await`.
        if heap.kind_of(context).map(u64::from) != Some(heap.layout.fields.first_context_type) {
            return None;
        }
        self.slots(context)
            .into_iter()
            .find(|word| self.is_generator(*word))
            .and_then(|word| heap.target(word))
    }

    /// The promise that an async function returned, or that the oldest request of an async generator did.
    fn promise_of_generator(&self, generator: u64) -> Option<u64> {
        let heap = self.heap;
        let word = heap.field(generator, heap.layout.fields.async_function_promise).ok()?;
        match self.kind(word) == Some(heap.layout.types.js_promise) {
            true => heap.target(word),
            // A queue of requests, each with its promise.
            false => self.words(heap.target(word)?).into_iter().find_map(|word| {
                (self.kind(word) == Some(heap.layout.types.js_promise)).then(|| heap.target(word))?
            }),
        }
    }

    /// The promise of a word, or of the capability that it points to.
    fn promise(&self, word: u64) -> Option<u64> {
        let types = &self.heap.layout.types;
        let object = self.heap.target(word)?;
        match self.heap.kind_of(object)? {
            kind if kind == types.js_promise => Some(object),
            kind if kind == types.promise_capability => {
                let inner = self.heap.target(self.heap.field(object, 8).ok()?)?;
                (self.heap.kind_of(inner) == Some(types.js_promise)).then_some(inner)
            }
            _ => None,
        }
    }
}
