//! A column: one value per node or edge, owned or lent from an index file.

use std::ops::Deref;
use std::sync::Arc;

/// Bytes that somebody else holds (a mapped index file) and that columns may point into.
pub trait Bytes: Send + Sync {
    /// The bytes; they must stay the same for as long as the value lives.
    fn bytes(&self) -> &[u8];
}

impl Bytes for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// A plain value that can be read straight from little-endian bytes.
pub trait Plain: bytemuck::Pod + Send + Sync {}
impl Plain for u8 {}
impl Plain for u32 {}
impl Plain for i32 {}
impl Plain for u64 {}

/// One value per node (or edge), in order. Dereferences to a slice.
#[derive(Clone)]
pub enum Column<T: Plain> {
    /// Values of our own.
    Owned(Vec<T>),
    /// A window of bytes that somebody else holds; its start is aligned and its length is whole (checked
    /// when it was made).
    Lent {
        /// Who holds the bytes.
        holder: Arc<dyn Bytes>,
        /// First byte.
        start: usize,
        /// Length in bytes.
        len: usize,
    },
}

impl<T: Plain> Column<T> {
    /// A window into somebody's bytes, or `None` if it lies outside, is misaligned, or is no whole number of
    /// values. Only little-endian machines can lend (an index file is little-endian); others copy.
    pub fn lent(holder: &Arc<dyn Bytes>, start: usize, len: usize) -> Option<Self> {
        let bytes = holder.bytes().get(start..start.checked_add(len)?)?;
        bytemuck::try_cast_slice::<u8, T>(bytes).ok()?;
        cfg!(target_endian = "little").then(|| Column::Lent { holder: Arc::clone(holder), start, len })
    }

    /// Heap memory of our own that this column holds, in bytes.
    pub fn owned_bytes(&self) -> usize {
        match self {
            Column::Owned(values) => values.capacity() * size_of::<T>(),
            Column::Lent { .. } => 0,
        }
    }
}

impl<T: Plain> Default for Column<T> {
    fn default() -> Self {
        Column::Owned(Vec::new())
    }
}

impl<T: Plain> From<Vec<T>> for Column<T> {
    fn from(values: Vec<T>) -> Self {
        Column::Owned(values)
    }
}

impl<T: Plain> Deref for Column<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        match self {
            Column::Owned(values) => values,
            Column::Lent { holder, start, len } => {
                bytemuck::cast_slice(&holder.bytes()[*start..*start + *len])
            }
        }
    }
}
