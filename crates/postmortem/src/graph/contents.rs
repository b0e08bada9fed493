//! What the kinds of objects hold: strings, arrays, tables, contexts, maps.

use heap_graph::{EdgeKind, GraphSink, NodeIndex};

use super::edges::{Emitter, Here};
use crate::heap::MapInfo;
use crate::heap::words::{is_strong, is_weak, tag, untag};
use crate::layout::Layout;

/// What objects of a map hold beside V8's named fields.
#[derive(Clone, Copy)]
pub(super) enum Contents {
    None,
    String,
    Receiver,
    Variables,
    Ephemerons,
    Map,
    Code,
    /// Words by their number, from this offset on.
    Indexed(u64),
}

impl Contents {
    pub(super) fn of(map: &MapInfo, layout: &Layout) -> Self {
        let (fields, types) = (&layout.fields, &layout.types);
        match map.kind {
            // Parts of sums, slices and forwarders; other strings are bytes.
            kind if map.is_string() && matches!(kind & 7, 1 | 3 | 5) => Self::String,
            _ if map.is_string() => Self::None,
            _ if map.is_receiver(layout) => Self::Receiver,
            kind if kind == crate::heap::kind::native_context(fields) => Self::None,
            _ if map.is_context(layout) => Self::Variables,
            kind if kind == types.ephemeron_hash_table => Self::Ephemerons,
            kind if kind == types.map => Self::Map,
            kind if kind == types.code => Self::Code,
            kind if kind == types.descriptor_array || kind == types.strong_descriptor_array => {
                Self::Indexed(fields.descriptors_header)
            }
            // The oldest version takes transitions for a plain weak array.
            kind if kind == types.transition_array && layout.version.major <= 10 => {
                Self::Indexed(fields.array_data)
            }
            kind if kind == types.weak_fixed_array => Self::Indexed(fields.array_data),
            kind if kind == types.weak_array_list => Self::Indexed(fields.array_data + 8),
            kind if (types.fixed_array..types.byte_array).contains(&kind) => Self::Indexed(fields.array_data),
            _ => Self::None,
        }
    }
}

impl<S: GraphSink> Emitter<'_, '_, S> {
    pub(super) fn contents(&mut self, here: &Here<'_>) {
        match here.plan.contents {
            Contents::String => self.string(here),
            Contents::Receiver => self.receiver(here),
            Contents::Variables => self.variables(here),
            Contents::Ephemerons => self.ephemerons(here),
            Contents::Map => self.map_fields(here),
            Contents::Code => self.code_fields(here),
            Contents::Indexed(first) => self.indexed(here, first),
            Contents::None => {}
        }
    }

    fn string(&mut self, here: &Here<'_>) {
        let fields = &self.heap.layout.fields;
        let parts: &[(&str, u64)] = match here.plan.map.kind & 7 {
            1 => &[("first", fields.cons_first), ("second", fields.cons_second)],
            3 => &[("parent", fields.sliced_parent)],
            5 => &[("actual", fields.thin_actual)],
            _ => &[],
        };
        for (name, offset) in parts {
            self.internal(here, *offset, name);
        }
    }

    /// All words from an offset on, by their number.
    fn indexed(&mut self, here: &Here<'_>, first: u64) {
        let words = (first / 8) as usize..here.word_count();
        for (number, word) in words.filter_map(|at| here.word(at)).enumerate() {
            if is_weak(word) {
                let name = self.number(number);
                self.weak_to(word, name);
            } else if is_strong(word) {
                let name = self.number(number);
                self.internal_to(word, name);
            }
        }
        // V8 goes over long ones once.
        self.end = self.end.min(first);
    }

    fn variables(&mut self, here: &Here<'_>) {
        let (heap, context) = (self.heap, here.address);
        let words = heap.array_words(context);
        let variables = match heap.is_declaration_context(context) {
            true => heap.context_variables(context),
            false => Vec::new(),
        };
        for (name, value) in variables {
            let Some(name) = heap.key_text(name) else { continue };
            if let Some(to) = self.node_of(value) {
                let name = self.graph.name(&name);
                self.graph.edge_named(EdgeKind::Context, name, NodeIndex(to));
            }
            // Where it lies: each slot once.
            let slot = words
                .iter()
                .enumerate()
                .position(|(at, word)| *word == value && !self.visited.get(at + 2).copied().unwrap_or(true));
            if let Some(at) = slot {
                self.visit(16 + 8 * at as u64);
            }
        }
        let data = heap.layout.fields.array_data;
        for (at, name) in ["scope_info", "previous"].into_iter().enumerate() {
            self.internal(here, data + 8 * at as u64, name);
        }
        if heap.has_extension_slot(context) {
            self.internal(here, data + 16, "extension");
        }
    }

