//! What is the same for all objects of a map, looked up once: programs have a few thousand maps and millions of objects.

use std::rc::Rc;

use heap_graph::{EdgeKind, GraphSink, Location, NameIndex, NodeIndex};
use rustc_hash::FxHashMap;

use super::contents::Contents;
use super::edges::{Emitter, Here};
use super::names::Entry;
use crate::Heap;
use crate::heap::MapInfo;
use crate::heap::words::{count, is_strong, tag, untag};
use crate::object::{Descriptor, Place, PropertyValue};

/// So many parts of plans are kept; a heap with absurdly many maps makes them anew instead of filling the memory.
const MOST_PARTS: usize = 1 << 20;

/// How objects of one map are written.
pub(super) struct Plan {
    pub(super) map: MapInfo,
    /// The map's own node, unless V8 leaves it out.
    pub(super) map_node: Option<u32>,
    pub(super) entry: Entry,
    /// Whether C++ may have something of such an object.
    pub(super) is_wrapper: bool,
    pub(super) contents: Contents,
    pub(super) location: PlannedLocation,
    /// Fields with V8's names.
    pub(super) fields: Vec<PlannedField>,
    /// Named properties; `None` if they have to be read from the object.
    properties: Option<Vec<PlannedProperty>>,
    /// The node of what `__proto__` is.
    prototype: Option<u32>,
}

/// Where objects say that they come from.
#[derive(Clone, Copy)]
pub(super) enum PlannedLocation {
    /// All of them from the same place, or from none.
    Same(Option<Location>),
    /// Each is to be asked.
    Each,
}

/// A field of V8's own.
#[derive(Clone, Copy)]
pub(super) struct PlannedField {
    pub(super) offset: u64,
    pub(super) name: NameIndex,
    pub(super) weak: bool,
    /// Whether it may be either; there is a row for each.
    pub(super) either: bool,
    pub(super) is_initial_map: bool,
}

/// An edge that a property makes.
struct PlannedProperty {
    name: NameIndex,
    place: PlannedPlace,
}

enum PlannedPlace {
    /// In this word of the object.
    Inside(usize),
    /// In this word of its array of properties.
    Beside(usize),
    /// All objects have the same there.
    Node(u32),
}

/// Plans that were made.
#[derive(Default)]
pub(super) struct Plans {
    by_map: FxHashMap<u64, Rc<Plan>>,
    last: Option<(u64, Rc<Plan>)>,
    parts: usize,
}

impl<S: GraphSink> Emitter<'_, '_, S> {
    /// The plan for objects whose map a word names; `None` if it names none.
    pub(super) fn plan(&mut self, word: u64) -> Option<Rc<Plan>> {
        if let Some((last, plan)) = &self.plans.last
            && *last == word
        {
            return Some(plan.clone());
        }
        let plan = match self.plans.by_map.get(&word) {
            Some(plan) => plan.clone(),
            None => {
                let map = self.heap.map_at_word(word)?;
                let plan = Rc::new(self.make_plan(map));
                if self.plans.parts > MOST_PARTS {
                    self.plans = Plans::default();
                }
                self.plans.parts += 1 + plan.fields.len() + plan.properties.as_ref().map_or(0, Vec::len);
                self.plans.by_map.insert(word, plan.clone());
                plan
            }
        };
        self.plans.last = Some((word, plan.clone()));
        Some(plan)
    }

    fn make_plan(&mut self, map: MapInfo) -> Plan {
        let heap = self.heap;
        let prototype = heap.field(map.address, heap.layout.fields.map_prototype).ok();
        Plan {
            map_node: self.essential(tag(map.address)),
            entry: self.entry_of_map(&map),
            contents: Contents::of(&map, heap.layout),
            is_wrapper: map.is_wrapper(heap.layout),
            location: self.location_of_map(&map),
            fields: self.fields_of(map.kind),
            properties: self.properties_of(&map),
            prototype: prototype.and_then(|word| self.node_of(word)),
            map,
        }
    }

    /// The fields that V8 names in objects of a type.
    pub(super) fn fields_of(&mut self, kind: u16) -> Vec<PlannedField> {
        let shapes = self.shapes;
        let Some(shape) = shapes.get(kind) else { return Vec::new() };
        let planned = |field: &super::shapes::Field| PlannedField {
            offset: field.offset,
            name: self.graph.name(field.name),
            weak: field.weak,
            either: shape.has_both(field.offset),
            is_initial_map: field.name == "initial_map",
        };
        shape.fields.iter().map(planned).collect()
    }

