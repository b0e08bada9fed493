//! The size of an object whose map does not say it.

use super::kind::SizeRule;
use super::map_info::MapInfo;
use super::words::{count, tag};
use crate::layout::Layout;

/// Reads words and halves of one object. What lies outside of its page is not there.
pub(crate) struct Object<'a> {
    /// The bytes of its page from the object on.
    pub(crate) bytes: &'a [u8],
}

impl Object<'_> {
    pub(crate) fn word(&self, offset: u64) -> Option<u64> {
        let bytes = self.bytes.get(usize::try_from(offset).ok()?..)?;
        bytes.first_chunk().map(|bytes| u64::from_le_bytes(*bytes))
    }

    pub(crate) fn half(&self, offset: u64) -> Option<u64> {
        let bytes = self.bytes.get(usize::try_from(offset).ok()?..)?;
        bytes.first_chunk().map(|bytes| u64::from(u32::from_le_bytes(*bytes)))
    }

    fn quarter(&self, offset: u64) -> Option<u64> {
        let bytes = self.bytes.get(usize::try_from(offset).ok()?..)?;
        bytes.first_chunk().map(|bytes| u64::from(u16::from_le_bytes(*bytes)))
    }
}

fn aligned(size: u64, to: u64) -> Option<u64> {
    size.checked_next_multiple_of(to)
}

/// The size in bytes; `None` if no rule gives it. `code` reads the two sizes of the code object at an address, which
/// some versions keep apart from the instructions.
pub(crate) fn size_of(
    map: &MapInfo,
    object: &Object<'_>,
    layout: &Layout,
    code: impl Fn(u64) -> Option<(u64, u64)>,
) -> Option<u64> {
    if map.instance_size != 0 {
        return Some(map.instance_size);
    }
    let fields = &layout.fields;
    let length = || object.word(fields.array_length).and_then(count);
    let words = |header: u64, number: u64| number.checked_mul(8)?.checked_add(header);
    match map.rule {
        SizeRule::Words(header) => words(header, length()?),
        SizeRule::Bytes(header) => aligned(length()?.checked_add(header)?, 8),
        SizeRule::Characters(width) => {
            aligned(object.half(fields.string_length)? * width + fields.string_chars, 8)
        }
        SizeRule::BigInt => words(16, object.half(8)? >> 1),
        SizeRule::FreeSpace => length()?.checked_mul(fields.free_space_unit).filter(|size| *size >= 8),
        SizeRule::OneWord => Some(8),
        SizeRule::Descriptors => words(fields.descriptors_header, object.quarter(8)? * 3),
        SizeRule::PropertyArray => words(16, length()? & 0x3ff),
        SizeRule::FeedbackVector => words(fields.feedback_vector_header, object.half(8)?),
        SizeRule::FeedbackMetadata => {
            let closures = if fields.feedback_metadata_has_closures == 1 { object.half(12)? * 2 } else { 0 };
            aligned(16 + 4 * object.half(8)?.div_ceil(6) + closures, 8)
        }
        SizeRule::PreparseData => words(aligned(16 + object.half(8)?, 8)?, object.half(12)?),
        SizeRule::Sixteens => words(16, object.half(8)? * 2),
        SizeRule::Code => code_size(map, object, layout, code),
        SizeRule::ScopeInfo => scope_info_size(object, layout),
        SizeRule::SwissTable => {
            let capacity = object.half(12)?;
            aligned(24 + capacity * 16 + (capacity + 16) + capacity, 8)
        }
        SizeRule::Unknown => None,
    }
}

fn code_size(
    map: &MapInfo,
    object: &Object<'_>,
    layout: &Layout,
    code: impl Fn(u64) -> Option<(u64, u64)>,
) -> Option<u64> {
    let fields = &layout.fields;
    if map.kind == layout.types.code {
        // The first version: a code object holds its instructions.
        let size = object.half(fields.code_instruction_size)? + object.half(fields.code_metadata_size?)?;
        return aligned(fields.code_instruction_start + size, 64);
    }
    let header = fields.instruction_stream_header?;
    if let Some(size) = fields.instruction_stream_size {
        return aligned(header + object.half(size)?, 64);
    }
    let (instructions, metadata) = code(object.word(fields.instruction_stream_code?)?)?;
    aligned(header + instructions + metadata, 64)
}

/// Flags of a scope, by bit.
pub(crate) mod scope_flags {
    pub(crate) const TYPE: u64 = 15;
    /// `var` declares its variables here.
    pub(crate) const DECLARATION: u64 = 6;
    pub(crate) const SAVED_CLASS_VARIABLE: u64 = 10;
    pub(crate) const FUNCTION_VARIABLE: u64 = 12;
    pub(crate) const INFERRED_NAME: u64 = 14;
    pub(crate) const OUTER: u64 = 22;
    /// Contexts have a slot for an object with further variables.
    pub(crate) const EXTENSION: u64 = 26;
    /// The newest version only: one word more at the end.
    pub(crate) const LAST: u64 = 31;
}

/// From this number of variables on, their names are in a hash table.
pub(crate) const MOST_INLINE_NAMES: u64 = 75;

/// The end of the parts of a scope that its flags announce. More may follow in scopes of modules and of functions
/// that the debugger looked at: whoever asks checks what comes next.
fn scope_info_size(object: &Object<'_>, layout: &Layout) -> Option<u64> {
    let fields = &layout.fields;
    let flags = match fields.scope_info_flags_raw {
        1 => object.half(8)?,
        _ => count(object.word(8)?)?,
    };
    let locals = count(object.word(24)?)?;
    if locals > u64::from(u32::MAX) {
        return None;
    }
    let names = if locals < MOST_INLINE_NAMES { locals } else { 1 };
    let bit = |bit: u64| flags >> bit & 1;
    let function_variable = if flags >> scope_flags::FUNCTION_VARIABLE & 3 != 0 { 2 } else { 0 };
    let fixed = fields.scope_info_first + 1;
    // Where the source of the scope starts and ends: newer versions have it in the fixed part.
    let has_position = fields.scope_info_flags_raw == 0 && (1..=4).contains(&(flags & scope_flags::TYPE));
    let position = if has_position { 2 } else { 0 };
    let rest = bit(scope_flags::SAVED_CLASS_VARIABLE)
        + function_variable
        + bit(scope_flags::INFERRED_NAME)
        + bit(scope_flags::OUTER)
        + bit(scope_flags::LAST) * fields.scope_info_last_word
        + position;
    Some((fixed + names + locals + rest) * 8)
}

/// The word that an object's map pointer is, for comparing.
pub(crate) fn map_word(map: &MapInfo) -> u64 {
    tag(map.address)
}
