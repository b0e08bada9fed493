//! Names that arrays get from what holds them, and the pairs of weak collections by their keys: both have to be known
//! before the first node is written.

use heap_graph::NodeKind;
use rustc_hash::{FxHashMap, FxHashSet};

use super::ordinals::Ordinals;
use super::shapes::Shapes;
use crate::Heap;
use crate::heap::words::{count, is_strong, tag, untag};
use crate::heap::{Liveness, MOST_INLINE_NAMES, MapInfo};

/// A name, and the kind of node that it makes of an array.
type Tag = (&'static str, Option<NodeKind>);

pub(super) const NAMES: [Tag; 16] = [
    ("(object properties)", None),
    ("(object elements)", None),
    ("(bound arguments)", None),
    ("(constant pool)", Some(NodeKind::Code)),
    ("(handler table)", Some(NodeKind::Code)),
    ("(source position table)", Some(NodeKind::Code)),
    ("(constant elements)", Some(NodeKind::Code)),
    ("(script line ends)", Some(NodeKind::Code)),
    ("(prototype validity cell)", Some(NodeKind::ObjectShape)),
    ("(enum cache)", Some(NodeKind::ObjectShape)),
    ("(code relocation info)", Some(NodeKind::Code)),
    ("(bytecode offset table)", Some(NodeKind::Code)),
    ("(code deopt data)", Some(NodeKind::Code)),
    ("(host-defined options)", Some(NodeKind::Code)),
    ("(prototype users)", Some(NodeKind::ObjectShape)),
    ("(context local names)", Some(NodeKind::Code)),
];

/// Fields whose arrays are named after them: the field's name in the table of shapes, and which name.
const FIELDS: [(&str, u8); 2] = [("constant_elements", 6), ("relocation_info", 10)];

/// What objects of a map have to be asked.
#[derive(Clone, Copy)]
enum Holder {
    /// They name nothing.
    Nothing,
    /// Objects of the language with properties and elements, and nothing else.
    Receiver,
    /// The same, with fields for what C++ has of them.
    Wrapper,
    /// Each in its own way.
    Other,
}

impl Holder {
    fn of(heap: &Heap<'_>, map: &MapInfo, fields: &[(u16, u64, u8)]) -> Self {
        let types = &heap.layout.types;
        let is_named = fields.iter().any(|(kind, ..)| *kind == map.kind);
        let is_plain = [types.fixed_array, types.property_array, types.heap_number].contains(&map.kind);
        let other = [types.js_proxy, types.js_bound_function].contains(&map.kind);
        match map.is_receiver(heap.layout) {
            _ if is_named => Self::Other,
            _ if map.is_wrapper(heap.layout) => Self::Wrapper,
            true if !other && !map.is_function(heap.layout) => Self::Receiver,
            false if is_plain || map.is_string() => Self::Nothing,
            _ => Self::Other,
        }
    }
}

/// Maps whose holders were asked for last.
struct Holders([(u64, Holder); 64]);

impl Holders {
    fn new() -> Self {
        Self([(0, Holder::Nothing); 64])
    }

    fn get(&mut self, map: u64, find: impl FnOnce() -> Holder) -> Holder {
        // Maps lie some words apart.
        let place = &mut self.0[(map.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 58) as usize];
        if place.0 != map {
            *place = (map, find());
        }
        place.1
    }
}

/// Marks the keys of pairs.
const IS_KEY: u8 = 0x80;

/// Names by node, pairs by key.
#[derive(Default)]
pub(super) struct Tags {
    /// By node: one more than the place in the list, 0 for none; and whether it is the key of pairs.
    of_node: Vec<u8>,
    /// An array without content that was met.
    empty: u64,
    /// Table and value (tagged) of the pairs that an object is the key of.
    pairs: FxHashMap<u64, Vec<(u64, u64)>>,
    /// The function (its shared part) of machine code that is no builtin's, by code object and by instructions.
    code: FxHashMap<u64, u64>,
    /// Shared parts of functions that are there, in versions that name them so only then.
    closures: FxHashSet<u64>,
    /// Objects with fields for what C++ has of them.
    wrappers: Vec<u64>,
    /// Whether this version has a kind of nodes for object shapes; V8 10 has not.
    has_shapes: bool,
}

impl Tags {
    /// Asks all live objects.
    pub(super) fn collect(heap: &Heap<'_>, live: &Liveness, ordinals: &Ordinals, shapes: &Shapes) -> Self {
        let mut tags = Self {
            of_node: vec![0; ordinals.end() as usize],
            has_shapes: heap.layout.version.major > 10,
            ..Self::default()
        };
        let fields: Vec<_> = FIELDS
            .into_iter()
            .flat_map(|(field, name)| {
                shapes.with_field(field).map(move |(kind, offset)| (kind, offset, name))
            })
            .collect();
        let mut holders = Holders::new();
        for (number, page) in heap.pages.iter().enumerate() {
            for object in live.objects_on(heap, number) {
                let (words, _) = page.bytes[(object - page.start) as usize..].as_chunks::<8>();
                let Some(map) = words.first().map(|word| u64::from_le_bytes(*word)) else { continue };
                let holder = holders.get(map, || {
                    heap.map_at_word(map).map_or(Holder::Nothing, |map| Holder::of(heap, &map, &fields))
                });
                match holder {
                    Holder::Nothing => {}
                    Holder::Receiver => tags.receiver(heap, ordinals, words),
                    Holder::Wrapper => {
                        tags.receiver(heap, ordinals, words);
                        tags.wrappers.push(object);
                    }
                    Holder::Other => {
                        let Some(map) = heap.map_at_word(map) else { continue };
                        tags.object(heap, ordinals, object, &map);
                        if map.kind == heap.layout.types.shared_function_info {
                            tags.code_of(heap, object);
                        }
                        for (_, offset, name) in fields.iter().filter(|(kind, ..)| *kind == map.kind) {
                            tags.tag(heap, ordinals, object, *offset, *name);
                        }
                    }
                }
            }
        }
        for key in tags.pairs.keys() {
            if let Some(tag) = ordinals.get(heap, *key).and_then(|node| tags.of_node.get_mut(node as usize)) {
                *tag |= IS_KEY;
            }
        }
        tags
    }

    /// Of a node: the place in the list of names.
    pub(super) fn of(&self, node: u32) -> Option<usize> {
        let at = usize::from((self.of_node.get(node as usize)? & !IS_KEY).checked_sub(1)?);
        (NAMES[at].1 != Some(NodeKind::ObjectShape) || self.has_shapes).then_some(at)
    }

    /// The pairs with this key, which is this node: table, and value as a word.
    pub(super) fn pairs(&self, key: u64, node: u32) -> &[(u64, u64)] {
        let is_key = self.of_node.get(node as usize).is_some_and(|tag| tag & IS_KEY != 0);
        is_key.then(|| self.pairs.get(&key)).flatten().map_or(&[], Vec::as_slice)
    }

    /// Objects with fields for what C++ has of them.
    pub(super) fn wrappers(&self) -> &[u64] {
        &self.wrappers
    }

    /// Whether the shared part of a function without a name is called so. Until V8 11 it must have a closure.
    pub(super) fn is_called_shared(&self, heap: &Heap<'_>, shared: u64) -> bool {
        heap.layout.version.major > 11 || self.closures.contains(&shared)
    }

    /// The function that a code object or its instructions were made of.
    pub(super) fn function_of(&self, code: u64) -> Option<u64> {
        self.code.get(&code).copied()
    }

    /// The code of a function: until it is optimized, its shared part knows it.
    fn code_of(&mut self, heap: &Heap<'_>, shared: u64) -> Option<()> {
        let code = heap.target(heap.field(shared, heap.layout.fields.shared_data).ok()?)?;
        if heap.kind_of(code)? != heap.layout.types.code || heap.builtin_of(code).is_some() {
            return None;
        }
        self.code.entry(code).or_insert(shared);
        let offset = heap.layout.fields.code_instruction_stream?;
        let instructions = heap.target(heap.field(code, offset).ok()?)?;
        self.code.entry(instructions).or_insert(shared);
        Some(())
    }

    fn tag(&mut self, heap: &Heap<'_>, ordinals: &Ordinals, holder: u64, offset: u64, name: u8) {
        if let Ok(word) = heap.field(holder, offset) {
            self.tag_target(heap, ordinals, word, name);
        }
    }

    fn tag_target(&mut self, heap: &Heap<'_>, ordinals: &Ordinals, word: u64, name: u8) {
        // Empty ones belong to everybody; there are few of them, and most objects have one.
        if word == self.empty || !is_strong(word) {
            return;
        }
        if heap.field(untag(word), heap.layout.fields.array_length) == Ok(0)
            && heap.kind_of(untag(word)) != Some(heap.layout.types.cell)
        {
            self.empty = word;
            return;
        }
        let node = ordinals.get(heap, untag(word));
        if let Some(tag) = node.and_then(|node| self.of_node.get_mut(node as usize)).filter(|tag| **tag == 0)
        {
            *tag = name + 1;
        }
    }

    /// The same, if the field holds an object of this kind.
    fn tag_kind(
        &mut self,
        heap: &Heap<'_>,
        ordinals: &Ordinals,
        holder: u64,
        offset: u64,
        (kind, name): (u16, u8),
    ) {
        let target = heap.field(holder, offset).ok().and_then(|word| heap.target(word));
        if target.and_then(|target| heap.kind_of(target)) == Some(kind) {
            self.tag(heap, ordinals, holder, offset, name);
        }
    }

    /// What most objects of the language hold, by their words.
    fn receiver(&mut self, heap: &Heap<'_>, ordinals: &Ordinals, words: &[[u8; 8]]) {
        let fields = &heap.layout.fields;
        for (offset, name) in [(fields.js_properties, 0), (fields.js_elements, 1)] {
            if let Some(word) = words.get((offset / 8) as usize) {
                self.tag_target(heap, ordinals, u64::from_le_bytes(*word), name);
            }
        }
    }

    fn object(&mut self, heap: &Heap<'_>, ordinals: &Ordinals, object: u64, map: &MapInfo) {
        let (fields, types) = (&heap.layout.fields, &heap.layout.types);
        if map.kind == types.ephemeron_hash_table {
            for entry in heap.ephemerons(object).into_iter().filter(|entry| is_strong(entry.key)) {
                self.pairs.entry(untag(entry.key)).or_default().push((object, entry.value));
            }
            for _ in 0..heap.deleted_ephemerons(object) {
                self.pairs.entry(heap.roots.hole).or_default().push((object, tag(heap.roots.hole)));
            }
        } else if map.kind == types.bytecode_array {
            // Constants, handlers, positions; newer versions have them the other way round.
            let (constants, handlers) = if heap.layout.version.major < 12 { (16, 24) } else { (40, 32) };
            self.tag(heap, ordinals, object, constants, 3);
            self.tag(heap, ordinals, object, handlers, 4);
            self.tag(heap, ordinals, object, fields.bytecode_source_positions, 5);
        } else if let Some(cache) = self.enum_cache(heap, object, map) {
            self.tag(heap, ordinals, cache, 8, 9);
            self.tag(heap, ordinals, cache, 16, 9);
        } else if map.kind == types.script {
            self.tag(heap, ordinals, object, fields.script_line_ends, 7);
            // V8's metadata does not name the field of its options: it is the one array behind what `eval` leaves, which
            // follows the number.
            for offset in (fields.script_line_ends + 24..map.instance_size).step_by(8) {
                self.tag_kind(heap, ordinals, object, offset, (types.fixed_array, 13));
            }
        } else if map.kind == types.scope_info {
            // With so many variables their names are in a table, where else the first name is.
            let locals = heap.field(object, 24).ok().and_then(count).unwrap_or(0);
            if locals >= MOST_INLINE_NAMES {
                self.tag(heap, ordinals, object, 8 * (fields.scope_info_first + 1), 15);
            }
        } else if map.kind == types.map {
            self.tag(heap, ordinals, object, fields.map_descriptors + 16, 8);
        } else if map.kind == types.prototype_info {
            for offset in (8..map.instance_size).step_by(8) {
                self.tag_kind(heap, ordinals, object, offset, (types.weak_array_list, 14));
            }
        } else if map.kind == types.code {
            let (data, table) = (fields.code_deoptimization_data, fields.code_position_table);
            match heap.is_baseline(object) {
                true => self.tag(heap, ordinals, object, table, 11),
                false => {
                    self.tag(heap, ordinals, object, data, 12);
                    self.tag(heap, ordinals, object, table, 5);
                }
            }
        } else if map.is_receiver(heap.layout) && map.kind != types.js_proxy {
            self.tag(heap, ordinals, object, fields.js_properties, 0);
            self.tag(heap, ordinals, object, fields.js_elements, 1);
            if heap.layout.version.major <= 11 && map.is_function(heap.layout) {
                self.closures.extend(heap.shared_of(object));
            }
            if map.kind == types.js_bound_function {
                self.tag(heap, ordinals, object, fields.bound_arguments, 2);
            }
        }
    }

    /// The cache of names that a map's descriptors keep for loops over properties.
    fn enum_cache(&self, heap: &Heap<'_>, descriptors: u64, map: &MapInfo) -> Option<u64> {
        let (fields, types) = (&heap.layout.fields, &heap.layout.types);
        if map.kind != types.descriptor_array {
            return None;
        }
        let word = heap.field(descriptors, fields.descriptors_header - 8).ok()?;
        is_strong(word).then(|| untag(word))
    }
}
