//! The nodes of a packed graph, in their order.

use super::NEXT_ID;
use super::bytes::Reader;
use super::shapes::{Expected, Shape};

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
}

/// Reads them.
pub(super) struct Nodes<'s, C, I> {
    numbers: Reader<C, I>,
    shapes: &'s [Shape],
    expected: &'s mut [Expected],
    last_id: u32,
}

impl<'s, C: AsRef<[u8]>, I: Iterator<Item = C>> Nodes<'s, C, I> {
    /// With nothing expected yet.
    pub(super) fn new(numbers: Reader<C, I>, shapes: &'s [Shape], expected: &'s mut [Expected]) -> Self {
        for expected in &mut *expected {
            (expected.name, expected.self_size) = (0, 0);
        }
        Self { numbers, shapes, expected, last_id: 0 }
    }

    #[inline]
    pub(super) fn next(&mut self) -> PackedNode {
        let first = self.numbers.next();
        let node = match (first >> 1).checked_sub(1).map(|place| place as usize) {
            None => self.without_shape(),
            Some(place) => {
                let (shape, expected) = (&self.shapes[place], &mut self.expected[place]);
                let mut id = self.last_id.wrapping_add(NEXT_ID);
                if first & 1 == 0 {
                    expected.name = expected.name.wrapping_add(self.numbers.next_signed() as u32);
                    expected.self_size = expected.self_size.wrapping_add(self.numbers.next_signed() as u64);
                    id = id.wrapping_add(self.numbers.next_signed() as u32);
                }
                PackedNode {
                    shape: Some(place),
                    kind: shape.kind,
                    name: expected.name,
                    id,
                    self_size: expected.self_size,
                    edge_count: shape.labels.len(),
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
        }
    }
}
