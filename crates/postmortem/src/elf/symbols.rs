//! Symbol tables.

use std::borrow::Cow;

use super::{Elf, four, word};
use crate::bytes::{FileBytes, bytes_at};

const SHT_SYMTAB: u32 = 2;
const SHT_DYNSYM: u32 = 11;

/// A named place of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Symbol {
    /// As it is in the file, mangled.
    pub name: String,
    /// Address in the image (or offset in the image of thread-local variables).
    pub value: u64,
    /// Bytes.
    pub size: u64,
    /// `STT_*`: 1 object, 2 function, 6 thread-local.
    pub kind: u8,
}

/// The defined symbols whose names `wanted` accepts, from the dynamic table first, which survives `strip`.
pub fn symbols(file: &dyn FileBytes, elf: &Elf, wanted: impl Fn(&[u8]) -> bool) -> Vec<Symbol> {
    let mut found = Vec::new();
    each_symbol(file, elf, |entry, names| {
        let name = name_at(names, four(entry, 0));
        if wanted(name) {
            found.push(symbol(entry, name));
        }
    });
    found
}

/// For each address of the image, the symbol that it is in; tables are searched in the same order.
pub fn symbols_at(file: &dyn FileBytes, elf: &Elf, addresses: &[u64]) -> Vec<Option<Symbol>> {
    let mut order: Vec<usize> = (0..addresses.len()).collect();
    order.sort_by_key(|i| addresses[*i]);
    let mut found = vec![None; addresses.len()];
    each_symbol(file, elf, |entry, names| {
        let (value, size) = (word(entry, 8), word(entry, 16));
        let first = order.partition_point(|i| addresses[*i] < value);
        let inside = order[first..].iter().take_while(|i| addresses[**i] - value < size);
        for i in inside {
            found[*i].get_or_insert_with(|| symbol(entry, name_at(names, four(entry, 0))));
        }
    });
    found
}

/// Calls with each defined entry of the symbol tables and the names that it refers to.
fn each_symbol(file: &dyn FileBytes, elf: &Elf, mut seen: impl FnMut(&[u8], &[u8])) {
    for kind in [SHT_DYNSYM, SHT_SYMTAB] {
        for section in elf.sections.iter().filter(|section| section.kind == kind) {
            let Some(names) = elf.sections.get(section.link as usize) else { continue };
            let (Some(table), Some(names)) =
                (bytes_in(file, section.offset, section.size), bytes_in(file, names.offset, names.size))
            else {
                continue;
            };
            for entry in table.chunks_exact(24) {
                let defined = u16::from_le_bytes([entry[6], entry[7]]) != 0;
                if defined {
                    seen(entry, &names);
                }
            }
        }
    }
}

fn symbol(entry: &[u8], name: &[u8]) -> Symbol {
    Symbol {
        name: String::from_utf8_lossy(name).into_owned(),
        value: word(entry, 8),
        size: word(entry, 16),
        kind: entry[4] & 15,
    }
}

/// Tables of tens of megabytes are not copied.
fn bytes_in(file: &dyn FileBytes, offset: u64, length: u64) -> Option<Cow<'_, [u8]>> {
    let borrowed = usize::try_from(length).ok().and_then(|length| file.borrow(offset, length));
    borrowed.map(Cow::Borrowed).or_else(|| bytes_at(file, offset, length).map(Cow::Owned))
}

fn name_at(names: &[u8], offset: u32) -> &[u8] {
    let rest = names.get(offset as usize..).unwrap_or_default();
    rest.split(|byte| *byte == 0).next().unwrap_or_default()
}
