//! Maps: what V8 calls hidden classes. The first word of every object names its map.

use crate::heap::kind::{Body, FIRST_NON_STRING, SizeRule};
use crate::layout::Layout;

/// What a map says, read once.
#[derive(Debug, Clone, Copy)]
pub struct MapInfo {
    /// Address of the map.
    pub address: u64,
    /// The instance type.
    pub kind: u16,
    /// Bytes of an instance; 0 if instances differ.
    pub instance_size: u64,
    /// Where properties start, in words; for primitives something else.
    pub inobject_start: u8,
    /// Callable, undetectable, ...
    pub bit_field: u8,
    /// Elements kind and more.
    pub bit_field2: u8,
    /// Descriptors, dictionary mode and more.
    pub bit_field3: u32,
    pub(crate) rule: SizeRule,
    pub(crate) body: Body,
}

impl MapInfo {
    /// Reads a map out of its bytes (72 in all versions).
    pub(crate) fn read(bytes: &[u8], address: u64, layout: &Layout) -> Option<Self> {
        let fields = &layout.fields;
        let byte = |offset: u64| bytes.get(offset as usize).copied();
        let kind = u16::from_le_bytes([byte(fields.map_instance_type)?, byte(fields.map_instance_type + 1)?]);
        let bit_field3 = bytes.get(fields.map_bit_field3 as usize..)?.first_chunk()?;
        Some(Self {
            address,
            kind,
            instance_size: u64::from(byte(fields.map_instance_size)?) * 8,
            inobject_start: byte(fields.map_inobject_start)?,
            bit_field: byte(fields.map_bit_field)?,
            bit_field2: byte(fields.map_bit_field2)?,
            bit_field3: u32::from_le_bytes(*bit_field3),
            rule: SizeRule::Unknown,
            body: Body::Words,
        })
    }

    /// Whether instances are strings.
    pub fn is_string(&self) -> bool {
        self.kind < FIRST_NON_STRING
    }

    /// Whether instances are objects of the language: they have properties and a prototype.
    pub fn is_receiver(&self, layout: &Layout) -> bool {
        self.kind >= layout.types.js_proxy
    }

    /// Whether instances are functions (bound ones are not).
    pub fn is_function(&self, layout: &Layout) -> bool {
        (layout.types.js_function..=layout.fields.last_js_function_type as u16).contains(&self.kind)
    }

    /// Whether instances have fields of which C++ keeps what it has of them.
    pub(crate) fn is_wrapper(&self, layout: &Layout) -> bool {
        [layout.types.js_api_object, layout.types.js_special_api_object].contains(&self.kind)
    }

    /// Where the address is of an object that V8 manages for C++: since V8 13 before the other fields.
    pub(crate) fn managed_field(&self, layout: &Layout) -> Option<u64> {
        (layout.version.major >= 13).then_some(layout.fields.js_elements + 8)
    }

    /// Where these fields are in such an object: before its properties.
    pub(crate) fn embedder_fields(&self, layout: &Layout) -> impl Iterator<Item = u64> + use<> {
        let first = self.managed_field(layout).unwrap_or(layout.fields.js_elements) + 8;
        (first..8 * u64::from(self.inobject_start)).step_by(8)
    }

    /// Whether instances are contexts (scopes).
    pub fn is_context(&self, layout: &Layout) -> bool {
        let fields = &layout.fields;
        (fields.first_context_type..=fields.last_context_type).contains(&u64::from(self.kind))
    }

    /// Whether instances can be called.
    pub fn is_callable(&self) -> bool {
        self.bit_field & 2 != 0
    }

    /// How many descriptors instances have of their own.
    pub fn own_descriptors(&self) -> u64 {
        u64::from(self.bit_field3 >> 10 & 0x3ff)
    }

    /// Whether properties are in a dictionary.
    pub fn is_dictionary(&self) -> bool {
        self.bit_field3 >> 21 & 1 == 1
    }

    /// Whether the instance is a prototype, whose constructor V8 replaced.
    pub fn is_prototype(&self) -> bool {
        self.bit_field3 >> 20 & 1 == 1
    }

    /// Whether instances were made by `new C` where C is a base class.
    pub fn is_new_target_base(&self) -> bool {
        self.bit_field2 & 1 == 1
    }

    /// V8's number for the kind of elements.
    pub fn elements_kind(&self) -> u8 {
        self.bit_field2 >> 2
    }

    /// How many properties lie in the object itself.
    pub fn inobject_count(&self) -> u64 {
        (self.instance_size / 8).saturating_sub(u64::from(self.inobject_start))
    }
}
