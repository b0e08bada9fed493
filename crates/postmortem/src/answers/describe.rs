//! What a value is and holds.

use super::value::{MemberKind, Value, ValueKind};
use crate::heap::words::{is_weak, small_integer, tag};
use crate::heap::{Heap, MapInfo};
use crate::object::{ClassNames, Element, Property, PropertyValue};

/// How much of a value is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Levels of members.
    pub depth: u32,
    /// Elements of an array, entries of a map, variables of a scope.
    pub elements: usize,
    /// UTF-16 units of a string.
    pub string: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 1, elements: 100, string: 1024 }
    }
}

/// Describes the values of one heap.
#[derive(Debug)]
pub struct Describer<'h, 'm> {
    pub(super) heap: &'h Heap<'m>,
    pub(super) classes: &'h ClassNames<'h, 'm>,
    pub(super) limits: Limits,
}

impl<'h, 'm> Describer<'h, 'm> {
    /// With the class names of the same heap.
    pub fn new(heap: &'h Heap<'m>, classes: &'h ClassNames<'h, 'm>, limits: Limits) -> Self {
        Self { heap, classes, limits }
    }

    /// The object at an address; `None` if no object starts there.
    pub fn object(&self, address: u64) -> Option<Value> {
        self.heap.is_object(address).then(|| self.value(tag(address), self.limits.depth))
    }

    /// A word: a small integer or a pointer. `depth` levels of members are told.
    pub fn value(&self, word: u64, depth: u32) -> Value {
        if let Some(small) = small_integer(word) {
            return Value::new(ValueKind::Number, None).with_text(small.to_string());
        }
        if word as u32 == 3 {
            return Value::new(ValueKind::Empty, None);
        }
        let Some(object) = self.heap.target(word) else {
            let mut value = Value::new(ValueKind::Missing, Some(word & !3));
            value.missing = Some("no object starts there".to_owned());
            return value;
        };
        let Some(map) = self.heap.map_of(object) else {
            return Value::new(ValueKind::Missing, Some(object));
        };
        let mut value = match map.is_receiver(self.heap.layout) {
            true => self.receiver(object, &map, depth),
            false => self.primitive(object, &map, depth),
        };
        if is_weak(word) {
            value.text = Some(format!("(weak) {}", value.text.unwrap_or_default()));
        }
        value
    }

    fn primitive(&self, object: u64, map: &MapInfo, depth: u32) -> Value {
        let heap = self.heap;
        let types = &heap.layout.types;
        let new = |kind| Value::new(kind, Some(object));
        match map.kind {
            _ if map.is_string() => {
                let mut value = new(ValueKind::String);
                if let Some(text) = heap.string(object, self.limits.string) {
                    value.length = Some(text.length);
                    value.omitted =
                        if text.whole { 0 } else { text.length.saturating_sub(self.limits.string) };
                    value.missing = text.missing;
                    value.text = Some(text.text);
                }
                value
            }
            kind if kind == types.heap_number => {
                let number = heap.number(tag(object)).map(crate::object::number_text);
                new(ValueKind::Number).with_text(number.unwrap_or_default())
            }
            kind if kind == types.big_int => {
                new(ValueKind::BigInt).with_text(heap.big_int(object).unwrap_or_default())
            }
            kind if kind == types.symbol => {
                new(ValueKind::Symbol).with_text(heap.symbol_text(object).unwrap_or_default())
            }
            kind if kind == types.oddball || kind == types.hole => self.oddball(object),
            _ => self.internal(object, map, depth),
        }
    }

    fn oddball(&self, object: u64) -> Value {
        let roots = &self.heap.roots;
        let known = [
            (roots.undefined, ValueKind::Undefined, "undefined"),
            (roots.null, ValueKind::Null, "null"),
            (roots.true_value, ValueKind::Boolean, "true"),
            (roots.false_value, ValueKind::Boolean, "false"),
        ];
        match known.iter().find(|(address, ..)| *address == object) {
            Some((_, kind, text)) => Value::new(*kind, Some(object)).with_text(*text),
            None => Value::new(ValueKind::Empty, Some(object)),
        }
    }

    /// What V8 keeps for itself is told by the name of its type; arrays and contexts by their content.
    fn internal(&self, object: u64, map: &MapInfo, depth: u32) -> Value {
        let heap = self.heap;
        let mut value = Value::new(ValueKind::Internal, Some(object));
        value.class = Some(heap.type_name(map.kind));
        if map.is_context(heap.layout) {
            self.variables(object, &mut value, depth);
        } else if map.kind == heap.layout.types.fixed_array {
            let words = heap.array_words(object);
            value.length = Some(words.len() as u64);
            if depth > 0 {
                for (i, word) in words.iter().enumerate().take(self.limits.elements) {
                    value.add(i.to_string(), MemberKind::Element, self.value(*word, depth - 1));
                }
                value.omitted = words.len().saturating_sub(self.limits.elements) as u64;
            }
        } else if map.kind == heap.layout.types.shared_function_info {
            value.text = Some(heap.shared_function(object).name);
        } else if map.kind == heap.layout.types.script {
            let place = heap.place(object, 0);
            value.text = place.and_then(|place| place.script);
        }
        value
    }

