//! The writer of nodes and edges, and the rules that hold for all kinds of objects.

use std::ops::RangeInclusive;
use std::rc::Rc;

use heap_graph::{EdgeKind, EdgeName, GraphSink, NameIndex, NodeIndex, NodeKind};

use super::GraphOptions;
use super::groups::{Group, edge_name};
use super::ids::Ids;
use super::names::Shared;
use super::natives::Natives;
use super::ordinals::Ordinals;
use super::plan::{Plan, PlannedField, Plans};
use super::shapes::Shapes;
use super::tags::{NAMES, Tags};
use crate::Heap;
use crate::heap::bitmap::Bitmap;
use crate::heap::kind::Body;
use crate::heap::words::{is_strong, is_weak, untag};
use crate::object::ClassNames;

/// Everything that writing takes.
pub(super) struct Emitter<'e, 'm, S> {
    pub(super) heap: &'e Heap<'m>,
    pub(super) ordinals: &'e Ordinals,
    pub(super) ids: &'e Ids,
    pub(super) shapes: &'e Shapes,
    pub(super) classes: &'e ClassNames<'e, 'm>,
    pub(super) tags: &'e Tags,
    pub(super) options: GraphOptions,
    pub(super) graph: S,
    pub(super) inessential: Inessential,
    /// What is written behind all objects.
    pub(super) natives: Natives,
    pub(super) held: HeldNames,
    pub(super) plans: Plans,
    pub(super) shared: Shared,
    /// The fields of functions.
    pub(super) function_fields: Vec<PlannedField>,
    /// Words of the object at hand that have an edge already.
    pub(super) visited: Vec<bool>,
    /// Bytes of the object at hand that are still to be looked at.
    pub(super) end: u64,
    /// Whether the function at hand has a property of its own where others have their prototype.
    pub(super) no_initial_map: bool,
    /// Elements without content that were met, as a word, and their node: most objects have these, and no other properties.
    pub(super) no_elements: (u64, Option<u32>),
}

/// The object at hand.
pub(super) struct Here<'e> {
    pub(super) address: u64,
    pub(super) size: u64,
    pub(super) page: usize,
    words: &'e [[u8; 8]],
    pub(super) plan: Rc<Plan>,
}

impl Here<'_> {
    /// One of its words; `None` behind its end, and where the memory ends.
    pub(super) fn word(&self, at: usize) -> Option<u64> {
        self.words.get(at).map(|word| u64::from_le_bytes(*word))
    }

    /// The word at an offset.
    pub(super) fn field(&self, offset: u64) -> Option<u64> {
        self.word((offset / 8) as usize)
    }

    pub(super) fn word_count(&self) -> usize {
        self.words.len()
    }
}

/// Names that are needed all the time.
pub(super) struct HeldNames {
    map: NameIndex,
    pub(super) proto: NameIndex,
    pub(super) properties: NameIndex,
    pub(super) elements: NameIndex,
    pub(super) tags: [NameIndex; NAMES.len()],
    numbers: Vec<Option<NameIndex>>,
}

impl HeldNames {
    pub(super) fn new(graph: &mut impl GraphSink) -> Self {
        Self {
            map: graph.name("map"),
            proto: graph.name("__proto__"),
            properties: graph.name("properties"),
            elements: graph.name("elements"),
            tags: NAMES.map(|(name, _)| graph.name(name)),
            numbers: Vec::new(),
        }
    }
}

/// Numbers below this are kept as names.
const MOST_NUMBERS: usize = 1 << 16;

/// Nodes that V8 leaves out where it names its own things (`IsEssentialObject`): all programs have them.
pub(super) struct Inessential {
    nodes: Bitmap,
    /// The first and the last of them: they lie side by side, and few others among them.
    range: RangeInclusive<u32>,
}

