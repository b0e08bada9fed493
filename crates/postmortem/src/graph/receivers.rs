//! Objects of the language: properties, elements, and what functions, buffers and collections have besides.

use heap_graph::{EdgeKind, EdgeName, NodeIndex};

use super::edges::Emitter;
use crate::heap::MapInfo;
use crate::heap::words::{is_strong, tag, untag};
use crate::object::{Element, Privacy, Property, PropertyValue};

/// Bytes that a process of x86-64 can have.
const ADDRESS_SPACE: u64 = 1 << 47;

impl Emitter<'_, '_> {
    pub(super) fn receiver(&mut self, object: u64, map: &MapInfo) {
        let heap = self.heap;
        let (fields, types) = (&heap.layout.fields, &heap.layout.types);
        // V8 takes a proxy for no object, and asks buffers for their memory only.
        if map.kind == types.js_proxy {
            return;
        }
        if map.kind == types.js_array_buffer {
            self.buffer(object);
            return;
        }
        for property in heap.properties(object) {
            self.property(&property);
        }
        if let Ok(prototype) = heap.field(map.address, fields.map_prototype) {
            self.named(prototype, "__proto__");
        }
        self.elements(object, map);
        if [types.js_api_object, types.js_special_api_object].contains(&map.kind) {
            self.embedder_fields(object, map);
        }
        self.internal(object, fields.js_properties, "properties");
        self.internal(object, fields.js_elements, "elements");
        if map.is_function(heap.layout) {
            self.function(object);
        } else if map.kind == types.js_bound_function {
            self.bound(object);
        } else if map.kind == types.js_weak_ref {
            self.weak(object, fields.weak_ref_target, "target");
        }
    }

    fn property(&mut self, property: &Property) {
        // What is known to be a number is no edge of the object's, but of V8's own.
        if property.is_number {
            return;
        }
        let Some(name) = self.property_name(property.key) else { return };
        if let (Some(offset), PropertyValue::Data(word)) = (property.offset, property.value)
            && word & 1 == 1
        {
            self.visit(offset);
        }
        let is_symbol = name.starts_with("<symbol");
        match property.value {
            PropertyValue::Data(word) => self.named(word, &name),
            PropertyValue::Accessor(getter, setter) => {
                self.named(property.word, &name);
                for (half, word) in [("get", getter), ("set", setter)] {
                    if word != tag(self.heap.roots.undefined) && word != tag(self.heap.roots.null) {
                        // V8 has one name for both halves under a symbol.
                        let whole = if is_symbol { name.clone() } else { format!("{half} {name}") };
                        self.named(word, &whole);
                    }
                }
            }
            PropertyValue::Native(_) | PropertyValue::Missing => {}
        }
    }

    fn named(&mut self, word: u64, name: &str) {
        if let Some(to) = self.node_of(word) {
            self.graph.edge(EdgeKind::Property, EdgeName::Name(name), NodeIndex(to));
        }
    }

    /// A name as V8 writes it: symbols in pointed brackets, private names as they stand.
    fn property_name(&self, key: u64) -> Option<String> {
        let object = self.heap.target(key)?;
        if self.heap.kind_of(object) == Some(self.heap.layout.types.symbol) {
            let text = self.heap.symbol_text(object).unwrap_or_default();
            return Some(match text.as_str() {
                "" => "<symbol>".to_owned(),
                _ if self.heap.symbol_privacy(object) == Privacy::Name => text,
                _ => format!("<symbol {text}>"),
            });
        }
        Some(self.text(object))
    }

    fn elements(&mut self, object: u64, map: &MapInfo) {
        // V8 writes those of plain arrays of objects, packed (2) or with holes (3), and of sparse ones.
        let kind = u64::from(map.elements_kind());
        if !matches!(kind, 2 | 3) && kind != self.heap.layout.fields.dictionary_elements {
            return;
        }
        for (index, element) in self.heap.elements(object, usize::MAX >> 8).entries {
            let (Element::Tagged(word), Ok(index)) = (element, u32::try_from(index)) else { continue };
            if let Some(to) = self.node_of(word) {
                self.graph.edge(EdgeKind::Element, EdgeName::Index(index), NodeIndex(to));
            }
        }
    }

    /// The prototype that a function gives to what it makes lies in the function, or in the map of what it makes.
    fn function(&mut self, function: u64) {
        let heap = self.heap;
        let (fields, types) = (&heap.layout.fields, &heap.layout.types);
        let shape = self.shapes.get(types.js_function);
        let initial = shape.and_then(|shape| shape.fields.iter().find(|field| field.name == "initial_map"));
        // Bit 7 of a map's flags: its functions have a slot for their prototype.
        let has_prototype = heap.map_of(function).is_some_and(|map| map.bit_field & 0x80 != 0);
        let word = initial.filter(|_| has_prototype).and_then(|at| heap.field(function, at.offset).ok());
        if let (Some(field), Some(word)) = (initial, word.filter(|word| is_strong(*word))) {
            match heap.kind_of(untag(word)) {
                Some(kind) if kind == types.map => {
                    if let Ok(prototype) = heap.field(untag(word), fields.map_prototype) {
                        self.named(prototype, "prototype");
                    }
                    self.internal(function, field.offset, "initial_map");
                }
                Some(kind) if kind != heap.layout.types.oddball && kind != types.hole => {
                    self.named(word, "prototype");
                    self.visit(field.offset);
                }
                _ => self.visit(field.offset),
            }
        }
        self.no_initial_map = !has_prototype;
        // Functions of other types have the same fields.
        for field in shape.map_or(&[][..], |shape| &shape.fields) {
            if field.name != "initial_map" {
                self.internal(function, field.offset, field.name);
            }
        }
        if let Some(code) = heap.code_in_table(function) {
            self.internal_to(code, "code");
        }
    }

    /// What C++ keeps in an object of its own, by number: the words before the properties.
    fn embedder_fields(&mut self, object: u64, map: &MapInfo) {
        // Since V8 13 a pointer to the C++ object comes first.
        let first =
            self.heap.layout.fields.js_elements + if self.heap.layout.version.major < 13 { 8 } else { 16 };
        for offset in (first..8 * u64::from(map.inobject_start)).step_by(8) {
            self.internal(object, offset, &((offset - first) / 8).to_string());
        }
    }

    fn bound(&mut self, function: u64) {
        let heap = self.heap;
        let bound = self.strong_field(function, heap.layout.fields.bound_arguments);
        for (at, word) in
            bound.map(|array| heap.array_words(array)).unwrap_or_default().into_iter().enumerate()
        {
            if let Some(to) = self.node_of(word) {
                self.graph.edge(
                    EdgeKind::Shortcut,
                    EdgeName::Name(&format!("bound_argument_{at}")),
                    NodeIndex(to),
                );
            }
        }
    }

    /// The memory of a buffer is a node of its own.
    fn buffer(&mut self, object: u64) {
        let length = self.heap.field(object, self.heap.layout.fields.array_buffer_byte_length).unwrap_or(0);
        // What is larger than all memory that a process can have is no length.
        if length > 0 && length <= ADDRESS_SPACE - self.buffer_bytes {
            self.buffer_bytes += length;
            let node = self.ordinals.end() + self.buffers.len() as u32;
            self.buffers.push(length);
            self.graph.edge(EdgeKind::Internal, EdgeName::Name("backing_store"), NodeIndex(node));
        }
    }
}