    fn properties_of(&mut self, map: &MapInfo) -> Option<Vec<PlannedProperty>> {
        let heap = self.heap;
        if !map.is_receiver(heap.layout) || map.kind == heap.layout.types.js_proxy || map.is_dictionary() {
            return None;
        }
        let mut planned = Vec::new();
        for Descriptor { key, place, is_accessor, is_number, .. } in heap.described_properties(map) {
            // What is known to be a number is no edge of the object's, but of V8's own.
            if is_number {
                continue;
            }
            let Some(name) = self.property_name(key) else { continue };
            let place = match place {
                Place::Inside(_) | Place::Beside(_) if is_accessor => return None,
                Place::Inside(offset) => PlannedPlace::Inside((offset / 8) as usize),
                Place::Beside(offset) => PlannedPlace::Beside((offset / 8) as usize),
                Place::Descriptor(word) => {
                    for (name, word) in
                        self.edges_of_property(&name, word, heap.property_value(word, is_accessor))
                    {
                        if let Some(node) = self.node_of(word) {
                            planned.push(PlannedProperty { name, place: PlannedPlace::Node(node) });
                        }
                    }
                    continue;
                }
            };
            planned.push(PlannedProperty { name: self.graph.name(&name), place });
        }
        Some(planned)
    }

    /// The edges of a property whose value is known: one for what it holds, or for each of its functions.
    pub(super) fn edges_of_property(
        &mut self,
        name: &str,
        word: u64,
        value: PropertyValue,
    ) -> Vec<(NameIndex, u64)> {
        match value {
            PropertyValue::Data(word) => vec![(self.graph.name(name), word)],
            PropertyValue::Accessor(getter, setter) => {
                let mut edges = vec![(self.graph.name(name), word)];
                for (half, word) in [("get", getter), ("set", setter)] {
                    if word != tag(self.heap.roots.undefined) && word != tag(self.heap.roots.null) {
                        // V8 has one name for both halves under a symbol.
                        let whole = match name.starts_with("<symbol") {
                            true => self.graph.name(name),
                            false => self.graph.name(&format!("{half} {name}")),
                        };
                        edges.push((whole, word));
                    }
                }
                edges
            }
            PropertyValue::Native(_) | PropertyValue::Missing => Vec::new(),
        }
    }

    /// The properties and the prototype of an object of the language.
    pub(super) fn properties(&mut self, here: &Here<'_>) {
        match &here.plan.properties {
            Some(planned) => self.planned_properties(here, planned),
            None => self.each_property(here.address),
        }
        if let Some(node) = here.plan.prototype {
            self.graph.edge_named(EdgeKind::Property, self.held.proto, NodeIndex(node));
        }
    }

    fn planned_properties(&mut self, here: &Here<'_>, planned: &[PlannedProperty]) {
        let mut beside = None;
        for property in planned {
            let word = match property.place {
                PlannedPlace::Inside(at) => {
                    let Some(word) = here.word(at) else { continue };
                    if word & 1 == 1 {
                        self.visit(at as u64 * 8);
                    }
                    word
                }
                PlannedPlace::Beside(at) => {
                    let heap = self.heap;
                    let store = *beside.get_or_insert_with(|| property_store(heap, here));
                    let Some(word) = store.get(at) else { continue };
                    u64::from_le_bytes(*word)
                }
                PlannedPlace::Node(node) => {
                    self.graph.edge_named(EdgeKind::Property, property.name, NodeIndex(node));
                    continue;
                }
            };
            self.named(word, property.name);
        }
    }
}

/// The words of an object's array of properties, as far as they are in use.
fn property_store<'h>(heap: &'h Heap<'_>, here: &Here<'_>) -> &'h [[u8; 8]] {
    let word = here.field(heap.layout.fields.js_properties);
    let store = word.filter(|word| is_strong(*word)).and_then(|word| heap.rest_of_page(untag(word)));
    let (words, _) = store.unwrap_or_default().as_chunks::<8>();
    let word = |at: usize| words.get(at).map(|word| u64::from_le_bytes(*word));
    let kind = word(0).and_then(|map| heap.map_at_word(map)).map(|map| map.kind);
    if kind != Some(heap.layout.types.property_array) {
        return &[];
    }
    let length = word(1).and_then(count).unwrap_or(0) & 0x3ff;
    &words[..words.len().min(length as usize + 2)]
}
