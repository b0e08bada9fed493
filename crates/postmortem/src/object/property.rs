//! Named properties: in the object, beside it, or in a dictionary.

use crate::heap::words::{count, is_strong, small_integer, tag, untag};
use crate::heap::{Heap, MapInfo};

/// What a property has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PropertyValue {
    /// A value, tagged.
    Data(u64),
    /// Functions: getter and setter, tagged.
    Accessor(u64, u64),
    /// Computed by V8 itself (an array's `length`): the accessor object.
    Native(u64),
    /// The memory that should hold it is not there.
    Missing,
}

/// A property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Property {
    /// Its name, tagged: a string or a symbol.
    pub key: u64,
    /// Its value.
    pub value: PropertyValue,
    /// Bit 0 read-only, bit 1 not enumerable, bit 2 not configurable.
    pub attributes: u8,
    /// What the object has there, tagged: the value, or what stands for its accessors. 0 if it is missing.
    pub word: u64,
    /// Where in the object it lies, in bytes; `None` for one that lies elsewhere.
    pub offset: Option<u64>,
    /// Whether its field is known to hold numbers only.
    pub is_number: bool,
}

/// What V8's details of a property say.
struct Details(u64);

impl Details {
    fn is_accessor(&self) -> bool {
        self.0 & 1 == 1
    }

    fn attributes(&self) -> u8 {
        (self.0 >> 2 & 7) as u8
    }

    fn is_in_descriptor(&self) -> bool {
        self.0 >> 5 & 1 == 1
    }

    /// The field's representation: 1 small integers, 2 doubles.
    fn is_number(&self) -> bool {
        !self.is_in_descriptor() && matches!(self.0 >> 6 & 7, 1 | 2)
    }

    fn field_index(&self) -> u64 {
        self.0 >> 19 & 0x3ff
    }
}

impl Heap<'_> {
    /// The words of a map's own descriptors: key, details, value each.
    pub(crate) fn descriptors(&self, map: &MapInfo) -> Vec<[u64; 3]> {
        let fields = &self.layout.fields;
        let Ok(array) = self.field(map.address, fields.map_descriptors) else { return Vec::new() };
        if !is_strong(array) {
            return Vec::new();
        }
        let array = untag(array);
        let types = &self.layout.types;
        let kind = self.kind_of(array);
        if kind != Some(types.descriptor_array) && kind != Some(types.strong_descriptor_array) {
            return Vec::new();
        }
        let Some(bytes) = self.rest_of_page(array.saturating_add(fields.descriptors_header)) else {
            return Vec::new();
        };
        let (words, _) = bytes.as_chunks::<8>();
        let (triples, _) = words.as_chunks::<3>();
        let own = triples.iter().take(map.own_descriptors() as usize);
        own.map(|triple| triple.map(u64::from_le_bytes)).collect()
    }

    /// The object's own named properties, in V8's order.
    pub fn properties(&self, object: u64) -> Vec<Property> {
        let Some(map) = self.map_of(object).filter(|map| map.is_receiver(self.layout)) else {
            return Vec::new();
        };
        if map.kind == self.layout.types.js_proxy {
            return Vec::new();
        }
        if map.is_dictionary() {
            return self.slow_properties(object);
        }
        let store = self.field(object, self.layout.fields.js_properties).ok();
        let fast = |[key, details, value]: [u64; 3]| {
            let details = Details(count(details)?);
            let word = match details.is_in_descriptor() {
                true => Some(value),
                false => self.field_of(object, &map, store, details.field_index()),
            };
            let inside = !details.is_in_descriptor() && details.field_index() < map.inobject_count();
            Some(Property {
                key,
                value: self.property_value(word, details.is_accessor()),
                attributes: details.attributes(),
                word: word.unwrap_or(0),
                offset: inside.then(|| 8 * (u64::from(map.inobject_start) + details.field_index())),
                is_number: details.is_number(),
            })
        };
        self.descriptors(&map).into_iter().filter_map(fast).collect()
    }

    fn slow_properties(&self, object: u64) -> Vec<Property> {
        let store = self.field(object, self.layout.fields.js_properties).ok();
        let Some(table) = store.and_then(|word| self.target(word)) else { return Vec::new() };
        let mut entries = self.name_dictionary(table);
        // From bit 8 on: the order in which properties were added.
        entries.sort_by_key(|entry| entry.details >> 8);
        let property = |entry: super::Entry| {
            let details = Details(entry.details);
            Property {
                key: entry.key,
                value: self.property_value(Some(entry.value), details.is_accessor()),
                attributes: details.attributes(),
                word: entry.value,
                offset: None,
                is_number: false,
            }
        };
        entries.into_iter().map(property).collect()
    }

    /// A property in a field: the first ones lie in the object, the others in its array of properties.
    fn field_of(&self, object: u64, map: &MapInfo, store: Option<u64>, index: u64) -> Option<u64> {
        let inside = map.inobject_count();
        if index < inside {
            return self.field(object, 8 * (u64::from(map.inobject_start) + index)).ok();
        }
        let array = self.target(store?)?;
        if self.kind_of(array) != Some(self.layout.types.property_array) {
            return None;
        }
        let length = self.field(array, 8).ok().and_then(small_integer)? & 0x3ff;
        let index = index - inside;
        if index >= length as u64 {
            return None;
        }
        self.field(array, 16 + 8 * index).ok()
    }

    fn property_value(&self, word: Option<u64>, is_accessor: bool) -> PropertyValue {
        let Some(word) = word else { return PropertyValue::Missing };
        if !is_accessor {
            return PropertyValue::Data(word);
        }
        let fields = &self.layout.fields;
        match self.target(word) {
            Some(pair) if self.kind_of(pair) == Some(self.layout.types.accessor_pair) => {
                let half = |offset| self.field(pair, offset).unwrap_or(tag(self.roots.undefined));
                PropertyValue::Accessor(half(fields.accessor_getter), half(fields.accessor_setter))
            }
            _ => PropertyValue::Native(word),
        }
    }

    /// The value of an own data property by the address of its name.
    pub fn own_data(&self, object: u64, key: u64) -> Option<u64> {
        let found = self.properties(object).into_iter().find(|property| property.key == tag(key))?;
        match found.value {
            PropertyValue::Data(word) => Some(word),
            _ => None,
        }
    }

    /// The object's prototype, if it is an object.
    pub fn prototype_of(&self, map: &MapInfo) -> Option<u64> {
        let word = self.field(map.address, self.layout.fields.map_prototype).ok()?;
        let object = self.target(word)?;
        self.map_of(object)?.is_receiver(self.layout).then_some(object)
    }
}
