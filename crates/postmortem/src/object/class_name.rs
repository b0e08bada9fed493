//! The name of an object's class, by V8's own rules, so that counts agree with those of its snapshots.

use std::cell::RefCell;

use rustc_hash::{FxHashMap, FxHashSet};

use super::KnownNames;
use super::property::PropertyValue;
use crate::heap::words::{is_strong, tag, untag};
use crate::heap::{Heap, MapInfo};

/// Prototype chains and chains of maps that are longer are loops.
const LONGEST_CHAIN: usize = 10_000;

/// Names of classes, remembered by map.
#[derive(Debug)]
pub struct ClassNames<'h, 'm> {
    heap: &'h Heap<'m>,
    known: KnownNames,
    by_map: RefCell<FxHashMap<u64, Found>>,
}

/// A name, and the function that it is of.
type Found = (String, Option<u64>);

impl<'h, 'm> ClassNames<'h, 'm> {
    /// For the objects of a heap.
    pub fn new(heap: &'h Heap<'m>) -> Self {
        Self { heap, known: KnownNames::find(heap), by_map: RefCell::default() }
    }

    /// The names that V8 looks up.
    pub fn known(&self) -> &KnownNames {
        &self.known
    }

    /// The class of an object with properties; `None` for others.
    pub fn of(&self, object: u64) -> Option<String> {
        let map = self.heap.map_of(object).filter(|map| map.is_receiver(self.heap.layout))?;
        Some(self.of_object(object, &map))
    }

    /// The same, for an object of that map.
    pub(crate) fn of_object(&self, object: u64, map: &MapInfo) -> String {
        self.found(object, map).0
    }

    /// The function that an object's class is named after, if it is (V8's `JSReceiver::GetConstructor`).
    pub(crate) fn constructor_of_object(&self, object: u64, map: &MapInfo) -> Option<u64> {
        self.found(object, map).1
    }

    fn found(&self, object: u64, map: &MapInfo) -> Found {
        if let Some(found) = self.by_map.borrow().get(&map.address) {
            return found.clone();
        }
        let from_map = self.name_of_constructor(map);
        let cacheable = from_map.is_some() || !self.may_have_own_tag(map);
        let found = from_map
            .or_else(|| self.name_on_chain(object, map))
            .unwrap_or_else(|| (self.builtin_name(object, map), None));
        if cacheable && !self.depends_on_object(map) {
            self.by_map.borrow_mut().insert(map.address, found.clone());
        }
        found
    }

    /// The function that an object's class is named after, or the function template that its map names.
    pub fn constructor_of(&self, object: u64) -> Option<u64> {
        let map = self.heap.map_of(object).filter(|map| map.is_receiver(self.heap.layout))?;
        self.constructor_of_object(object, &map).or_else(|| self.constructor(&map))
    }

    /// Whether the names of a map's objects depend on what is in them.
    pub fn depends_on_content(&self, map: &MapInfo) -> bool {
        self.depends_on_object(map) || self.may_have_own_tag(map)
    }

    /// Whether objects of one map can have different names without a property that says so.
    fn depends_on_object(&self, map: &MapInfo) -> bool {
        map.kind == self.heap.layout.types.js_primitive_wrapper
    }

    fn may_have_own_tag(&self, map: &MapInfo) -> bool {
        let Some(key) = self.known.to_string_tag else { return false };
        map.is_dictionary() || self.heap.descriptors(map).iter().any(|descriptor| descriptor[0] == tag(key))
    }

    /// First rule: what was made by `new` on a base class has that class's name. Prototypes do not: V8 replaced
    /// their constructors.
    fn name_of_constructor(&self, map: &MapInfo) -> Option<Found> {
        let heap = self.heap;
        if map.kind == heap.layout.types.js_proxy || !map.is_new_target_base() || map.is_prototype() {
            return None;
        }
        let constructor = self.constructor(map)?;
        let kind = heap.map_of(constructor)?;
        if kind.is_function(heap.layout) {
            return self.useful_name(constructor).map(|name| (name, Some(constructor)));
        }
        if kind.kind == heap.layout.types.function_template_info {
            let name = heap.field(constructor, heap.layout.fields.template_class_name).ok()?;
            return Some((heap.name_text(heap.target(name)?)?, None));
        }
        None
    }

