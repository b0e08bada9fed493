//! Who refers to an object.

use serde::{Serialize, Serializer};

use super::value::hex;
use crate::heap::words::{is_weak, tag};
use crate::heap::{Heap, Liveness};
use crate::object::{ClassNames, Element, PropertyValue};

/// An object that refers to another one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reference {
    /// Its address.
    #[serde(serialize_with = "address")]
    pub from: u64,
    /// Its class, or the name of V8's own kind of object.
    pub class: String,
    /// How it refers: a property's name, `[3]` for an element, a variable's name, or an offset of V8's own.
    pub how: String,
    /// Whether the reference keeps nothing alive.
    pub weak: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn address<S: Serializer>(address: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(*address))
}

/// The objects with a reference to `target`, live ones only if `live` is given. Parts that belong to one object (its
/// array of properties, of elements, a map's table) are followed to that object.
pub fn find_references(
    heap: &Heap<'_>,
    classes: &ClassNames<'_, '_>,
    live: Option<&Liveness>,
    target: u64,
) -> Vec<Reference> {
    let mut found = Vec::new();
    let mut wanted = vec![(target, None)];
    let mut seen = std::collections::BTreeSet::from([target]);
    // Twice at most: from the object to a part, from the part to its owner.
    for _ in 0..2 {
        let parts = scan(heap, classes, live, &wanted, &mut found);
        wanted = parts.into_iter().filter(|(part, _)| seen.insert(*part)).collect();
        if wanted.is_empty() {
            break;
        }
    }
    found.sort_by(|a, b| (&a.class, &a.how, a.from).cmp(&(&b.class, &b.how, b.from)));
    found.dedup();
    found
}

/// One pass over the heap. Answers the parts (arrays of properties and elements, tables) that refer to what is wanted,
/// with what was wanted in them.
fn scan(
    heap: &Heap<'_>,
    classes: &ClassNames<'_, '_>,
    live: Option<&Liveness>,
    wanted: &[(u64, Option<u64>)],
    found: &mut Vec<Reference>,
) -> Vec<(u64, Option<u64>)> {
    let mut parts = Vec::new();
    let mut words: Vec<u64> = wanted.iter().map(|(object, _)| *object).collect();
    words.sort_unstable();
    let objects: Box<dyn Iterator<Item = u64>> = match live {
        Some(live) => Box::new(live.objects(heap)),
        None => Box::new(heap.objects()),
    };
    for object in objects {
        let Some((map, size)) =
            heap.map_of(object).and_then(|map| Some((map, heap.size_with(object, &map)?)))
        else {
            continue;
        };
        if heap.is_raw(&map) {
            continue;
        }
        let Some(bytes) = heap.rest_of_page(object) else { continue };
        let (body, _) = bytes[..bytes.len().min(size as usize)].as_chunks::<8>();
        for (i, word) in body.iter().enumerate().skip(1) {
            let word = u64::from_le_bytes(*word);
            if word & 1 == 0 || words.binary_search(&(word & !3)).is_err() {
                continue;
            }
            let through = wanted.iter().find(|(part, _)| *part == word & !3);
            let meant = through.and_then(|(_, meant)| *meant).unwrap_or(word & !3);
            if map.is_receiver(heap.layout) || map.is_context(heap.layout) {
                let how = how(heap, object, meant).unwrap_or_else(|| format!("+{}", i * 8));
                let class = classes.of(object).unwrap_or_else(|| heap.type_name(map.kind));
                found.push(Reference { from: object, class, how, weak: is_weak(word) });
            } else if through.is_some_and(|(_, meant)| meant.is_none()) {
                parts.push((object, Some(meant)));
                if !heap.is_part(&map) {
                    let class = heap.type_name(map.kind);
                    let how = format!("+{}", i * 8);
                    found.push(Reference { from: object, class, how, weak: is_weak(word) });
                }
            }
        }
    }
    parts
}

/// The name under which an object holds another.
fn how(heap: &Heap<'_>, object: u64, target: u64) -> Option<String> {
    let word = tag(target);
    if heap.map_of(object)?.is_context(heap.layout) {
        let variables = heap.context_variables(object);
        let (name, _) = variables.into_iter().find(|(_, value)| *value == word)?;
        return heap.key_text(name);
    }
    for property in heap.properties(object) {
        let holds = match property.value {
            PropertyValue::Data(value) => value == word,
            PropertyValue::Accessor(getter, setter) => getter == word || setter == word,
            _ => false,
        };
        if holds {
            return heap.key_text(property.key);
        }
    }
    let elements = heap.elements(object, usize::MAX >> 8);
    let element = elements.entries.iter().find(|(_, element)| *element == Element::Tagged(word));
    if let Some((index, _)) = element {
        return Some(format!("[{index}]"));
    }
    let table = heap.target(heap.field(object, heap.layout.fields.collection_table).ok()?)?;
    let types = &heap.layout.types;
    let kind = heap.kind_of(object)?;
    let entries = match kind {
        _ if kind == types.js_map => heap.ordered_table(table, true),
        _ if kind == types.js_set => heap.ordered_table(table, false),
        _ if kind == types.js_weak_map || kind == types.js_weak_set => heap.ephemerons(table),
        _ => return None,
    };
    let entry = entries.iter().find(|entry| entry.key == word || entry.value == word)?;
    if entry.key == word {
        return Some("(key)".to_owned());
    }
    Some(format!("(value of {})", heap.key_text(entry.key).unwrap_or_else(|| "an object".to_owned())))
}
