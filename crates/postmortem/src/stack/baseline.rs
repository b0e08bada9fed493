//! Baseline code: made bytecode by bytecode, so that a table of lengths leads back.

use super::source_positions::variable_length;

/// The sizes of bytecodes, as the executable has them: for operands of one, two and four bytes.
#[derive(Debug, Clone, Default)]
pub(super) struct BytecodeSizes(Vec<u8>);

impl BytecodeSizes {
    /// From the bytes of V8's table of three rows.
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self(if bytes.len().is_multiple_of(3) && bytes.len() <= 768 { bytes } else { Vec::new() })
    }

    /// The length of the bytecode at the start of `bytecodes`, prefix included.
    fn length(&self, bytecodes: &[u8]) -> Option<usize> {
        let count = self.0.len() / 3;
        // The first four bytecodes are prefixes: wide, extra wide, and the same for the debugger.
        let (row, prefix) = match bytecodes.first()? {
            0 | 2 => (1, 1),
            1 | 3 => (2, 1),
            _ => (0, 0),
        };
        let code = usize::from(*bytecodes.get(prefix)?);
        let size = usize::from(*self.0.get(row * count + code).filter(|_| code < count)?);
        (size > 0).then_some(size + prefix)
    }
}

/// The offset of the bytecode that the machine code at an offset was made from. The table has the length of the code
/// before the first bytecode, then that of each bytecode's.
pub(super) fn bytecode_offset(
    table: &[u8],
    bytecodes: &[u8],
    sizes: &BytecodeSizes,
    code_offset: u64,
) -> Option<u64> {
    let mut lengths = table.iter().copied();
    let mut end = variable_length(&mut lengths)?;
    // Before the first bytecode: as if it were the first.
    let mut offset = 0;
    let mut first = true;
    while end < code_offset {
        if !first {
            offset += sizes.length(bytecodes.get(offset..)?)?;
        }
        first = false;
        end = end.checked_add(variable_length(&mut lengths)?)?;
    }
    Some(offset as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machine_code_leads_back_to_its_bytecode() {
        // Ten bytecodes; the sixth has two bytes, three and five with wider operands.
        let mut sizes = vec![1; 30];
        (sizes[5], sizes[15], sizes[25]) = (2, 3, 5);
        let sizes = BytecodeSizes::new(sizes);
        let bytecodes = [4, 5, 0, 1, 5, 0, 0, 0, 0, 6];
        assert_eq!(sizes.length(&bytecodes[1..]), Some(2));
        assert_eq!(sizes.length(&bytecodes[3..]), Some(6));
        let table = [10, 3, 8, 20, 1];
        let at = |offset| bytecode_offset(&table, &bytecodes, &sizes, offset);
        assert_eq!([at(4), at(13), at(14), at(21), at(22)], [Some(0), Some(0), Some(1), Some(1), Some(3)]);
        assert_eq!(at(100), None);
    }
}