    /// The variables of a context, as members.
    pub(super) fn variables(&self, context: u64, value: &mut Value, depth: u32) {
        if depth == 0 {
            return;
        }
        let variables = self.heap.context_variables(context);
        value.omitted += variables.len().saturating_sub(self.limits.elements) as u64;
        for (name, word) in variables.into_iter().take(self.limits.elements) {
            let name = self.heap.key_text(name).unwrap_or_default();
            value.add(name, MemberKind::Variable, self.value(word, depth - 1));
        }
    }

    fn receiver(&self, object: u64, map: &MapInfo, depth: u32) -> Value {
        let mut value = Value::new(self.kind_of(map), Some(object));
        value.class = Some(self.classes.of_object(object, map));
        self.detail(object, &mut value, depth);
        if depth == 0 {
            return value;
        }
        for property in self.heap.properties(object) {
            self.add_property(&property, &mut value, depth);
        }
        if map.kind != self.heap.layout.types.js_typed_array || self.limits.elements > 0 {
            self.add_elements(object, &mut value, depth);
        }
        value
    }

    fn add_property(&self, property: &Property, value: &mut Value, depth: u32) {
        let name = self.heap.key_text(property.key).unwrap_or_else(|| "?".to_owned());
        let content = match property.value {
            PropertyValue::Data(word) => self.value(word, depth - 1),
            // An array's length and the like: told as the value's own length.
            PropertyValue::Native(_) => return,
            PropertyValue::Accessor(getter, setter) => {
                let mut accessor = Value::new(ValueKind::Accessor, None);
                for (name, function) in [("get", getter), ("set", setter)] {
                    let is_function =
                        self.heap.target(function).and_then(|function| self.heap.map_of(function));
                    if is_function.is_some_and(|map| map.is_receiver(self.heap.layout)) {
                        accessor.add(name, MemberKind::Internal, self.value(function, 0));
                    }
                }
                accessor
            }
            PropertyValue::Missing => Value::new(ValueKind::Missing, None),
        };
        value.add(name, MemberKind::Property, content);
    }

    fn add_elements(&self, object: u64, value: &mut Value, depth: u32) {
        let elements = self.heap.elements(object, self.limits.elements);
        let shown = elements.entries.len() as u64;
        for (index, element) in elements.entries {
            let content = match element {
                Element::Tagged(word) => self.value(word, depth - 1),
                Element::Number(number) => {
                    Value::new(ValueKind::Number, None).with_text(crate::object::number_text(number))
                }
                Element::Integer(number) => Value::new(ValueKind::Number, None).with_text(number.to_string()),
            };
            value.add(index.to_string(), MemberKind::Element, content);
        }
        if shown as usize == self.limits.elements {
            value.omitted += elements.length.saturating_sub(shown);
        }
        if value.missing.is_none() {
            value.missing = elements.missing;
        }
    }

    fn kind_of(&self, map: &MapInfo) -> ValueKind {
        let types = &self.heap.layout.types;
        let kinds = [
            (types.js_bound_function, ValueKind::BoundFunction),
            (types.js_array, ValueKind::Array),
            (types.js_arguments_object, ValueKind::Arguments),
            (types.js_map, ValueKind::Map),
            (types.js_set, ValueKind::Set),
            (types.js_weak_map, ValueKind::WeakMap),
            (types.js_weak_set, ValueKind::WeakSet),
            (types.js_weak_ref, ValueKind::WeakRef),
            (types.js_finalization_registry, ValueKind::FinalizationRegistry),
            (types.js_date, ValueKind::Date),
            (types.js_reg_exp, ValueKind::RegExp),
            (types.js_error, ValueKind::Error),
            (types.js_promise, ValueKind::Promise),
            (types.js_generator_object, ValueKind::Generator),
            (types.js_async_function_object, ValueKind::Generator),
            (types.js_async_generator_object, ValueKind::Generator),
            (types.js_proxy, ValueKind::Proxy),
            (types.js_array_buffer, ValueKind::ArrayBuffer),
            (types.js_typed_array, ValueKind::TypedArray),
            (types.js_data_view, ValueKind::DataView),
            (types.js_primitive_wrapper, ValueKind::Wrapper),
        ];
        match kinds.iter().find(|(kind, _)| *kind == map.kind) {
            Some((_, kind)) => *kind,
            None if map.is_function(self.heap.layout) => ValueKind::Function,
            None => ValueKind::Object,
        }
    }
}
