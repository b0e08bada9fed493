//! What an instance type says of its objects: how their size is found, and which of their words are pointers.

use crate::layout::{Fields, Layout, Types};

/// How the size of an object is found whose map does not say it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SizeRule {
    /// A header of so many bytes, then words, counted by a small integer in the second word.
    Words(u64),
    /// The same, with bytes.
    Bytes(u64),
    /// Characters of 1 or 2 bytes.
    Characters(u64),
    /// Digits, counted by a bit field.
    BigInt,
    /// Length in the second word, times the unit.
    FreeSpace,
    /// The map alone.
    OneWord,
    /// Three words for each descriptor.
    Descriptors,
    /// Words, counted by the low bits of a small integer.
    PropertyArray,
    /// Words, counted by 32 bits.
    FeedbackVector,
    /// Packed slot kinds.
    FeedbackMetadata,
    /// Bytes, then children.
    PreparseData,
    /// 16 bytes for each slot.
    Sixteens,
    /// Instructions and what belongs to them.
    Code,
    /// By its flags.
    ScopeInfo,
    /// Capacity, twice as many words, and bytes.
    SwissTable,
    /// Not known: the object ends where the next one starts.
    Unknown,
}

/// Which words of an object are pointers that keep their targets alive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Body {
    /// None behind the map.
    Raw,
    /// Whatever looks like a pointer to the start of an object.
    Words,
    /// So many bytes of header, then raw bytes.
    Header(u64),
    /// All but the word at this offset.
    AllBut(u64),
    /// All but two words, from this offset on.
    AllButTwo(u64),
    /// Values live as long as their keys do.
    Ephemerons,
    /// A function whose code is in the dispatch table.
    Function,
    /// Pointers to a context's microtask queue behind them.
    NativeContext,
}

/// Size rules and bodies by instance type.
#[derive(Debug)]
pub(crate) struct Kinds {
    rules: Vec<(SizeRule, Body)>,
}

/// Types from here on are JavaScript objects of ordinary kinds.
const TYPE_COUNT: usize = 4096;
/// Strings are below this type.
pub(crate) const FIRST_NON_STRING: u16 = 128;

impl Kinds {
    pub(crate) fn new(layout: &Layout) -> Self {
        let (types, fields) = (&layout.types, &layout.fields);
        let mut rules = vec![(SizeRule::Unknown, Body::Words); TYPE_COUNT];
        for kind in 0..FIRST_NON_STRING {
            rules[usize::from(kind)] = string(kind);
        }
        let mut set = |kind: u16, rule: SizeRule, body: Body| {
            if let Some(slot) = rules.get_mut(usize::from(kind)) {
                *slot = (rule, body);
            }
        };
        // Hash tables of all kinds stand between the first array type and bytes.
        for kind in types.fixed_array..types.byte_array.min(types.fixed_array + 32) {
            set(kind, SizeRule::Words(16), Body::Words);
        }
        for kind in [
            types.weak_fixed_array,
            types.transition_array,
            types.embedder_data_array,
            types.closure_feedback_cell_array,
            types.trusted_fixed_array,
            types.protected_fixed_array,
            types.trusted_weak_fixed_array,
            types.protected_weak_fixed_array,
            types.external_pointer_array,
        ] {
            set(kind, SizeRule::Words(16), Body::Words);
        }
        for kind in fields.first_context_type as u16..=fields.last_context_type as u16 {
            set(kind, SizeRule::Words(16), Body::Words);
        }
        set(native_context(fields), SizeRule::Words(24), Body::NativeContext);
        for kind in [types.weak_array_list, types.array_list, types.dependent_code] {
            set(kind, SizeRule::Words(24), Body::Words);
        }
        for kind in [
            types.sloppy_arguments_elements,
            types.object_boilerplate_description,
            types.script_context_table,
        ] {
            set(kind, SizeRule::Words(fields.boilerplate_header), Body::Words);
        }
        set(types.reg_exp_match_info, SizeRule::Words(40), Body::Words);
        set(types.ephemeron_hash_table, SizeRule::Words(16), Body::Ephemerons);
        raw_and_code(types, fields, &mut set);
        weak(types, fields, &mut set);
        Self { rules }
    }

    /// Of a type.
    pub(crate) fn of(&self, kind: u16) -> (SizeRule, Body) {
        self.rules.get(usize::from(kind)).copied().unwrap_or((SizeRule::Unknown, Body::Words))
    }
}

/// Contexts' types stand in one order: the native one is the third from the end.
pub(crate) fn native_context(fields: &Fields) -> u16 {
    (fields.last_context_type - 2) as u16
}

fn string(kind: u16) -> (SizeRule, Body) {
    let width = if kind & 8 != 0 { 1 } else { 2 };
    match kind & 7 {
        0 => (SizeRule::Characters(width), Body::Raw),
        2 => (SizeRule::Unknown, Body::Raw),
        _ => (SizeRule::Unknown, Body::Words),
    }
}

fn raw_and_code(types: &Types, fields: &Fields, set: &mut impl FnMut(u16, SizeRule, Body)) {
    set(types.fixed_double_array, SizeRule::Words(16), Body::Raw);
    set(types.byte_array, SizeRule::Bytes(16), Body::Raw);
    set(types.trusted_byte_array, SizeRule::Bytes(16), Body::Raw);
    let header = fields.bytecode_header_tagged;
    set(types.bytecode_array, SizeRule::Bytes(fields.bytecode_data), Body::Header(header));
    set(types.free_space, SizeRule::FreeSpace, Body::Raw);
    set(types.filler, SizeRule::OneWord, Body::Raw);
    set(types.wasm_null, SizeRule::OneWord, Body::Raw);
    set(types.big_int, SizeRule::BigInt, Body::Raw);
    set(types.heap_number, SizeRule::Unknown, Body::Raw);
    set(types.foreign, SizeRule::Unknown, Body::Raw);
    for kind in [types.descriptor_array, types.strong_descriptor_array] {
        set(kind, SizeRule::Descriptors, Body::Words);
    }
    set(types.property_array, SizeRule::PropertyArray, Body::Words);
    set(types.feedback_vector, SizeRule::FeedbackVector, Body::Words);
    set(types.feedback_metadata, SizeRule::FeedbackMetadata, Body::Raw);
    set(types.preparse_data, SizeRule::PreparseData, Body::Words);
    set(types.coverage_info, SizeRule::Sixteens, Body::Raw);
    set(types.double_string_cache, SizeRule::Sixteens, Body::Words);
    set(types.scope_info, SizeRule::ScopeInfo, Body::Words);
    set(types.swiss_name_dictionary, SizeRule::SwissTable, Body::Words);
    let code = if fields.code_is_inline == 1 { Body::Header(40) } else { Body::Words };
    set(types.code, SizeRule::Code, code);
    let header = fields.instruction_stream_header.unwrap_or(16);
    set(types.instruction_stream, SizeRule::Code, Body::Header(header));
}

fn weak(types: &Types, fields: &Fields, set: &mut impl FnMut(u16, SizeRule, Body)) {
    set(types.js_weak_ref, SizeRule::Unknown, Body::AllBut(fields.weak_ref_target));
    set(types.allocation_site, SizeRule::Unknown, Body::AllBut(fields.allocation_site_weak_next));
    // The token that unregisters follows the target.
    set(types.weak_cell, SizeRule::Unknown, Body::AllButTwo(fields.weak_cell_target));
    if fields.function_dispatch_handle.is_some() {
        for kind in types.js_function..=fields.last_js_function_type as u16 {
            set(kind, SizeRule::Unknown, Body::Function);
        }
    }
}