impl Inessential {
    pub(super) fn new(heap: &Heap<'_>, ordinals: &Ordinals) -> Self {
        let types = &heap.layout.types;
        let mut nodes = Bitmap::new(ordinals.end() as usize);
        let (mut first, mut last) = (u32::MAX, 0);
        let mut leave_out = |object: u64| {
            if let Some(node) = ordinals.get(heap, object) {
                nodes.set(node as usize);
                (first, last) = (first.min(node), last.max(node));
            }
        };
        let arrays = [types.fixed_array, types.weak_fixed_array, types.byte_array, types.descriptor_array];
        let maps =
            [types.cell, types.property_cell, types.shared_function_info, types.free_space, types.filler];
        // The newest version leaves out all of its marks for "nothing here", not only that of elements.
        let hole = if heap.layout.version.major >= 14 { types.hole } else { types.oddball };
        for object in heap.roots.entries.iter().filter(|word| is_strong(**word)).map(|word| untag(*word)) {
            let Some(map) = heap.map_of(object) else { continue };
            // All of these are among the roots.
            if map.kind == types.oddball || map.kind == hole {
                leave_out(object);
                continue;
            }
            let is_empty =
                arrays.contains(&map.kind) && heap.half(object + 12).is_ok_and(|length| length == 0);
            let no_descriptors = [types.descriptor_array, types.strong_descriptor_array].contains(&map.kind)
                && heap.half(object + 8).is_ok_and(|counts| counts & 0xffff == 0);
            if (is_empty && map.kind != types.descriptor_array) || no_descriptors {
                // The map of the empty array is the one of all plain arrays.
                if map.kind == types.fixed_array {
                    leave_out(map.address);
                }
                leave_out(object);
            } else if map.kind == types.map && heap.map_at(object).is_some_and(|map| maps.contains(&map.kind))
            {
                leave_out(object);
            }
        }
        leave_out(heap.roots.hole);
        Self { nodes, range: first..=last }
    }

    fn contains(&self, node: u32) -> bool {
        self.range.contains(&node) && self.nodes.get(node as usize)
    }
}

impl<S: GraphSink> Emitter<'_, '_, S> {
    /// The root, `(GC roots)`, and the groups.
    pub(super) fn roots(&mut self, groups: &[Group]) {
        let synthetic = NodeKind::Synthetic;
        self.graph.node(synthetic, "", self.ids.of_root(0), 0);
        self.graph.edge(EdgeKind::Element, EdgeName::Index(1), NodeIndex(1));
        for (i, global) in self.globals().into_iter().enumerate() {
            self.graph.edge(EdgeKind::Shortcut, EdgeName::Name(&(i + 2).to_string()), NodeIndex(global));
        }
        self.native_roots();
        self.graph.node(synthetic, "(GC roots)", self.ids.of_root(1), 0);
        for i in 0..groups.len() as u32 {
            self.graph.edge(EdgeKind::Element, EdgeName::Index(i), NodeIndex(2 + i));
        }
        for (i, group) in groups.iter().enumerate() {
            self.graph.node(synthetic, group.name, self.ids.of_root(2 + i as u32), 0);
            for (place, object) in group.objects.iter().enumerate() {
                if let Some(to) = self.ordinals.get(self.heap, *object) {
                    let name = edge_name(self.heap, group, place);
                    self.graph.edge(EdgeKind::Internal, EdgeName::Name(&name), NodeIndex(to));
                }
            }
        }
    }

    /// Where the user's own roots are: the global objects, or in newer versions their contexts.
    fn globals(&self) -> Vec<u32> {
        let heap = self.heap;
        let native = crate::heap::kind::native_context(&heap.layout.fields);
        let mut found = Vec::new();
        for (group, words) in heap.grouped_roots() {
            if group != crate::heap::RootGroup::Global {
                continue;
            }
            for context in words.into_iter().filter(|word| is_strong(*word)).map(untag) {
                if heap.kind_of(context) != Some(native) {
                    continue;
                }
                let is_newest = heap.layout.version.major >= 14;
                let global = if is_newest { Some(context) } else { self.global_of(context) };
                let node = global.and_then(|object| self.ordinals.get(heap, object));
                found.extend(node.filter(|node| !found.contains(node)));
            }
        }
        found
    }

    /// The global object of a realm: the third slot of its context.
    pub(super) fn global_of(&self, context: u64) -> Option<u64> {
        self.strong_field(context, 32)
    }

