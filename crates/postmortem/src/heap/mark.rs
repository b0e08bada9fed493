//! Which objects are alive: those that can be reached from the roots, with weak references as V8 treats them.

use super::Heap;
use super::bitmap::Bitmap;
use super::kind::Body;
use super::page::Page;
use super::words::{count, is_strong, untag};
use super::{handles, map_info::MapInfo};

/// One bit for every object that is alive.
#[derive(Debug)]
pub struct Liveness {
    pages: Vec<Bitmap>,
}

impl Liveness {
    /// Marks everything that can be reached.
    pub fn mark(heap: &Heap<'_>) -> Self {
        let mut marker = Marker::new(heap);
        for root in handles::roots(heap).into_iter().flat_map(|(_, words)| words) {
            marker.reach(root);
        }
        marker.run();
        let live = |(page, white): (usize, Option<Bitmap>)| match white {
            // Nothing in read-only memory ever dies, and it points at nothing else.
            _ if heap.pages[page].is_shared() => heap.starts(page).clone(),
            Some(white) => heap.starts(page).without(white),
            None => Bitmap::default(),
        };
        Self { pages: marker.white.into_iter().enumerate().map(live).collect() }
    }

    /// Whether an object is alive.
    pub fn contains(&self, heap: &Heap<'_>, object: u64) -> bool {
        heap.locate(object).is_some_and(|(page, offset)| self.pages[page].get(offset / 8))
    }

    /// How many objects are alive.
    pub fn count(&self) -> u64 {
        self.pages.iter().map(Bitmap::count).sum()
    }

    /// The words of a page in groups of 64, with a bit for each at which a live object begins.
    pub(crate) fn words(&self, page: usize) -> &[u64] {
        self.pages[page].words()
    }

    /// The live objects, page by page.
    pub fn objects<'a>(&'a self, heap: &'a Heap<'_>) -> impl Iterator<Item = u64> + 'a {
        (0..self.pages.len()).flat_map(|page| self.objects_on(heap, page))
    }

    /// The live objects of one page.
    pub(crate) fn objects_on<'a>(
        &'a self,
        heap: &Heap<'_>,
        page: usize,
    ) -> impl Iterator<Item = u64> + use<'a> {
        let start = heap.pages[page].start;
        self.pages[page].ones().map(move |bit| start + bit as u64 * 8)
    }
}

struct Marker<'h, 'm> {
    heap: &'h Heap<'m>,
    /// By page, once something on it is reached: the objects that nothing has reached yet. One bit says both that an object
    /// is there and that it is new.
    white: Vec<Option<Bitmap>>,
    stack: Vec<u64>,
    /// Tables whose values wait for their keys.
    ephemerons: Vec<u64>,
    /// Where the dispatch table of functions starts.
    dispatch: Option<u64>,
    /// The map that was reached last: many objects of one lie side by side.
    last_map: u64,
}

impl<'h, 'm> Marker<'h, 'm> {
    fn new(heap: &'h Heap<'m>) -> Self {
        // What is in read-only memory is not to be looked at: none of it is new.
        let white = |page: &Page<'_>| page.is_shared().then(Bitmap::default);
        Self {
            heap,
            white: heap.pages.iter().map(white).collect(),
            stack: Vec::new(),
            ephemerons: Vec::new(),
            dispatch: handles::dispatch_table(heap),
            last_map: 0,
        }
    }

    /// Marks what a word points at strongly.
    fn reach(&mut self, word: u64) {
        if !is_strong(word) {
            return;
        }
        let address = untag(word);
        if !address.is_multiple_of(8) {
            return;
        }
        let heap = self.heap;
        let Some((page, offset)) = heap.locate(address) else { return };
        if self.white[page].get_or_insert_with(|| heap.starts(page).clone()).clear(offset / 8) {
            self.stack.push(address);
        }
    }

    fn is_live(&self, word: u64) -> bool {
        if word & 1 == 0 {
            return true;
        }
        let address = untag(word);
        let Some((page, offset)) = self.heap.locate(address) else { return false };
        let there = |white: &Bitmap| self.heap.starts(page).get(offset / 8) && !white.get(offset / 8);
        self.white[page].as_ref().is_some_and(there)
    }

    /// Until nothing more is reached: first everything but the values of weak collections, then those whose keys are
    /// alive, and again from these.
    fn run(&mut self) {
        loop {
            while let Some(object) = self.stack.pop() {
                self.visit(object);
            }
            for table in std::mem::take(&mut self.ephemerons) {
                self.visit_ephemerons(table);
                self.ephemerons.push(table);
            }
            if self.stack.is_empty() {
                return;
            }
        }
    }

    fn visit(&mut self, object: u64) {
        let heap = self.heap;
        let Some(bytes) = heap.rest_of_page(object) else { return };
        let Some(word) = bytes.first_chunk().map(|word| u64::from_le_bytes(*word)) else { return };
        let Some(map) = heap.map_at_word(word) else { return };
        if word != self.last_map {
            self.last_map = word;
            self.reach(word);
        }
        if map.body == Body::Raw {
            return;
        }
        let size = match map.body {
            Body::Header(size) => size,
            _ => heap.size_with(object, &map).unwrap_or(8),
        };
        let bytes = &bytes[..bytes.len().min(size as usize)];
        self.visit_body(object, &map, bytes);
    }

    fn visit_body(&mut self, object: u64, map: &MapInfo, bytes: &[u8]) {
        let (words, _) = bytes.as_chunks::<8>();
        let skipped = match map.body {
            Body::AllBut(offset) => offset..offset + 8,
            Body::AllButTwo(offset) => offset..offset + 16,
            Body::Ephemerons => {
                self.ephemerons.push(object);
                return;
            }
            _ => 0..0,
        };
        for (i, word) in words.iter().enumerate().skip(1) {
            if !skipped.contains(&(i as u64 * 8)) {
                self.reach(u64::from_le_bytes(*word));
            }
        }
        match map.body {
            Body::Function => self.visit_code(object),
            Body::NativeContext => {
                for task in handles::microtasks(self.heap, object, bytes.len() as u64) {
                    self.reach(task);
                }
            }
            _ => {}
        }
    }

    /// A function's code, which is named by a number.
    fn visit_code(&mut self, function: u64) {
        if let Some(code) = handles::dispatched_code(self.heap, self.dispatch, function) {
            self.reach(code);
        }
    }

    fn visit_ephemerons(&mut self, table: u64) {
        let heap = self.heap;
        let fields = &heap.layout.fields;
        let Some(bytes) = heap.rest_of_page(table) else { return };
        let Some(size) = heap.size_of(table) else { return };
        let (words, _) = bytes[..bytes.len().min(size as usize)].as_chunks::<8>();
        let word = |i: usize| words.get(i).map(|word| u64::from_le_bytes(*word));
        let length = word(1).and_then(count).unwrap_or(0) as usize;
        let first = (fields.ephemeron_prefix / 8) as usize;
        let mut i = first;
        while i + 1 < length + 2 {
            let (Some(key), Some(value)) = (word(i), word(i + 1)) else { break };
            if self.is_live(key) {
                self.reach(value);
            }
            i += 2;
        }
    }
}
