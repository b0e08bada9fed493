//! The nodes of a packed graph, in their order.

use super::NEXT_ID;
use super::bytes::Reader;
use super::shapes::{Expected, Shape, fresh};

/// A node.
#[derive(Clone, Copy)]
pub(super) struct PackedNode {
    /// The place of its shape.
    pub(super) shape: Option<usize>,
    pub(super) kind: u8,
    pub(super) name: u32,
    pub(super) id: u32,
    pub(super) self_size: u64,
    pub(super) edge_count: usize,
    /// Whether the targets of its edges are those that are expected.
    pub(super) are_expected: bool,
}

/// Reads them.
pub(super) struct Nodes<'s, C, I> {
    numbers: Reader<C, I>,
    shapes: &'s [Shape],
    expected: Vec<Expected>,
    last_id: u32,
}

impl<'s, C: AsRef<[u8]>, I: Iterator<Item = C>> Nodes<'s, C, I> {
    pub(super) fn new(numbers: Reader<C, I>, shapes: &'s [Shape]) -> Self {
        Self { numbers, shapes, expected: fresh(shapes), last_id: 0 }
    }

    #[inline]
    pub(super) fn next(&mut self) -> PackedNode {
        let first = self.numbers.next();
        let node = match (first >> 2).checked_sub(1).map(|place| place as usize) {
            None => self.without_shape(),
            Some(place) => {
                let (shape, expected) = (&self.shapes[place], &mut self.expected[place]);
                let mut id = self.last_id.wrapping_add(NEXT_ID);
                let mut name = expected.name.next();
                if first & 1 == 0 {
                    name = expected.name.behind(self.numbers.next_signed());
                    expected.self_size = expected.self_size.wrapping_add(self.numbers.next_signed() as u64);
                    id = id.wrapping_add(self.numbers.next_signed() as u32);
                }
                expected.name.go_to(name);
                PackedNode {
                    shape: Some(place),
                    kind: shape.kind,
                    name,
                    id,
                    self_size: expected.self_size,
                    edge_count: shape.labels.len(),
                    are_expected: first & 2 != 0,
                }
            }
        };
        self.last_id = node.id;
        node
    }

    fn without_shape(&mut self) -> PackedNode {
        let [kind, name, self_size, edge_count] = std::array::from_fn(|_| self.numbers.next());
        PackedNode {
            shape: None,
            kind: kind as u8,
            name: name as u32,
            id: self.last_id.wrapping_add(NEXT_ID).wrapping_add(self.numbers.next_signed() as u32),
            self_size,
            edge_count: edge_count as usize,
            are_expected: false,
        }
    }
}
