//! V8's heap: pages, the objects on them, and which of them are alive.

pub(crate) mod bitmap;
pub(crate) mod handles;
mod isolate;
pub(crate) mod kind;
mod map_info;
mod maps;
mod mark;
mod page;
mod page_table;
pub(crate) mod profiler;
mod roots;
mod size;
mod spaces;
mod walk;
pub mod words;

pub use handles::RootGroup;
pub use isolate::{COLLECTING, Isolate, find_isolates};
pub(crate) use kind::FIRST_NON_STRING;
pub use map_info::MapInfo;
pub use maps::Maps;
pub use mark::Liveness;
pub use page::{Page, PageHeader, find_pages};
pub use roots::Roots;
pub(crate) use size::{MOST_INLINE_NAMES, scope_flags};
pub use walk::WalkReport;

use std::cell::{OnceCell, RefCell};

use process_memory::{Gap, GapKind, ProcessMemory, ReadExt};
use rustc_hash::FxHashMap;

use crate::layout::Layout;
use crate::object::LineTable;
use bitmap::Bitmap;
use kind::Kinds;
use page_table::PageTable;
use walk::PageWalk;
use words::{is_strong, is_weak, untag};

/// What is asked of a page all the time.
#[derive(Debug, Clone, Copy)]
struct Area {
    start: u64,
    /// Bytes.
    length: u64,
    /// Whether an allocation buffer is in it.
    has_buffers: bool,
}

/// One isolate's heap.
pub struct Heap<'m> {
    /// The memory that it lies in.
    pub memory: &'m dyn ProcessMemory,
    /// Where V8 keeps what.
    pub layout: &'m Layout,
    /// The isolate.
    pub isolate: Isolate,
    /// The pages of all its spaces, by address, with those that all isolates share.
    pub pages: Vec<Page<'m>>,
    /// The roots table.
    pub roots: Roots,
    pub(crate) kinds: Kinds,
    table: PageTable,
    /// By page; apart from the pages, as a reference anywhere is first looked up here.
    areas: Vec<Area>,
    walks: Vec<OnceCell<PageWalk>>,
    maps: RefCell<Maps>,
    /// How far the builtins lie from the program's own; found when it is first needed.
    pub(crate) builtins_moved: OnceCell<u64>,
    /// V8's marks for "nothing here", tagged; found when they are first needed.
    pub(crate) holes: OnceCell<Vec<u64>>,
    pub(crate) line_tables: RefCell<FxHashMap<u64, Option<LineTable>>>,
}

impl std::fmt::Debug for Heap<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heap")
            .field("isolate", &self.isolate)
            .field("pages", &self.pages.len())
            .finish_non_exhaustive()
    }
}

impl<'m> Heap<'m> {
    /// Collects the pages of an isolate; they are walked when they are first needed. `headers` are the process's pages, of all isolates.
    pub fn new(
        memory: &'m dyn ProcessMemory,
        layout: &'m Layout,
        isolate: &Isolate,
        headers: &[PageHeader],
    ) -> Self {
        let chosen = spaces::of_isolate(memory, layout, isolate, headers);
        let mut pages: Vec<_> = chosen.into_iter().map(|header| Page::new(memory, layout, header)).collect();
        pages.retain(|page| !page.bytes.is_empty() && page.missing < page.header.area.end - page.start);
        let ranges: Vec<_> =
            pages.iter().map(|page| (page.start, page.start + page.bytes.len() as u64)).collect();
        let area = |range: &(u64, u64)| Area {
            start: range.0,
            length: range.1 - range.0,
            has_buffers: isolate.buffers_in(range.0..range.1).next().is_some(),
        };
        let mut heap = Self {
            memory,
            layout,
            isolate: isolate.clone(),
            table: PageTable::new(&ranges),
            areas: ranges.iter().map(area).collect(),
            pages,
            roots: Roots::default(),
            kinds: Kinds::new(layout),
            walks: Vec::new(),
            maps: RefCell::default(),
            builtins_moved: OnceCell::new(),
            holes: OnceCell::new(),
            line_tables: RefCell::default(),
        };
        heap.walks = heap.pages.iter().map(|_| OnceCell::new()).collect();
        heap.roots = Roots::read(&heap);
        heap
    }

    /// The roots outside of the heap, by where they were found.
    pub(crate) fn grouped_roots(&self) -> Vec<(RootGroup, Vec<u64>)> {
        handles::roots(self)
    }

    /// A function's code, tagged, in versions that keep it in a table.
    pub(crate) fn code_in_table(&self, function: u64) -> Option<u64> {
        handles::dispatched_code(self, handles::dispatch_table(self), function)
    }

    /// The page that holds an address, if any does. Whether its area does is still to be looked at.
    pub(crate) fn page_at(&self, address: u64) -> Option<usize> {
        self.table.get(address)
    }

