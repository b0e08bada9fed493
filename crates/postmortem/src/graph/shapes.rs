//! What V8 calls the fields of its own objects, and what kind of node each of them is.
//!
//! `shapes.txt` was read off V8's snapshots of processes whose memory was at hand, so that each edge's target could be
//! found in the words of its source. A row: major versions of Node, the instance type (or its number, where V8's
//! metadata has no name for it), the kind of node, and `name@offset` for each named internal edge; `~` marks a weak one.

use rustc_hash::FxHashMap;

use super::kind_named;
use crate::heap::kind::native_context;
use crate::layout::Layout;
use heap_graph::NodeKind;

const TABLE: &str = include_str!("shapes.txt");

/// A named field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) name: &'static str,
    pub(super) offset: u64,
    pub(super) weak: bool,
}

/// What is known of a type.
#[derive(Clone, Debug)]
pub(super) struct Shape {
    pub(super) kind: NodeKind,
    pub(super) fields: Vec<Field>,
}

impl Shape {
    /// Whether what a field holds may be weak or strong.
    pub(super) fn has_both(&self, offset: u64) -> bool {
        let here = || self.fields.iter().filter(|field| field.offset == offset);
        here().any(|field| field.weak) && here().any(|field| !field.weak)
    }
}

/// Shapes by instance type.
pub(super) struct Shapes {
    by_type: FxHashMap<u16, Shape>,
}

impl Shapes {
    /// Those of the nearest version.
    pub(super) fn new(layout: &Layout) -> Self {
        let column = column(layout);
        let mut numbers: FxHashMap<&str, u16> = FxHashMap::default();
        for (number, name) in layout.metadata.type_names() {
            if let Ok(number) = u16::try_from(number) {
                numbers.insert(name, number);
            }
        }
        let mut by_type = FxHashMap::default();
        for line in TABLE.lines() {
            let mut words = line.split(' ');
            let (Some(versions), Some(name), Some(kind)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            if !versions.split(',').any(|version| version == column) {
                continue;
            }
            // A number is what it is only in its own version.
            let number = match name {
                "NATIVE_CONTEXT" => Some(native_context(&layout.fields)),
                name => name.parse().ok().or_else(|| numbers.get(name).copied()),
            };
            let Some(number) = number else { continue };
            let fields = words.filter_map(field).collect();
            by_type.insert(number, Shape { kind: kind_named(kind), fields });
        }
        Self { by_type }
    }

    /// The types that have a field of this name, and where.
    pub(super) fn with_field(&self, name: &str) -> impl Iterator<Item = (u16, u64)> {
        let offset = move |shape: &Shape| {
            shape.fields.iter().find(|field| field.name == name).map(|field| field.offset)
        };
        self.by_type.iter().filter_map(move |(kind, shape)| Some((*kind, offset(shape)?)))
    }

    pub(super) fn get(&self, kind: u16) -> Option<&Shape> {
        self.by_type.get(&kind)
    }
}

fn field(text: &'static str) -> Option<Field> {
    let (name, offset) = text.split_once('@')?;
    let weak = name.starts_with('~');
    Some(Field { name: name.trim_start_matches('~'), offset: offset.parse().ok()?, weak })
}

/// V8's versions: 10.2 in Node 18, 11.3 in 20, 12.4 in 22, 13.6 in 24, 14 in 26.
fn column(layout: &Layout) -> &'static str {
    match layout.version.major {
        ..=10 => "18",
        11 => "20",
        12 => "22",
        13 => "24",
        _ => "26",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_can_be_read() {
        for line in TABLE.lines() {
            let words: Vec<&'static str> = line.split(' ').collect();
            assert!(
                words[0].split(',').all(|version| ["18", "20", "22", "24", "26"].contains(&version)),
                "{line}"
            );
            let name = words[2].replace('-', " ");
            assert!(words[2] == "object-shape" || NodeKind::from_name(&name).is_some(), "{line}");
            for text in &words[3..] {
                let field = field(text).unwrap_or_else(|| panic!("{line}"));
                assert!(
                    field.offset.is_multiple_of(8) && field.offset > 0 && !field.name.is_empty(),
                    "{line}"
                );
            }
        }
    }
}
