//! Scopes: what V8 remembers of a function's variables, and the contexts that hold their values.

use crate::heap::words::{count, small_integer};
use crate::heap::{Heap, MOST_INLINE_NAMES, scope_flags};

/// No function has more variables.
const MOST: u64 = 1 << 20;

/// What a scope says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScopeInfo {
    /// V8's number for the kind of scope.
    pub kind: u64,
    /// How many variables live in its contexts.
    pub local_count: u64,
    /// Their names, tagged, in the order of their slots.
    pub locals: Vec<u64>,
    /// The name of the function whose scope it is, tagged.
    pub function_name: Option<u64>,
    /// The name that V8 made up from an assignment, tagged.
    pub inferred_name: Option<u64>,
    /// Where its source starts, in characters of the script.
    pub start: Option<u64>,
    /// Where it ends.
    pub end: Option<u64>,
    /// The scope around it, as an address.
    pub outer: Option<u64>,
}

impl Heap<'_> {
    /// Reads a scope; `None` if the object is none.
    pub fn scope_info(&self, scope: u64) -> Option<ScopeInfo> {
        if self.kind_of(scope) != Some(self.layout.types.scope_info) {
            return None;
        }
        let fields = &self.layout.fields;
        let word = |index: u64| self.field(scope, 8 * index).ok();
        let raw = fields.scope_info_flags_raw == 1;
        let flags = match raw {
            true => u64::from(self.half(scope + 8).ok()?),
            false => count(word(1)?)?,
        };
        let local_count = count(word(3)?)?;
        if local_count > MOST {
            return None;
        }
        let bit = |bit: u64| flags >> bit & 1 == 1;
        let mut at = fields.scope_info_first + 1;
        // Since V8 12 a module's scope has the number of its imports and exports before the names.
        if local_count > 0 && self.layout.version.major >= 12 && word(at).is_some_and(|word| word & 1 == 0) {
            at += 1;
        }
        let inline = local_count < MOST_INLINE_NAMES;
        let locals = match inline {
            true => (at..at + local_count).map_while(word).collect(),
            false => self.hashed_names(word(at)?, local_count),
        };
        at += if inline { local_count } else { 1 } + local_count;
        at += u64::from(bit(scope_flags::SAVED_CLASS_VARIABLE));
        let mut info =
            ScopeInfo { kind: flags & scope_flags::TYPE, local_count, locals, ..ScopeInfo::default() };
        if flags >> scope_flags::FUNCTION_VARIABLE & 3 != 0 {
            info.function_name = word(at);
            at += 2;
        }
        if bit(scope_flags::INFERRED_NAME) {
            info.inferred_name = word(at);
            at += 1;
        }
        if raw {
            info.start = word(4).and_then(count);
            info.end = word(5).and_then(count);
        } else if (1..=4).contains(&info.kind) {
            info.start = word(at).and_then(count);
            info.end = word(at + 1).and_then(count);
            at += 2;
        }
        if bit(scope_flags::OUTER) {
            info.outer = word(at).and_then(|word| self.target(word));
        }
        Some(info)
    }

    /// Names of a scope with so many that they are in a hash table: name, and number of the variable.
    fn hashed_names(&self, table: u64, count: u64) -> Vec<u64> {
        let mut names = vec![0; count as usize];
        let Some(table) = self.target(table) else { return names };
        let words = self.array_words(table);
        for pair in words.get(3..).unwrap_or_default().chunks_exact(2) {
            let index = small_integer(pair[1]).and_then(|index| usize::try_from(index).ok());
            if let Some(name) = index.and_then(|index| names.get_mut(index))
                && self.target(pair[0]).is_some()
            {
                *name = pair[0];
            }
        }
        names
    }

    /// Whether `var` declares variables in this context (V8's `Context::is_declaration_context`): only there V8's
    /// snapshots name them.
    pub(crate) fn is_declaration_context(&self, context: u64) -> bool {
        let fields = &self.layout.fields;
        let Some(kind) = self.kind_of(context) else { return false };
        // From the end: with, script, native, module, function, eval, debug-evaluate, catch, block.
        match fields.last_context_type.checked_sub(u64::from(kind)) {
            Some(1..=4) => true,
            Some(5 | 8) => self.scope_bits(context) >> scope_flags::DECLARATION & 1 == 1,
            _ => false,
        }
    }

    /// Whether a context is a module's: it has the module where others have an extension.
    fn is_module_context(&self, context: u64) -> bool {
        let kind = self.kind_of(context).map(u64::from);
        kind.is_some_and(|kind| self.layout.fields.last_context_type.checked_sub(kind) == Some(3))
    }

    /// Whether a context has a slot for an object with further variables.
    pub(crate) fn has_extension_slot(&self, context: u64) -> bool {
        self.scope_bits(context) >> scope_flags::EXTENSION & 1 == 1
    }

    /// The flags of a context's scope.
    fn scope_bits(&self, context: u64) -> u64 {
        let scope = self.field(context, self.layout.fields.array_data).ok();
        let Some(scope) = scope.and_then(|word| self.target(word)) else { return 0 };
        match self.layout.fields.scope_info_flags_raw {
            1 => self.half(scope + 8).map(u64::from).unwrap_or(0),
            _ => self.field(scope, 8).ok().and_then(count).unwrap_or(0),
        }
    }

    /// The variables of a context: names and values, tagged.
    pub fn context_variables(&self, context: u64) -> Vec<(u64, u64)> {
        let words = self.array_words(context);
        let scope = words.first().and_then(|word| self.target(*word));
        let Some(info) = scope.and_then(|scope| self.scope_info(scope)) else { return Vec::new() };
        // Scope and outer context come first, then perhaps an extension, then the variables; a function's own name
        // may be the last slot.
        let locals = info.locals.len();
        let after = words.len().saturating_sub(locals);
        let extended = (self.is_module_context(context) || self.has_extension(&words, locals)) && after > 2;
        let first = if extended { 3 } else { 2 };
        let values = words.get(first..).unwrap_or_default();
        let values = values.iter().map(|word| self.cell_content(*word));
        info.locals.iter().copied().zip(values).collect()
    }

    /// Whether the third slot of a context is no variable: its scope announces more slots than it has names.
    fn has_extension(&self, words: &[u64], locals: usize) -> bool {
        let undefined = crate::heap::words::tag(self.roots.undefined);
        words.len() > locals + 2
            && words.get(2).is_some_and(|word| *word == undefined || self.is_extension(*word))
    }

    fn is_extension(&self, word: u64) -> bool {
        self.target(word)
            .and_then(|object| self.map_of(object))
            .is_some_and(|map| map.is_receiver(self.layout))
    }

    /// Newer versions wrap variables that never changed in cells.
    fn cell_content(&self, word: u64) -> u64 {
        let cell =
            self.target(word).filter(|cell| self.kind_of(*cell) == Some(self.layout.types.context_cell));
        cell.and_then(|cell| self.field(cell, 8).ok()).unwrap_or(word)
    }
}
