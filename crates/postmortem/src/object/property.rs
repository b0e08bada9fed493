//! Named properties: in the object, beside it, or in a dictionary.

use crate::heap::words::{count, is_strong, tag, untag};
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

/// A property as a map describes it, for all objects that have the map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Descriptor {
    /// Its name, tagged.
    pub(crate) key: u64,
    pub(crate) place: Place,
    pub(crate) attributes: u8,
    pub(crate) is_accessor: bool,
    /// Whether its field is known to hold numbers only.
    pub(crate) is_number: bool,
}

/// Where the value of a property is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// At this offset in the object.
    Inside(u64),
    /// At this offset in its array of properties.
    Beside(u64),
    /// It is this word, in all objects.
    Descriptor(u64),
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

    /// The properties that a map of fast properties describes, in V8's order.
    pub(crate) fn described_properties(&self, map: &MapInfo) -> impl Iterator<Item = Descriptor> + use<> {
        let (inside, start) = (map.inobject_count(), u64::from(map.inobject_start));
        self.descriptors(map).into_iter().filter_map(move |[key, details, value]| {
            let details = Details(count(details)?);
            let index = details.field_index();
            let place = match details.is_in_descriptor() {
                true => Place::Descriptor(value),
                false if index < inside => Place::Inside(8 * (start + index)),
                // Behind the array's map and length.
                false => Place::Beside(16 + 8 * (index - inside)),
            };
            Some(Descriptor {
                key,
                place,
                attributes: details.attributes(),
                is_accessor: details.is_accessor(),
                is_number: details.is_number(),
            })
        })
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
        let fast = |described: Descriptor| {
            let (word, offset) = match described.place {
                Place::Inside(offset) => (self.field(object, offset).ok(), Some(offset)),
                Place::Beside(offset) => (self.beside(store, offset), None),
                Place::Descriptor(word) => (Some(word), None),
            };
            Property {
                key: described.key,
                value: match word {
                    Some(word) => self.property_value(word, described.is_accessor),
                    None => PropertyValue::Missing,
                },
                attributes: described.attributes,
                word: word.unwrap_or(0),
                offset,
                is_number: described.is_number,
            }
        };
        self.described_properties(&map).map(fast).collect()
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
                value: self.property_value(entry.value, details.is_accessor()),
                attributes: details.attributes(),
                word: entry.value,
                offset: None,
                is_number: false,
            }
        };
        entries.into_iter().map(property).collect()
    }

    /// A property that lies in an array of properties.
    fn beside(&self, store: Option<u64>, offset: u64) -> Option<u64> {
        let array = self.target(store?)?;
        if self.kind_of(array) != Some(self.layout.types.property_array) {
            return None;
        }
        let length = self.field(array, 8).ok().and_then(count)? & 0x3ff;
        (offset < 16 + 8 * length).then(|| self.field(array, offset).ok())?
    }

    /// What a property is that has this word.
    pub(crate) fn property_value(&self, word: u64, is_accessor: bool) -> PropertyValue {
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
