//! Functions: their names and where they stand in the source.

use serde::Serialize;

use crate::heap::Heap;
use crate::heap::words::{count, untag};
use crate::stack::{Code, CodeIndex};

/// A place in a script.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ScriptPlace {
    /// The script's name: a path, a URL, or what the program called it.
    pub script: Option<String>,
    /// From 1.
    pub line: Option<u64>,
    /// From 1.
    pub column: Option<u64>,
    /// Characters from the script's start.
    pub position: u64,
    /// The script's address.
    #[serde(skip)]
    pub address: u64,
}

/// What there is to know of a function.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FunctionInfo {
    /// Its name, or the one that V8 made up from where it was assigned; empty if neither.
    pub name: String,
    /// Where its source starts; none for functions of V8 and Node's C++.
    pub place: Option<ScriptPlace>,
}

impl Heap<'_> {
    /// Of a `JSFunction`.
    pub fn function(&self, function: u64) -> Option<FunctionInfo> {
        let shared = self.shared_of(function)?;
        Some(self.shared_function(shared))
    }

    /// The part of a function that all its closures share.
    pub fn shared_of(&self, function: u64) -> Option<u64> {
        let map = self.map_of(function)?;
        if !map.is_function(self.layout) {
            return None;
        }
        self.target(self.field(function, self.layout.fields.function_shared).ok()?)
    }

    /// Of a `SharedFunctionInfo`.
    pub fn shared_function(&self, shared: u64) -> FunctionInfo {
        let name = self.shared_name(shared).and_then(|name| self.name_text(name)).unwrap_or_default();
        let start = self.start_of(shared);
        let place = start.and_then(|start| self.place(self.script_of(shared)?, start));
        FunctionInfo { name, place }
    }

    /// A function's name as V8 shows it to debuggers: its own, or the inferred one. The address of a string.
    pub fn shared_name(&self, shared: u64) -> Option<u64> {
        let fields = &self.layout.fields;
        if let Some(name) = self.own_shared_name(shared) {
            return Some(name);
        }
        let name_or_scope = self.field(shared, fields.shared_name).ok()?;
        if let Some(scope) = self.target(name_or_scope).and_then(|scope| self.scope_info(scope)) {
            return scope.inferred_name.and_then(|name| self.text_with_content(name));
        }
        let data = self.uncompiled(shared)?;
        self.text_with_content(self.field(data, fields.uncompiled_inferred_name).ok()?)
    }

    /// The name that a function was given, without the one that V8 infers. The address of a string.
    pub fn own_shared_name(&self, shared: u64) -> Option<u64> {
        let name_or_scope = self.field(shared, self.layout.fields.shared_name).ok()?;
        self.text_with_content(name_or_scope).or_else(|| {
            let scope = self.target(name_or_scope).and_then(|scope| self.scope_info(scope))?;
            self.text_with_content(scope.function_name?)
        })
    }

    /// The string that a word points at, if it is not empty.
    fn text_with_content(&self, word: u64) -> Option<u64> {
        let string = self.target(word).filter(|object| self.is_string(*object))?;
        (self.string_length(string)? > 0).then_some(string)
    }

    /// What V8 kept of a function that was not compiled yet.
    fn uncompiled(&self, shared: u64) -> Option<u64> {
        let (fields, types) = (&self.layout.fields, &self.layout.types);
        // Between these two types stand those of functions that wait for a background compilation.
        let with = types.uncompiled_data_with_preparse_data;
        let without = types.uncompiled_data_without_preparse_data;
        let kinds = with..=without.saturating_add(1);
        let offsets = [Some(fields.shared_data), fields.shared_untrusted_data];
        let data =
            offsets.into_iter().flatten().filter_map(|offset| self.target(self.field(shared, offset).ok()?));
        data.into_iter().find(|data| self.kind_of(*data).is_some_and(|kind| kinds.contains(&kind)))
    }

    /// Where a function's source starts, in characters of its script.
    pub fn start_of(&self, shared: u64) -> Option<u64> {
        let fields = &self.layout.fields;
        let scope = self.target(self.field(shared, fields.shared_name).ok()?);
        if let Some(start) = scope.and_then(|scope| self.scope_info(scope)).and_then(|scope| scope.start) {
            return Some(start);
        }
        let data = self.uncompiled(shared)?;
        self.half(data + fields.uncompiled_start).ok().map(u64::from)
    }

    /// Where a function's source ends, in characters of its script.
    pub fn end_of(&self, shared: u64) -> Option<u64> {
        let fields = &self.layout.fields;
        let scope = self.target(self.field(shared, fields.shared_name).ok()?);
        if let Some(end) = scope.and_then(|scope| self.scope_info(scope)).and_then(|scope| scope.end) {
            return Some(end);
        }
        // The two positions are 32 bits each, one behind the other.
        let data = self.uncompiled(shared)?;
        self.half(data + fields.uncompiled_start + 4).ok().map(u64::from)
    }

    /// The source of a script, as far as the memory has it.
    pub fn source_of(&self, script: u64) -> Option<super::Text> {
        if self.kind_of(script) != Some(self.layout.types.script) {
            return None;
        }
        let source = self.target(self.field(script, self.layout.fields.script_source).ok()?)?;
        self.string(source, self.string_length(source)?)
    }

    /// The code object that runs when a function is called.
    pub fn code_of(&self, function: u64) -> Option<u64> {
        self.shared_of(function)?;
        if let Some(code) = self.code_in_table(function) {
            return self.target(code);
        }
        self.target(self.field(function, self.layout.fields.function_code?).ok()?)
    }

    /// The script that a function stands in.
    pub fn script_of(&self, shared: u64) -> Option<u64> {
        let mut script = self.target(self.field(shared, self.layout.fields.shared_script).ok()?)?;
        // A function that was debugged has its script one step further: debug info names it where the function did.
        if self.kind_of(script) != Some(self.layout.types.script) {
            let words = (1..6).filter_map(|i| self.target(self.field(script, 8 * i).ok()?));
            let mut scripts = words.filter(|word| self.kind_of(*word) == Some(self.layout.types.script));
            script = scripts.next()?;
        }
        Some(script)
    }

    /// A place in a script, with its line and column.
    pub fn place(&self, script: u64, position: u64) -> Option<ScriptPlace> {
        let fields = &self.layout.fields;
        if self.kind_of(script) != Some(self.layout.types.script) {
            return None;
        }
        let name =
            self.field(script, fields.script_name).ok().and_then(|name| self.name_text(self.target(name)?));
        let lines = self.line_table(script);
        let found = lines.and_then(|lines| super::line_and_column(&lines, position));
        let offset = |field: u64| self.field(script, field).ok().and_then(count).unwrap_or(0);
        let found = found.map(|(line, column)| {
            let first = if line == 1 { offset(fields.script_column_offset) } else { 0 };
            (line + offset(fields.script_line_offset), column + first)
        });
        let (line, column) = (found.map(|found| found.0), found.map(|found| found.1));
        Some(ScriptPlace { script: name, line, column, position, address: script })
    }

    /// The bytecode of a function, if it was compiled.
    pub fn bytecode_of(&self, shared: u64) -> Option<u64> {
        let fields = &self.layout.fields;
        let types = &self.layout.types;
        let data = self.target(self.field(shared, fields.shared_data).ok()?)?;
        match self.kind_of(data)? {
            kind if kind == types.bytecode_array => Some(data),
            // Behind interpreter data, or behind baseline code.
            kind if kind == types.interpreter_data => self.bytecode_in(data, 8),
            kind if kind == types.code => {
                let inner = self.field(data, fields.code_deoptimization_data).ok()?;
                let inner = untag(inner);
                match self.kind_of(inner)? {
                    kind if kind == types.bytecode_array => Some(inner),
                    kind if kind == types.interpreter_data => self.bytecode_in(inner, 8),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// Whether code was made from bytecode one to one: it has that in the place of data for deoptimization.
    pub(crate) fn is_baseline(&self, code: u64) -> bool {
        let data = self.field(code, self.layout.fields.code_deoptimization_data).ok().map(untag);
        let kinds = [self.layout.types.bytecode_array, self.layout.types.interpreter_data];
        data.and_then(|data| self.kind_of(data)).is_some_and(|kind| kinds.contains(&kind))
    }

    /// The name of the builtin that a code object stands for; none if it is none, or the program has no symbols.
    pub(crate) fn builtin_of(&self, code: u64) -> Option<&str> {
        let fields = &self.layout.fields;
        if fields.code_is_inline == 1 {
            // These versions place builtins in the order of their numbers; the number follows the flags, -1 is none.
            let number = self.half(code.checked_add(fields.code_flags + 4)?).ok()?;
            return self.layout.builtin_numbered(number);
        }
        let start = self.field(code, fields.code_instruction_start).ok()?;
        self.layout.builtin_at(start.wrapping_sub(self.builtins_moved()))
    }

    /// The name of the builtin that an address in its code belongs to; the caller knows that it does.
    pub(crate) fn builtin_at(&self, address: u64) -> Option<&str> {
        self.layout.builtin_around(address.wrapping_sub(self.builtins_moved()))
    }

    /// How far from the program's own copy the builtins lie that this heap calls: newer versions map them near to the
    /// code that they compile.
    fn builtins_moved(&self) -> u64 {
        *self.builtins_moved.get_or_init(|| {
            let (Some(stream), Some(first)) =
                (self.layout.fields.code_instruction_stream, self.layout.first_builtin())
            else {
                return 0;
            };
            // The first one has the lowest address of all code that has no instructions in the heap.
            let is_outside = |code: &Code| self.field(code.object, stream).is_ok_and(|word| word == 0);
            let codes = CodeIndex::new(self);
            let lowest = codes.all().iter().find(|code| is_outside(code));
            lowest.map_or(0, |code| code.start.wrapping_sub(first))
        })
    }

    fn bytecode_in(&self, object: u64, offset: u64) -> Option<u64> {
        let data = self.target(self.field(object, offset).ok()?)?;
        (self.kind_of(data) == Some(self.layout.types.bytecode_array)).then_some(data)
    }
}
