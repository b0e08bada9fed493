//! Elements: what an object has under indexes.

use crate::heap::words::count;
use crate::heap::{Heap, MapInfo};

/// One element.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Element {
    /// A value, tagged.
    Tagged(u64),
    /// A number.
    Number(f64),
    /// A 64-bit integer of a typed array.
    Integer(i128),
}

/// The elements that an object has, without holes.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Elements {
    /// Indexes and elements in order, up to the limit.
    pub entries: Vec<(u64, Element)>,
    /// The length: of an array its own, else behind the last index.
    pub length: u64,
    /// Why some could not be read.
    pub missing: Option<String>,
}

/// The kinds of typed arrays, name and bytes of an element, in the order of V8's numbers for them.
const OLDER: [(&str, u64); 11] = [
    ("Uint8Array", 1),
    ("Int8Array", 1),
    ("Uint16Array", 2),
    ("Int16Array", 2),
    ("Uint32Array", 4),
    ("Int32Array", 4),
    ("Float32Array", 4),
    ("Float64Array", 8),
    ("Uint8ClampedArray", 1),
    ("BigUint64Array", 8),
    ("BigInt64Array", 8),
];

/// The same in newer versions.
const NEWER: [(&str, u64); 12] = [
    ("Uint8Array", 1),
    ("Int8Array", 1),
    ("Uint16Array", 2),
    ("Int16Array", 2),
    ("Uint32Array", 4),
    ("Int32Array", 4),
    ("BigUint64Array", 8),
    ("BigInt64Array", 8),
    ("Uint8ClampedArray", 1),
    ("Float32Array", 4),
    ("Float64Array", 8),
    ("Float16Array", 2),
];

/// The NaN that marks a hole among doubles.
const HOLE_NAN: u64 = 0xfff7_ffff_fff7_ffff;