    /// A weak collection's table: weak edges to keys and values, and the pairs.
    fn ephemerons(&mut self, here: &Here<'_>) {
        let (heap, table) = (self.heap, here.address);
        let first = heap.layout.fields.ephemeron_prefix;
        for offset in (first..here.size).step_by(16) {
            for (half, offset) in [offset, offset + 8].into_iter().enumerate() {
                let Some(word) = here.field(offset) else { continue };
                self.visit(offset);
                let at = self.number(((offset - heap.layout.fields.array_data) / 8) as usize);
                if is_strong(word) && heap.is_object(untag(word)) && (half == 0 || self.essential_value(word))
                {
                    self.weak_to(word, at);
                }
            }
        }
        for entry in heap.ephemerons(table).into_iter().filter(|entry| is_strong(entry.key)) {
            self.pair(untag(entry.key), table, entry.value);
        }
        // V8 lists pairs that were deleted as well.
        for _ in 0..heap.deleted_ephemerons(table) {
            self.pair(heap.roots.hole, table, tag(heap.roots.hole));
        }
    }

    fn essential_value(&self, word: u64) -> bool {
        word != tag(self.heap.roots.undefined)
    }

    /// The pairs that an object is the key of.
    pub(super) fn pairs(&mut self, key: u64, node: u32) {
        let tags = self.tags;
        for (table, value) in tags.pairs(key, node) {
            self.pair(key, *table, *value);
        }
    }

    /// One half of a pair: the name is the same in both, but for its first number, which does not count.
    fn pair(&mut self, key: u64, table: u64, value: u64) {
        let heap = self.heap;
        let Some(to) = self.node_of(value) else { return };
        let described = |emitter: &Self, object: u64| {
            let node = emitter.ordinals.get(heap, object)?;
            let map = heap.map_of(object)?;
            let id = emitter.ids.of_object(heap, node, object, heap.size_with(object, &map)?);
            Some((emitter.entry(object, &map).1, id))
        };
        let (Some(key), Some(value), Some((_, table))) =
            (described(self, key), described(self, untag(value)), described(self, table))
        else {
            return;
        };
        let number = self.graph.edge_count_of_node() + 1;
        let name = format!(
            "{number} / part of key ({} @{}) -> value ({} @{}) pair in WeakMap (table @{})",
            key.0, key.1, value.0, value.1, table
        );
        let name = self.graph.name(&name);
        self.graph.edge_named(EdgeKind::Internal, name, NodeIndex(to));
    }

    /// Two fields of code have one of two meanings: that of baseline code, which has bytecode, and that of optimized code.
    fn code_fields(&mut self, here: &Here<'_>) {
        let fields = &self.heap.layout.fields;
        let (data, table) = (fields.code_deoptimization_data, fields.code_position_table);
        if self.heap.is_baseline(here.address) {
            self.internal(here, data, "interpreter_data");
            self.internal(here, table, "bytecode_offset_table");
        } else if here.field(data).is_some_and(is_strong) {
            self.internal(here, data, "deoptimization_data");
            self.internal(here, table, "source_position_table");
        }
    }

    /// Two fields of a map have one of several meanings, which the target's kind tells.
    fn map_fields(&mut self, here: &Here<'_>) {
        let heap = self.heap;
        let types = &heap.layout.types;
        let constructor = heap.layout.fields.map_constructor;
        let kind = |word: u64| heap.target(word).and_then(|object| heap.kind_of(object));
        if let Some(word) = here.field(constructor) {
            let name = match kind(word) {
                Some(kind) if kind == types.map => "back_pointer",
                Some(kind) if kind == crate::heap::kind::native_context(&heap.layout.fields) => {
                    "native_context"
                }
                _ => "constructor",
            };
            self.internal(here, constructor, name);
        }
        let transitions = heap.layout.fields.map_descriptors + 24;
        if let Some(word) = here.field(transitions) {
            match kind(word) {
                _ if is_weak(word) => {
                    let name = self.graph.name("transition");
                    self.weak(here, transitions, name);
                }
                Some(kind) if kind == types.prototype_info => {
                    self.internal(here, transitions, "prototype_info")
                }
                Some(_) => self.internal(here, transitions, "transitions"),
                None => {}
            }
        }
    }
}
