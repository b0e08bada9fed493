//! All objects with properties, by class and set of properties.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use rustc_hash::FxHashMap;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::value::hex;
use crate::heap::{Heap, Liveness, MapInfo};
use crate::object::ClassNames;

/// Objects of one class with the same properties.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClassRow {
    /// The class; names may repeat, with other properties.
    pub name: String,
    /// How many objects.
    pub count: u64,
    /// Their own sizes together, bytes; what their properties and elements take outside of them is not in it.
    pub shallow_size: u64,
    /// The address of one of them.
    #[serde(serialize_with = "address", deserialize_with = "from_address")]
    pub representative: u64,
    /// The names of their own properties.
    pub properties: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn address<S: Serializer>(address: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(*address))
}

fn from_address<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    let text = String::deserialize(deserializer)?;
    let digits = text.strip_prefix("0x").ok_or_else(|| D::Error::custom("an address begins with 0x"))?;
    u64::from_str_radix(digits, 16).map_err(D::Error::custom)
}

/// All rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Classes {
    /// Those with most objects first.
    pub classes: Vec<ClassRow>,
    /// Objects in all rows.
    pub object_count: u64,
    /// Their own sizes together, bytes.
    pub shallow_size: u64,
}

#[derive(Default)]
struct Group {
    count: u64,
    size: u64,
    representative: u64,
}

impl Group {
    fn add(&mut self, object: u64, size: u64) {
        self.count += 1;
        self.size += size;
        if self.representative == 0 {
            self.representative = object;
        }
    }
}

/// Groups the live objects, or with no liveness all that the memory holds. `progress` is asked now and then whether
/// to go on; `None` if not.
pub fn find_objects(
    heap: &Heap<'_>,
    classes: &ClassNames<'_, '_>,
    live: Option<&Liveness>,
    progress: &mut dyn FnMut() -> ControlFlow<()>,
) -> Option<Classes> {
    // Objects of one map have one class and the same properties, unless these are in the objects themselves.
    let mut by_map: FxHashMap<u64, (MapInfo, Option<Group>)> = FxHashMap::default();
    let mut rows: BTreeMap<(String, Vec<String>), Group> = BTreeMap::new();
    let objects: Box<dyn Iterator<Item = u64>> = match live {
        Some(live) => Box::new(live.objects(heap)),
        None => Box::new(heap.objects()),
    };
    for (i, object) in objects.enumerate() {
        if i % (1 << 20) == 0 && progress().is_break() {
            return None;
        }
        let Some(map) = heap.map_of(object).filter(|map| map.is_receiver(heap.layout)) else { continue };
        let size = map.instance_size;
        let (_, group) = by_map.entry(map.address).or_insert_with(|| {
            let alike = !map.is_dictionary() && !classes.depends_on_content(&map);
            (map, alike.then(Group::default))
        });
        match group {
            Some(group) => group.add(object, size),
            None => {
                let key = (classes.of_object(object, &map), classes.property_names(object));
                rows.entry(key).or_default().add(object, size);
            }
        }
    }
    for (map, group) in by_map.into_values() {
        let Some(group) = group else { continue };
        let object = group.representative;
        let key = (classes.of_object(object, &map), classes.property_names(object));
        let row = rows.entry(key).or_default();
        row.count += group.count;
        row.size += group.size;
        // The one with the lowest address, so that the answer is always the same.
        if row.representative == 0 || row.representative > object {
            row.representative = object;
        }
    }
    let rows = rows.into_iter().map(|((name, properties), group)| ClassRow {
        name,
        count: group.count,
        shallow_size: group.size,
        representative: group.representative,
        properties,
    });
    let mut classes: Vec<_> = rows.collect();
    classes.sort_by(|a, b| b.count.cmp(&a.count).then_with(|| a.name.cmp(&b.name)));
    Some(Classes {
        object_count: classes.iter().map(|row| row.count).sum(),
        shallow_size: classes.iter().map(|row| row.shallow_size).sum(),
        classes,
    })
}
