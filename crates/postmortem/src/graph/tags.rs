//! Names that arrays get from what holds them, and the pairs of weak collections by their keys: both have to be known
//! before the first node is written.

use heap_graph::NodeKind;
use rustc_hash::FxHashMap;

use super::ordinals::Ordinals;
use super::shapes::Shapes;
use crate::Heap;
use crate::heap::words::{is_strong, untag};
use crate::heap::{Liveness, MapInfo};

/// A name, and the kind of node that it makes of an array.
type Tag = (&'static str, Option<NodeKind>);

const NAMES: [Tag; 11] = [
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
];

/// Fields whose arrays are named after them: the field's name in the table of shapes, and which name.
const FIELDS: [(&str, u8); 2] = [("constant_elements", 6), ("relocation_info", 10)];

/// Names by node, pairs by key.
#[derive(Default)]
pub(super) struct Tags {
    /// One more than the place in the list; 0 for none.
    of_node: FxHashMap<u32, u8>,
    /// Table and value (tagged) of the pairs that an object is the key of.
    pairs: FxHashMap<u64, Vec<(u64, u64)>>,
}

impl Tags {
    /// Asks all live objects.
    pub(super) fn collect(
        heap: &Heap<'_>,
        live: &Liveness,
        ordinals: &Ordinals<'_>,
        shapes: &Shapes,
    ) -> Self {
        let mut tags = Self::default();
        for object in live.objects(heap) {
            if let Some(map) = heap.map_of(object) {
                tags.object(heap, ordinals, object, &map);
                for (field, name) in FIELDS {
                    if let Some(offset) = shapes.offset(map.kind, field) {
                        tags.tag(heap, ordinals, object, offset, name);
                    }
                }
            }
        }
        tags
    }

    /// Of a node.
    pub(super) fn of(&self, node: u32) -> Option<Tag> {
        self.of_node.get(&node).map(|at| NAMES[usize::from(*at)])
    }

    /// The pairs with this key: table, and value as a word.
    pub(super) fn pairs(&self, key: u64) -> &[(u64, u64)] {
        self.pairs.get(&key).map_or(&[], Vec::as_slice)
    }

    fn tag(&mut self, heap: &Heap<'_>, ordinals: &Ordinals<'_>, holder: u64, offset: u64, name: u8) {
        let Some(word) = heap.field(holder, offset).ok().filter(|word| is_strong(*word)) else { return };
        // Empty ones belong to everybody.
        let is_cell = heap.kind_of(untag(word)) == Some(heap.layout.types.cell);
        if !is_cell && heap.field(untag(word), heap.layout.fields.array_length) == Ok(0) {
            return;
        }
        if let Some(node) = ordinals.get(heap, untag(word)) {
            self.of_node.entry(node).or_insert(name);
        }
    }

    fn object(&mut self, heap: &Heap<'_>, ordinals: &Ordinals<'_>, object: u64, map: &MapInfo) {
        let (fields, types) = (&heap.layout.fields, &heap.layout.types);
        if map.kind == types.ephemeron_hash_table {
            for entry in heap.ephemerons(object).into_iter().filter(|entry| is_strong(entry.key)) {
                self.pairs.entry(untag(entry.key)).or_default().push((object, entry.value));
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
        } else if map.kind == types.map {
            self.tag(heap, ordinals, object, fields.map_descriptors + 16, 8);
        } else if map.is_receiver(heap.layout) && map.kind != types.js_proxy {
            self.tag(heap, ordinals, object, fields.js_properties, 0);
            self.tag(heap, ordinals, object, fields.js_elements, 1);
            if map.kind == types.js_bound_function {
                self.tag(heap, ordinals, object, fields.bound_arguments, 2);
            }
        }
    }

    /// The cache of names that a map's descriptors keep for loops over properties.
    fn enum_cache(&self, heap: &Heap<'_>, descriptors: u64, map: &MapInfo) -> Option<u64> {
        let (fields, types) = (&heap.layout.fields, &heap.layout.types);
        let word = heap.field(descriptors, fields.descriptors_header - 8).ok();
        word.filter(|word| map.kind == types.descriptor_array && is_strong(*word)).map(untag)
    }
}
