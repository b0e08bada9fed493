//! Objects of the language: properties, elements, and what functions, buffers and collections have besides.

use heap_graph::{EdgeKind, EdgeName, GraphSink, NameIndex, NodeIndex};

use super::edges::{Emitter, Here};
use crate::heap::MapInfo;
use crate::heap::kind::native_context;
use crate::heap::words::{count, is_strong, tag, untag};
use crate::object::{Element, Privacy, Property, PropertyValue};

impl<S: GraphSink> Emitter<'_, '_, S> {
    pub(super) fn receiver(&mut self, here: &Here<'_>) {
        let heap = self.heap;
        let map = &here.plan.map;
        let (fields, types) = (&heap.layout.fields, &heap.layout.types);
        // V8 takes a proxy for no object, and asks buffers for their memory only.
        if map.kind == types.js_proxy {
            return;
        }
        if map.kind == types.js_array_buffer {
            self.buffer(here);
            return;
        }
        let tells_realm = heap.layout.version.major >= 14;
        if tells_realm && map.kind == types.js_global_proxy {
            self.realm(here);
            return;
        }
        self.properties(here);
        self.elements(here);
        if tells_realm
            && map.kind == types.js_global_object
            && let Some(proxy) = self.native_context_of(map).and_then(|context| self.proxy_of(context))
        {
            let name = self.graph.name("global_proxy");
            self.internal_to(tag(proxy), name);
        }
        if here.plan.is_wrapper {
            self.embedder_fields(here);
            self.base_object(here);
        }
        self.internal_named(here, fields.js_properties, self.held.properties);
        self.internal_named(here, fields.js_elements, self.held.elements);
        if map.is_function(heap.layout) {
            self.function(here);
        } else if map.kind == types.js_bound_function {
            self.bound(here);
        } else if map.kind == types.js_weak_ref {
            let name = self.graph.name("target");
            self.weak(here, fields.weak_ref_target, name);
        }
    }

    /// Since V8 14 the object that stands for a global object has shortcuts to its realm instead of properties.
    fn realm(&mut self, here: &Here<'_>) {
        let Some(context) = self.native_context_of(&here.plan.map) else { return };
        for (name, object) in [("native_context", Some(context)), ("global_object", self.global_of(context))]
        {
            if let Some(to) = object.and_then(|object| self.ordinals.get(self.heap, object)) {
                self.graph.edge(EdgeKind::Shortcut, EdgeName::Name(name), NodeIndex(to));
            }
        }
    }

    /// The realm that a map belongs to, since V8 14: the map of its map names it.
    fn native_context_of(&self, map: &MapInfo) -> Option<u64> {
        let heap = self.heap;
        let meta = self.strong_field(map.address, 0)?;
        let context = self.strong_field(meta, heap.layout.fields.map_constructor)?;
        (heap.kind_of(context) == Some(native_context(&heap.layout.fields))).then_some(context)
    }

    /// What stands for the global object of a realm: one of the slots of its context.
    fn proxy_of(&self, context: u64) -> Option<u64> {
        let heap = self.heap;
        let mut slots = heap.array_words(context).into_iter().filter(|word| is_strong(*word)).map(untag);
        slots.find(|object| heap.kind_of(*object) == Some(heap.layout.types.js_global_proxy))
    }