    /// The constructor of a map: maps that came from others by adding properties name those instead.
    fn constructor(&self, map: &MapInfo) -> Option<u64> {
        let heap = self.heap;
        let types = &heap.layout.types;
        let mut at = map.address;
        for _ in 0..LONGEST_CHAIN {
            let word = heap.field(at, heap.layout.fields.map_constructor).ok()?;
            let next = is_strong(word).then(|| untag(word))?;
            match heap.kind_of(next)? {
                kind if kind == types.map => at = next,
                // A pair of constructor and a prototype that is no object.
                kind if kind == types.tuple2 => return heap.target(heap.field(next, 8).ok()?),
                _ => return Some(next),
            }
        }
        None
    }

    /// A function's name, unless it is empty or `Object`, which V8 takes for no name.
    fn useful_name(&self, function: u64) -> Option<String> {
        let shared = self.heap.shared_of(function)?;
        let name = self.heap.name_text(self.heap.shared_name(shared)?)?;
        (!name.is_empty() && name != "Object").then_some(name)
    }

    /// Second and third rule: along the prototypes, a `Symbol.toStringTag` that is a string, or a `constructor` (the
    /// object's own does not count).
    fn name_on_chain(&self, object: u64, map: &MapInfo) -> Option<Found> {
        let heap = self.heap;
        let mut current = object;
        let mut map = *map;
        let mut seen = FxHashSet::default();
        while seen.insert(current) && seen.len() < LONGEST_CHAIN {
            let tagged = self.known.to_string_tag.and_then(|key| heap.own_data(current, key));
            if let Some(text) = tagged.and_then(|word| heap.name_text(heap.target(word)?)) {
                return Some((text, None));
            }
            if current != object {
                let constructor = self.known.constructor.and_then(|key| heap.own_data(current, key));
                let function = constructor.and_then(|word| heap.target(word));
                if let Some(name) = function.and_then(|function| self.useful_name(function)) {
                    return Some((name, function));
                }
            }
            current = heap.prototype_of(&map)?;
            map = heap.map_of(current)?;
        }
        None
    }

    /// Last rule: the name of the kind of object.
    fn builtin_name(&self, object: u64, map: &MapInfo) -> String {
        let heap = self.heap;
        let types = &heap.layout.types;
        let named = [
            (types.js_bound_function, "Function"),
            (types.js_wrapped_function, "Function"),
            (types.js_arguments_object, "Arguments"),
            (types.js_array, "Array"),
            (types.js_array_buffer, "ArrayBuffer"),
            (types.js_array_iterator, "Array Iterator"),
            (types.js_date, "Date"),
            (types.js_error, "Error"),
            (types.js_generator_object, "Generator"),
            (types.js_async_function_object, "Generator"),
            (types.js_async_generator_object, "Generator"),
            (types.js_map, "Map"),
            (types.js_set, "Set"),
            (types.js_reg_exp, "RegExp"),
            (types.js_weak_map, "WeakMap"),
            (types.js_weak_set, "WeakSet"),
            (types.js_global_proxy, "global"),
        ];
        // V8 14 has no name of its own for what stands for a global object.
        let is_unnamed = map.kind == types.js_global_proxy && heap.layout.version.major >= 14;
        let name = match named.iter().find(|(kind, _)| *kind == map.kind && !is_unnamed) {
            Some((_, name)) => name,
            None if map.is_function(heap.layout) => "Function",
            None if map.kind == types.js_proxy && map.is_callable() => "Function",
            None if map.kind == types.js_primitive_wrapper => self.wrapper_name(object),
            None if map.kind == types.js_typed_array => heap.typed_array_name(map),
            None => "Object",
        };
        name.to_owned()
    }

    fn wrapper_name(&self, object: u64) -> &'static str {
        let heap = self.heap;
        let types = &heap.layout.types;
        let Ok(word) = heap.field(object, heap.layout.fields.wrapper_value) else { return "Object" };
        let Some(map) = heap.target(word).and_then(|value| heap.map_of(value)) else { return "Number" };
        match map.kind {
            _ if map.is_string() => "String",
            kind if kind == types.heap_number => "Number",
            kind if kind == types.big_int => "BigInt",
            kind if kind == types.symbol => "Symbol",
            kind if kind == types.oddball => "Boolean",
            kind if kind == types.script => "Script",
            _ => "Object",
        }
    }

    /// The names of an object's own properties, V8's own ones (an array's `length`) left out.
    pub fn property_names(&self, object: u64) -> Vec<String> {
        let properties = self.heap.properties(object);
        let own = properties.iter().filter(|property| !matches!(property.value, PropertyValue::Native(_)));
        own.filter_map(|property| self.heap.key_text(property.key)).collect()
    }
}