    /// The page of an address, and the offset into its area.
    pub(crate) fn locate(&self, address: u64) -> Option<(usize, usize)> {
        let index = self.table.get(address)?;
        let area = self.areas.get(index)?;
        let offset = address.checked_sub(area.start)?;
        (offset < area.length).then_some((index, offset as usize))
    }

    /// Whether an object is in the read-only space, which all isolates share.
    pub(crate) fn is_shared(&self, object: u64) -> bool {
        self.locate(object).is_some_and(|(page, _)| self.pages[page].is_shared())
    }

    /// Whether an object starts at an address.
    pub fn is_object(&self, address: u64) -> bool {
        address.is_multiple_of(8)
            && self.locate(address).is_some_and(|(page, offset)| self.starts(page).get(offset / 8))
    }

    /// The object whose bytes an address is among.
    pub fn object_around(&self, address: u64) -> Option<u64> {
        let (page, _) = self.locate(address)?;
        let start = self.objects_on(page).take_while(|object| *object <= address).last()?;
        (address - start < self.size_of(start)?).then_some(start)
    }

    /// The address of the object that a word points at, strongly or weakly; `None` for anything else.
    pub fn target(&self, word: u64) -> Option<u64> {
        let pointer = is_strong(word) || is_weak(word);
        (pointer && self.is_object(untag(word))).then(|| untag(word))
    }

    /// The word at an address, in the heap or anywhere else.
    ///
    /// # Errors
    /// If the memory is not there.
    pub fn word(&self, address: u64) -> Result<u64, Gap> {
        if let Some((page, offset)) = self.locate(address)
            && self.pages[page].has(offset)
            && let Some(word) = self.pages[page].word(offset)
        {
            return Ok(word);
        }
        self.memory.u64_at(address)
    }

    /// 4 bytes at an address.
    ///
    /// # Errors
    /// If the memory is not there.
    pub fn half(&self, address: u64) -> Result<u32, Gap> {
        if let Some((page, offset)) = self.locate(address)
            && self.pages[page].has(offset)
            && let Some(bytes) = self.pages[page].bytes.get(offset..).and_then(<[u8]>::first_chunk)
        {
            return Ok(u32::from_le_bytes(*bytes));
        }
        self.memory.u32_at(address)
    }

    /// A field of an object.
    ///
    /// # Errors
    /// If the memory is not there.
    pub fn field(&self, object: u64, offset: u64) -> Result<u64, Gap> {
        self.word(object.checked_add(offset).ok_or(Gap { address: object, kind: GapKind::Unmapped })?)
    }

    /// The bytes from an address on, if it lies on a page: up to the end of the page.
    pub(crate) fn rest_of_page(&self, address: u64) -> Option<&[u8]> {
        let (page, offset) = self.locate(address)?;
        self.pages[page].bytes.get(offset..)
    }

    /// The map of the object at an address; `None` if what its first word names is no map.
    pub fn map_of(&self, object: u64) -> Option<MapInfo> {
        let word = self.word(object).ok()?;
        self.map_at_word(word)
    }

    /// The map that a map word names.
    pub(crate) fn map_at_word(&self, word: u64) -> Option<MapInfo> {
        self.maps.borrow_mut().get(self, word)
    }

    /// What a map says; `None` if there is no map.
    pub fn map_at(&self, map: u64) -> Option<MapInfo> {
        self.map_at_word(words::tag(map))
    }

    /// The instance type of the object at an address.
    pub fn kind_of(&self, object: u64) -> Option<u16> {
        self.map_of(object).map(|map| map.kind)
    }

    /// The name of an instance type, as the executable's metadata or V8's order of types has it.
    pub fn type_name(&self, kind: u16) -> String {
        let named = self.layout.metadata.type_names().find(|(value, _)| *value == i64::from(kind));
        let name = named.map(|(_, name)| name.to_owned());
        name.or_else(|| self.layout.derived_type_name(kind)).unwrap_or_else(|| format!("type {kind}"))
    }

    /// Whether objects of a map hold nothing but bytes.
    pub(crate) fn is_raw(&self, map: &MapInfo) -> bool {
        map.body == kind::Body::Raw
    }

    /// Whether objects of a map belong to one object of the language: its properties, its elements, its table.
    pub(crate) fn is_part(&self, map: &MapInfo) -> bool {
        let types = &self.layout.types;
        map.kind == types.property_array || (types.fixed_array..types.byte_array).contains(&map.kind)
    }

    /// The objects of one page, in order.
    pub(crate) fn objects_on(&self, page: usize) -> impl Iterator<Item = u64> + '_ {
        let start = self.pages[page].start;
        self.starts(page).ones().map(move |bit| start + bit as u64 * 8)
    }

    /// All objects, page by page.
    pub fn objects(&self) -> impl Iterator<Item = u64> + '_ {
        (0..self.pages.len()).flat_map(|page| self.objects_on(page))
    }

    pub(crate) fn starts(&self, page: usize) -> &Bitmap {
        &self.walked(page).starts
    }
}
