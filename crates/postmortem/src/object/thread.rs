//! Which of Node's threads a heap belongs to.

use rustc_hash::FxHashMap;

use super::PropertyValue;
use crate::Heap;

/// What Node's module of workers (lib/internal/worker.js) exports side by side, in all versions that are read.
const EXPORTS: [&str; 2] = ["threadId", "ownsProcessState"];

impl Heap<'_> {
    /// The number that Node gives the thread of this heap (`worker_threads.threadId`): 0 is the program's own. It is read
    /// where Node's module of workers exports it, which every thread loads before the first line of its program. `None` of a
    /// thread that has not come so far. Looks at all objects until it is found.
    pub fn thread_number(&self) -> Option<u32> {
        let mut known: FxHashMap<u64, bool> = FxHashMap::default();
        for object in self.objects() {
            let Ok(word) = self.word(object) else { continue };
            if !*known.entry(word).or_insert_with(|| self.exports_workers(word)) {
                continue;
            }
            let properties = self.properties(object);
            let its = properties.iter().find(|property| self.is_called(property.key, EXPORTS[0]));
            if let Some(PropertyValue::Data(value)) = its.map(|property| &property.value)
                && let Some(number) = self.number(*value).filter(|number| number.fract() == 0.0)
                && (0.0..=f64::from(u32::MAX)).contains(&number)
            {
                return Some(number as u32);
            }
        }
        None
    }

    /// Whether objects of a map have these properties; of tables without a map of their own that is not asked.
    fn exports_workers(&self, map: u64) -> bool {
        let Some(map) = self.map_at_word(map) else { return false };
        if !map.is_receiver(self.layout) || map.kind == self.layout.types.js_proxy || map.is_dictionary() {
            return false;
        }
        let keys: Vec<u64> = self.described_properties(&map).map(|property| property.key).collect();
        EXPORTS.iter().all(|name| keys.iter().any(|key| self.is_called(*key, name)))
    }

    fn is_called(&self, key: u64, name: &str) -> bool {
        let object = self.target(key).filter(|key| self.string_length(*key) == Some(name.len() as u64));
        object.and_then(|key| self.name_text(key)).is_some_and(|text| text == name)
    }
}