    /// The properties of an object whose map does not say where they are.
    pub(super) fn each_property(&mut self, object: u64) {
        for property in self.heap.properties(object) {
            self.property(&property);
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
        for (name, word) in self.edges_of_property(&name, property.word, property.value) {
            self.named(word, name);
        }
    }

    pub(super) fn named(&mut self, word: u64, name: NameIndex) {
        if let Some(to) = self.node_of(word) {
            self.graph.edge_named(EdgeKind::Property, name, NodeIndex(to));
        }
    }

    /// A name as V8 writes it: symbols in pointed brackets, private names as they stand.
    pub(super) fn property_name(&self, key: u64) -> Option<String> {
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

    fn elements(&mut self, here: &Here<'_>) {
        // V8 writes those of plain arrays of objects, packed (2) or with holes (3), and of sparse ones.
        let kind = u64::from(here.plan.map.elements_kind());
        let fields = &self.heap.layout.fields;
        if kind == fields.dictionary_elements {
            self.each_element(here);
        }
        if !matches!(kind, 2 | 3) {
            return;
        }
        let heap = self.heap;
        let store = here.field(fields.js_elements).filter(|word| is_strong(*word));
        if store == Some(self.no_elements.0) {
            return;
        }
        let (words, _) =
            store.and_then(|store| heap.rest_of_page(untag(store))).unwrap_or_default().as_chunks::<8>();
        let word = |at: usize| words.get(at).map(|word| u64::from_le_bytes(*word));
        let map = word(0).and_then(|map| heap.map_at_word(map));
        if !map.is_some_and(|map| self.is_plain_array(map.kind)) {
            return self.each_element(here);
        }
        let capacity = word(1).and_then(count).unwrap_or(0);
        if capacity == 0 {
            if let Some(store) = store {
                self.no_elements = (store, self.node_of(store));
            }
            return;
        }
        let is_array = here.plan.map.kind == heap.layout.types.js_array;
        let length = is_array.then(|| here.field(fields.js_array_length)).flatten();
        let length = length.and_then(count).unwrap_or(capacity).min(capacity) as usize;
        let values = words.get(2..).unwrap_or_default();
        for (index, value) in values.iter().take(length).enumerate() {
            let value = u64::from_le_bytes(*value);
            if value & 1 == 1
                && !heap.is_hole(value)
                && let Some(to) = self.node_of(value)
            {
                self.graph.edge(EdgeKind::Element, EdgeName::Index(index as u32), NodeIndex(to));
            }
        }
    }

    /// Whether objects of a type hold values, one behind the other.
    fn is_plain_array(&self, kind: u16) -> bool {
        let types = &self.heap.layout.types;
        (types.fixed_array..types.byte_array).contains(&kind)
            && ![types.number_dictionary, types.sloppy_arguments_elements].contains(&kind)
    }

    fn each_element(&mut self, here: &Here<'_>) {
        for (index, element) in self.heap.elements(here.address, usize::MAX >> 8).entries {
            let (Element::Tagged(word), Ok(index)) = (element, u32::try_from(index)) else { continue };
            if let Some(to) = self.node_of(word) {
                self.graph.edge(EdgeKind::Element, EdgeName::Index(index), NodeIndex(to));
            }
        }
    }

    /// The prototype that a function gives to what it makes lies in the function, or in the map of what it makes.
    fn function(&mut self, here: &Here<'_>) {
        let heap = self.heap;
        let (fields, types) = (&heap.layout.fields, &heap.layout.types);
        let initial = self.function_fields.iter().copied().find(|field| field.is_initial_map);
        // Bit 7 of a map's flags: its functions have a slot for their prototype.
        let has_prototype = here.plan.map.bit_field & 0x80 != 0;
        let word = initial.filter(|_| has_prototype).and_then(|at| here.field(at.offset));
        if let (Some(field), Some(word)) = (initial, word.filter(|word| is_strong(*word))) {
            match heap.kind_of(untag(word)) {
                Some(kind) if kind == types.map => {
                    if let Ok(prototype) = heap.field(untag(word), fields.map_prototype) {
                        let name = self.graph.name("prototype");
                        self.named(prototype, name);
                    }
                    self.internal_named(here, field.offset, field.name);
                }
                Some(kind) if kind != heap.layout.types.oddball && kind != types.hole => {
                    let name = self.graph.name("prototype");
                    self.named(word, name);
                    self.visit(field.offset);
                }
                _ => self.visit(field.offset),
            }
        }
        self.no_initial_map = !has_prototype;
        // Functions of other types have the same fields.
        for at in 0..self.function_fields.len() {
            let field = self.function_fields[at];
            if !field.is_initial_map {
                self.internal_named(here, field.offset, field.name);
            }
        }
        if let Some(code) = heap.code_in_table(here.address) {
            let name = self.graph.name("code");
            self.internal_to(code, name);
        }
    }

    /// What C++ keeps in an object, by number.
    fn embedder_fields(&mut self, here: &Here<'_>) {
        for (number, offset) in here.plan.map.embedder_fields(self.heap.layout).enumerate() {
            let name = self.number(number);
            self.internal_named(here, offset, name);
        }
    }

    fn bound(&mut self, here: &Here<'_>) {
        let heap = self.heap;
        let bound = here.field(heap.layout.fields.bound_arguments).filter(|word| is_strong(*word)).map(untag);
        let arguments = bound.map(|array| heap.array_words(array)).unwrap_or_default();
        for (at, word) in arguments.into_iter().enumerate() {
            if let Some(to) = self.node_of(word) {
                let name = format!("bound_argument_{at}");
                self.graph.edge(EdgeKind::Shortcut, EdgeName::Name(&name), NodeIndex(to));
            }
        }
    }
}