    pub(super) fn strong_field(&self, object: u64, offset: u64) -> Option<u64> {
        self.heap.field(object, offset).ok().filter(|word| is_strong(*word)).map(untag)
    }

    /// Writes an object of a page: its node, and its edges.
    pub(super) fn object(&mut self, page: usize, object: u64) {
        let node = self.graph.node_count();
        let heap = self.heap;
        let offset = (object - heap.pages[page].start) as usize;
        let bytes = heap.pages[page].bytes.get(offset..).unwrap_or_default();
        let first = bytes.first_chunk().map(|word| u64::from_le_bytes(*word));
        let Some((plan, size)) = first
            .and_then(|word| self.plan(word))
            .and_then(|plan| heap.size_at(page, offset, &plan.map).map(|size| (plan, size)))
        else {
            // The walk found it, so this cannot be; a node keeps the numbers right.
            self.graph.node(NodeKind::Hidden, "system / unreadable", self.ids.of_root(node), 0);
            return;
        };
        let (words, _) = bytes[..bytes.len().min(size as usize)].as_chunks();
        let here = Here { address: object, size, page, words, plan };
        let (kind, name) = self.held_entry(&here, node);
        let reported = self.reported_size(&here);
        self.graph.node_named(kind, name, self.ids.of_object(heap, node, object, size), reported);
        let location = self.location(&here);
        self.graph.place(location, heap_graph::detachedness::UNKNOWN);
        self.visited.clear();
        self.visited.resize(here.word_count().min(1 << 16), false);
        self.end = size;
        self.no_initial_map = false;
        self.contents(&here);
        self.pairs(object, node);
        if let Some(to) = here.plan.map_node {
            self.graph.edge_named(EdgeKind::Internal, self.held.map, NodeIndex(to));
            self.visit(0);
        }
        for field in &here.plan.fields {
            match field.weak {
                // A few fields hold either; each kind of reference has its row.
                true if field.either && here.field(field.offset).is_some_and(is_strong) => {}
                _ if self.no_initial_map && field.is_initial_map => {}
                true => self.weak(&here, field.offset, field.name),
                false => self.internal_named(&here, field.offset, field.name),
            }
        }
        self.rest(&here);
    }

    pub(super) fn visit(&mut self, offset: u64) {
        if let Some(visited) = self.visited.get_mut((offset / 8) as usize) {
            *visited = true;
        }
    }

    fn is_visited(&self, offset: u64) -> bool {
        self.visited.get((offset / 8) as usize).copied().unwrap_or(false)
    }

    /// The node that a word points at, strongly or weakly.
    pub(super) fn node_of(&self, word: u64) -> Option<u32> {
        if word == self.no_elements.0 {
            return self.no_elements.1;
        }
        let pointer = is_strong(word) || is_weak(word);
        pointer.then(|| self.ordinals.get(self.heap, untag(word)))?
    }

    /// The same, of what V8 does not leave out.
    pub(super) fn essential(&self, word: u64) -> Option<u32> {
        self.node_of(word).filter(|node| !self.inessential.contains(*node))
    }

    /// An edge to what a field holds strongly; the field is done.
    pub(super) fn internal_named(&mut self, here: &Here<'_>, offset: u64, name: NameIndex) {
        if self.is_visited(offset) || offset >= self.end {
            return;
        }
        let word = here.field(offset).filter(|word| is_strong(*word));
        if let Some(to) = word.and_then(|word| self.essential(word)) {
            self.graph.edge_named(EdgeKind::Internal, name, NodeIndex(to));
            self.visit(offset);
        }
    }

    /// The same, with a name that is rare.
    pub(super) fn internal(&mut self, here: &Here<'_>, offset: u64, name: &str) {
        let name = self.graph.name(name);
        self.internal_named(here, offset, name);
    }

    pub(super) fn internal_to(&mut self, word: u64, name: NameIndex) {
        if let Some(to) = self.essential(word) {
            self.graph.edge_named(EdgeKind::Internal, name, NodeIndex(to));
        }
    }

    pub(super) fn weak(&mut self, here: &Here<'_>, offset: u64, name: NameIndex) {
        let Some(word) = here.field(offset) else { return };
        if !self.is_visited(offset) && word & 1 == 1 && offset < self.end {
            self.visit(offset);
            self.weak_to(word, name);
        }
    }

