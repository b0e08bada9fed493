//! What each kind of object has besides properties.

use super::describe::Describer;
use super::value::{MemberKind, Value, ValueKind};
use crate::heap::words::{count, small_integer, untag};
use crate::object::Entry;

impl Describer<'_, '_> {
    pub(super) fn detail(&self, object: u64, value: &mut Value, depth: u32) {
        let heap = self.heap;
        let fields = &heap.layout.fields;
        let inner: &[(&str, u64)] = match value.kind {
            ValueKind::Function => {
                self.function(object, value, depth);
                &[]
            }
            ValueKind::BoundFunction => &[
                ("target", fields.bound_target),
                ("this", fields.bound_this),
                ("arguments", fields.bound_arguments),
            ],
            ValueKind::Proxy => &[("target", fields.proxy_target), ("handler", fields.proxy_handler)],
            ValueKind::WeakRef => &[("target", fields.weak_ref_target)],
            ValueKind::Wrapper => &[("value", fields.wrapper_value)],
            ValueKind::Generator => {
                &[("function", fields.generator_function), ("receiver", fields.generator_receiver)]
            }
            _ => &[],
        };
        if depth > 0 {
            for (name, offset) in inner {
                if let Ok(word) = heap.field(object, *offset) {
                    value.add(*name, MemberKind::Internal, self.value(word, depth - 1));
                }
            }
        }
        self.content(object, value, depth);
    }

    fn content(&self, object: u64, value: &mut Value, depth: u32) {
        let heap = self.heap;
        let fields = &heap.layout.fields;
        let text = |word: u64| heap.name_text(heap.target(word)?);
        match value.kind {
            ValueKind::Array => value.length = self.array_length(object),
            ValueKind::Map | ValueKind::Set => self.entries(object, value, depth),
            ValueKind::WeakMap | ValueKind::WeakSet => self.weak_entries(object, value, depth),
            ValueKind::Date => value.text = self.date(object),
            ValueKind::RegExp => {
                let source = heap.field(object, fields.regexp_source).ok().and_then(text);
                value.text = source.map(|source| format!("/{source}/{}", self.regexp_flags(object)));
            }
            ValueKind::Promise => self.promise(object, value, depth),
            ValueKind::Generator => self.generator(object, value),
            ValueKind::Error => {
                let message = heap.properties(object).into_iter().find_map(|property| {
                    let is_message = heap.key_text(property.key).as_deref() == Some("message");
                    match property.value {
                        crate::object::PropertyValue::Data(word) if is_message => text(word),
                        _ => None,
                    }
                });
                value.text = message;
            }
            ValueKind::ArrayBuffer => value.length = heap.field(object, fields.array_buffer_byte_length).ok(),
            ValueKind::DataView => value.length = heap.field(object, fields.view_byte_length).ok(),
            ValueKind::TypedArray => {
                value.length = Some(heap.elements(object, 0).length);
                let is_buffer =
                    value.class.as_deref() == Some("Buffer") || value.class.as_deref() == Some("FastBuffer");
                if is_buffer {
                    value.text = self.buffer_text(object);
                }
            }
            _ => {}
        }
    }

    fn array_length(&self, array: u64) -> Option<u64> {
        let word = self.heap.field(array, self.heap.layout.fields.js_array_length).ok()?;
        count(word).or_else(|| self.heap.number(word).map(|number| number as u64))
    }

    fn function(&self, function: u64, value: &mut Value, depth: u32) {
        let heap = self.heap;
        let Some(info) = heap.function(function) else { return };
        let place = info.place.map(|place| {
            let script = place.script.unwrap_or_else(|| "(no name)".to_owned());
            let at = [place.line, place.column].into_iter().flatten().map(|number| format!(":{number}"));
            format!(" at {script}{}", at.collect::<String>())
        });
        let name = if info.name.is_empty() { "(anonymous)" } else { info.name.as_str() };
        value.text = Some(format!("{name}{}", place.unwrap_or_default()));
        let context = heap.field(function, heap.layout.fields.function_context).ok();
        if let Some(context) = context.and_then(|word| heap.target(word)) {
            self.variables(context, value, depth);
        }
    }

    fn entries(&self, object: u64, value: &mut Value, depth: u32) {
        let heap = self.heap;
        let is_map = value.kind == ValueKind::Map;
        let table = heap.field(object, heap.layout.fields.collection_table).ok();
        let Some(table) = table.and_then(|word| heap.target(word)) else { return };
        self.add_entries(heap.ordered_table(table, is_map), is_map, value, depth);
    }

    fn weak_entries(&self, object: u64, value: &mut Value, depth: u32) {
        let heap = self.heap;
        let is_map = value.kind == ValueKind::WeakMap;
        let table = heap.field(object, heap.layout.fields.collection_table).ok();
        let Some(table) = table.and_then(|word| heap.target(word)) else { return };
        self.add_entries(heap.ephemerons(table), is_map, value, depth);
    }