impl Heap<'_> {
    fn typed_kind(&self, map: &MapInfo) -> Option<(&'static str, u64)> {
        // Arguments (two kinds) and string wrappers (two) stand between sparse elements and typed arrays.
        let first = self.layout.fields.dictionary_elements + 5;
        let index = u64::from(map.elements_kind()).checked_sub(first)?;
        let order: &[(&str, u64)] = if self.layout.fields.typed_order == 1 { &NEWER } else { &OLDER };
        order.get(index as usize).copied()
    }

    /// `Uint8Array` and so on.
    pub(crate) fn typed_array_name(&self, map: &MapInfo) -> &'static str {
        self.typed_kind(map).map_or("TypedArray", |kind| kind.0)
    }

    /// The first `limit` elements of an object.
    pub fn elements(&self, object: u64, limit: usize) -> Elements {
        let Some(map) = self.map_of(object).filter(|map| map.is_receiver(self.layout)) else {
            return Elements::default();
        };
        let (fields, types) = (&self.layout.fields, &self.layout.types);
        if map.kind == types.js_typed_array {
            return self.typed_elements(object, &map, limit);
        }
        if map.kind == types.js_proxy {
            return Elements::default();
        }
        let store = self.field(object, fields.js_elements).ok().and_then(|word| self.target(word));
        let Some(store) = store else { return Elements::default() };
        let own_length = (map.kind == types.js_array)
            .then(|| self.field(object, fields.js_array_length).ok())
            .flatten()
            .and_then(|word| count(word).or_else(|| self.number(word).map(|number| number as u64)));
        let mut entries = self.stored(store, own_length, limit);
        let behind_last = entries.last().map_or(0, |(index, _)| index + 1);
        entries.truncate(limit);
        Elements { entries, length: own_length.unwrap_or(behind_last), missing: None }
    }

    fn stored(&self, store: u64, length: Option<u64>, limit: usize) -> Vec<(u64, Element)> {
        let types = &self.layout.types;
        let kind = self.kind_of(store).unwrap_or(0);
        let most = length.map_or(limit, |length| (length as usize).min(limit.saturating_mul(8)));
        if kind == types.number_dictionary {
            let mut entries = self.number_dictionary(store);
            entries.sort_by_key(|entry| self.number(entry.key).unwrap_or(0.0) as u64);
            let number = |entry: &super::Entry| self.number(entry.key).unwrap_or(0.0) as u64;
            return entries.iter().map(|entry| (number(entry), Element::Tagged(entry.value))).collect();
        }
        let words = self.array_words(store).into_iter().enumerate();
        if kind == types.fixed_double_array {
            let full = words.take(most).filter(|(_, word)| *word != HOLE_NAN);
            return full.map(|(i, word)| (i as u64, Element::Number(f64::from_bits(word)))).collect();
        }
        if kind == types.sloppy_arguments_elements {
            return self.mapped_arguments(store, limit);
        }
        // Frozen and sealed arrays, arguments, plain objects: all are plain arrays of values.
        let full = words.take(most).filter(|(_, word)| !self.is_hole(*word));
        full.map(|(i, word)| (i as u64, Element::Tagged(word))).collect()
    }

    /// Arguments that are also variables: `{context, values, slots of the context}`.
    fn mapped_arguments(&self, store: u64, limit: usize) -> Vec<(u64, Element)> {
        let length = self.field(store, 8).ok().and_then(count).unwrap_or(0).min(limit as u64);
        let part = |offset| self.field(store, offset).ok().and_then(|word| self.target(word));
        let (Some(context), Some(values)) = (part(16), part(24)) else { return Vec::new() };
        let (context, values) = (self.array_words(context), self.array_words(values));
        let shown = (values.len() as u64).min(limit as u64).max(length);
        let at = |i: u64| {
            let slot = (i < length).then(|| self.field(store, 32 + 8 * i).ok().and_then(count)).flatten();
            let mapped = slot.and_then(|slot| context.get(slot as usize).copied());
            let word = mapped.or_else(|| values.get(i as usize).copied())?;
            (!self.is_hole(word)).then_some((i, Element::Tagged(word)))
        };
        (0..shown).filter_map(at).collect()
    }

    /// The address of a typed array's first byte.
    pub fn typed_data(&self, object: u64) -> Option<u64> {
        let fields = &self.layout.fields;
        let base = self.field(object, fields.typed_base_pointer).ok()?;
        let external = self.field(object, fields.typed_external_pointer).ok()?;
        Some(base.wrapping_add(external))
    }

    fn typed_elements(&self, object: u64, map: &MapInfo, limit: usize) -> Elements {
        use process_memory::ReadExt;
        let fields = &self.layout.fields;
        let Some((name, size)) = self.typed_kind(map) else { return Elements::default() };
        let bytes = self.field(object, fields.view_byte_length).unwrap_or(0);
        let length = bytes / size;
        let shown = length.min(limit as u64);
        let data = self.typed_data(object).unwrap_or(0);
        let (raw, missing) = match self.memory.bytes_at(data, shown * size) {
            Ok(raw) => (raw, None),
            Err(gap) => (Vec::new(), Some(gap.to_string())),
        };
        let element = |bytes: &[u8]| typed_element(name, bytes);
        let entries =
            raw.chunks_exact(size as usize).enumerate().map(|(i, bytes)| (i as u64, element(bytes)));
        Elements { entries: entries.collect(), length, missing }
    }
}

fn typed_element(name: &str, bytes: &[u8]) -> Element {
    let mut word = [0; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    let unsigned = u64::from_le_bytes(word);
    let shift = 64 - 8 * bytes.len() as u32;
    let signed = ((unsigned << shift) as i64) >> shift;
    match name {
        "Float32Array" => Element::Number(f64::from(f32::from_bits(unsigned as u32))),
        "Float64Array" => Element::Number(f64::from_bits(unsigned)),
        "Float16Array" => Element::Number(half_float(unsigned as u16)),
        _ if name.contains("Uint") => Element::Integer(i128::from(unsigned)),
        _ => Element::Integer(i128::from(signed)),
    }
}

/// IEEE 754 binary16.
fn half_float(bits: u16) -> f64 {
    let sign = if bits >> 15 == 1 { -1.0 } else { 1.0 };
    let (exponent, fraction) = (i32::from(bits >> 10 & 31), f64::from(bits & 1023));
    sign * match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1.0 + fraction / 1024.0) * 2f64.powi(exponent - 15),
    }
}