    pub(super) fn weak_to(&mut self, word: u64, name: NameIndex) {
        if let Some(to) = self.essential(word) {
            self.graph.edge_named(EdgeKind::Weak, name, NodeIndex(to));
        }
    }

    /// A number as a name.
    pub(super) fn number(&mut self, number: usize) -> NameIndex {
        if number >= MOST_NUMBERS {
            return self.graph.name(&number.to_string());
        }
        if number >= self.held.numbers.len() {
            self.held.numbers.resize(number + 1, None);
        }
        let graph = &mut self.graph;
        *self.held.numbers[number].get_or_insert_with(|| graph.name(&number.to_string()))
    }

    /// The pointers that nothing named: hidden edges, numbered in the order of the words. What V8 leaves out has a number
    /// all the same.
    fn rest(&mut self, here: &Here<'_>) {
        let map = &here.plan.map;
        let header = match map.body {
            Body::Raw => 8,
            Body::Header(bytes) => bytes,
            _ => here.size,
        };
        let mut number = 0;
        for at in 0..(header.min(self.end) / 8) as usize {
            let Some(word) = here.word(at) else { return };
            let offset = at as u64 * 8;
            // V8 does not visit the list that sites are in.
            let is_list =
                map.kind == self.heap.layout.types.allocation_site && is_weak_field(map.body, offset);
            if word & 1 == 1
                && !self.is_visited(offset)
                && !is_list
                && let Some(to) = self.node_of(word)
            {
                let weak = is_weak(word) || is_weak_field(map.body, offset);
                self.unnamed(to, weak, number);
                number += 1;
            }
        }
        self.instructions(here, number);
    }

    fn unnamed(&mut self, to: u32, weak: bool, number: u32) {
        if self.inessential.contains(to) {
            return;
        }
        if weak {
            let name = self.number(number as usize);
            self.graph.edge_named(EdgeKind::Weak, name, NodeIndex(to));
        } else {
            self.graph.edge(EdgeKind::Hidden, EdgeName::Index(number), NodeIndex(to));
        }
    }

    /// Objects that machine code names: pointers among the instructions, wherever they stand.
    fn instructions(&mut self, here: &Here<'_>, mut number: u32) {
        let (fields, types) = (&self.heap.layout.fields, &self.heap.layout.types);
        let (object, map) = (here.address, &here.plan.map);
        let inline = fields.code_is_inline == 1 && map.kind == types.code;
        if map.kind != types.instruction_stream && !inline {
            return;
        }
        let header =
            fields.instruction_stream_header.filter(|_| !inline).unwrap_or(fields.code_instruction_start);
        let bytes = here.words.as_flattened().get(header as usize..).unwrap_or_default();
        // Code that is optimized for objects does not keep them alive.
        let optimized = self.tags.function_of(object).is_none();
        let mut at = 0;
        while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
            let word = u64::from_le_bytes(*word);
            if is_strong(word)
                && word > 1 << 16
                && let Some(to) = self.node_of(word)
            {
                self.unnamed(to, optimized && self.is_weak_in_code(untag(word)), number);
                number += 1;
                at += 8;
            } else {
                at += 1;
            }
        }
    }

    /// Objects that optimized code refers to weakly (`Code::IsWeakObjectInOptimizedCode`).
    fn is_weak_in_code(&self, object: u64) -> bool {
        let heap = self.heap;
        let Some(map) = heap.map_of(object) else { return false };
        if map.kind == heap.layout.types.map {
            // Maps of which others can be made.
            let made = heap.map_at(object);
            return made.is_some_and(|made| {
                made.is_receiver(heap.layout) && made.kind != heap.layout.types.js_proxy
            });
        }
        map.is_receiver(heap.layout)
            || map.is_context(heap.layout)
            || map.kind == heap.layout.types.property_cell
    }
}

fn is_weak_field(body: Body, offset: u64) -> bool {
    match body {
        Body::AllBut(weak) => offset == weak,
        Body::AllButTwo(weak) => offset == weak || offset == weak + 8,
        _ => false,
    }
}
