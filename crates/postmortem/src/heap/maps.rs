//! A cache of maps.

use rustc_hash::FxHashMap;

use super::Heap;
use super::map_info::MapInfo;
use super::words::{is_strong, untag};

/// More maps than any heap has; a broken one must not fill the memory with them.
const MOST: usize = 1 << 22;

/// Places for the maps that were asked for last: objects of a few kinds refer to each other in turns.
const RECENT: usize = 64;

/// Maps that were met, by address; `None` for what is no map.
#[derive(Debug)]
pub struct Maps {
    known: FxHashMap<u64, Option<MapInfo>>,
    recent: [Option<(u64, MapInfo)>; RECENT],
}

impl Default for Maps {
    fn default() -> Self {
        Self { known: FxHashMap::default(), recent: [None; RECENT] }
    }
}

/// The place of a map word; maps lie some words apart.
fn place(word: u64) -> usize {
    (word.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (64 - RECENT.ilog2())) as usize
}

impl Maps {
    pub(crate) fn get(&mut self, heap: &Heap<'_>, word: u64) -> Option<MapInfo> {
        if let Some((its, info)) = &self.recent[place(word)]
            && *its == word
        {
            return Some(*info);
        }
        if !is_strong(word) {
            return None;
        }
        let info = match self.known.get(&word) {
            Some(info) => *info,
            None => {
                let info = read(heap, untag(word));
                if self.known.len() < MOST {
                    self.known.insert(word, info);
                }
                info
            }
        }?;
        self.recent[place(word)] = Some((word, info));
        Some(info)
    }
}

/// A map is what has a map whose instances are maps. There is one of these in each native context in some versions, so
/// the type is looked at, not the address.
fn read(heap: &Heap<'_>, address: u64) -> Option<MapInfo> {
    let meta = untag(heap.word(address).ok().filter(|word| is_strong(*word))?);
    if !address.is_multiple_of(8) || !meta.is_multiple_of(8) {
        return None;
    }
    let meta_info = MapInfo::read(heap.rest_of_page(meta)?, meta, heap.layout)?;
    if meta_info.kind != heap.layout.types.map {
        return None;
    }
    let mut info = MapInfo::read(heap.rest_of_page(address)?, address, heap.layout)?;
    (info.rule, info.body) = heap.kinds.of(info.kind);
    Some(info)
}