    fn add_entries(&self, entries: Vec<Entry>, is_map: bool, value: &mut Value, depth: u32) {
        value.length = Some(entries.len() as u64);
        if depth == 0 {
            return;
        }
        value.omitted += entries.len().saturating_sub(self.limits.elements) as u64;
        for (i, entry) in entries.into_iter().enumerate().take(self.limits.elements) {
            if is_map {
                // A key may be anything: it is told as a member of its own, before its value.
                value.add(format!("key {i}"), MemberKind::Entry, self.value(entry.key, depth - 1));
                value.add(format!("value {i}"), MemberKind::Entry, self.value(entry.value, depth - 1));
            } else {
                value.add(i.to_string(), MemberKind::Entry, self.value(entry.key, depth - 1));
            }
        }
    }

    fn date(&self, object: u64) -> Option<String> {
        let heap = self.heap;
        let word = heap.field(object, heap.layout.fields.date_value).ok()?;
        let milliseconds = match heap.layout.fields.date_is_raw {
            1 => f64::from_bits(word),
            _ => heap.number(word)?,
        };
        Some(date_text(milliseconds))
    }

    fn regexp_flags(&self, object: u64) -> String {
        let heap = self.heap;
        let word = heap.field(object, heap.layout.fields.regexp_flags).unwrap_or(0);
        let flags = small_integer(word).unwrap_or(0);
        let letters = "gimyusdlv".chars().enumerate();
        let mut set: Vec<char> =
            letters.filter(|(bit, _)| flags >> bit & 1 == 1).map(|(_, letter)| letter).collect();
        set.sort_unstable();
        set.into_iter().collect()
    }

    fn promise(&self, object: u64, value: &mut Value, depth: u32) {
        let heap = self.heap;
        let fields = &heap.layout.fields;
        let flags = heap.field(object, fields.promise_flags).ok().and_then(small_integer).unwrap_or(0);
        let state = ["pending", "fulfilled", "rejected", "?"][(flags & 3) as usize];
        value.text = Some(state.to_owned());
        if depth > 0
            && let Ok(word) = heap.field(object, fields.promise_result)
        {
            let name = ["reactions", "value", "reason", "?"][(flags & 3) as usize];
            value.add(name, MemberKind::Internal, self.value(word, depth - 1));
        }
    }

    /// The function of a generator or an async function, and whether it waits.
    fn generator(&self, object: u64, value: &mut Value) {
        let heap = self.heap;
        let fields = &heap.layout.fields;
        let function = heap.field(object, fields.generator_function).ok().map(untag);
        let name = function.and_then(|function| heap.function(function)).map(|info| info.name);
        let position = heap.field(object, fields.generator_position).ok().and_then(small_integer);
        let state = match position {
            Some(-2) => "running",
            Some(-1) => "closed",
            Some(_) => "suspended",
            None => "?",
        };
        value.text = Some(format!("{} ({state})", name.unwrap_or_default()));
    }

    /// The beginning of a buffer as text, if it is text.
    fn buffer_text(&self, object: u64) -> Option<String> {
        use process_memory::ReadExt;
        let heap = self.heap;
        let length = heap.field(object, heap.layout.fields.view_byte_length).ok()?;
        let data = heap.typed_data(object)?;
        let bytes = heap.memory.bytes_at(data, length.min(self.limits.string)).ok()?;
        String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
    }
}

/// Milliseconds since 1970 as ISO 8601, the way `toISOString` writes them.
fn date_text(milliseconds: f64) -> String {
    if !milliseconds.is_finite() || milliseconds.abs() > 8.64e15 {
        return "Invalid Date".to_owned();
    }
    let whole = milliseconds as i64;
    let (days, rest) = (whole.div_euclid(86_400_000), whole.rem_euclid(86_400_000));
    // Days to a date, with years that start in March (the leap day is then the last one).
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (seconds, milliseconds) = (rest / 1000, rest % 1000);
    let clock = format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
    let year = match year {
        0..=9999 => format!("{year:04}"),
        _ => format!("{}{:06}", if year < 0 { '-' } else { '+' }, year.abs()),
    };
    format!("{year}-{month:02}-{day:02}T{clock}.{milliseconds:03}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_javascript_writes_them() {
        assert_eq!(date_text(0.0), "1970-01-01T00:00:00.000Z");
        assert_eq!(date_text(1_700_000_000_123.0), "2023-11-14T22:13:20.123Z");
        assert_eq!(date_text(-1.0), "1969-12-31T23:59:59.999Z");
        assert_eq!(date_text(951_782_400_000.0), "2000-02-29T00:00:00.000Z");
        assert_eq!(date_text(8.64e15), "+275760-09-13T00:00:00.000Z");
        assert_eq!(date_text(f64::NAN), "Invalid Date");
    }
}
