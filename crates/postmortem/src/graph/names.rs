//! What a node is called, and what kind it is (`V8HeapExplorer::AddEntry`).

use heap_graph::{GraphSink, Location, NameIndex, NodeKind};
use rustc_hash::FxHashMap;

use super::edges::{Emitter, Here};
use super::plan::PlannedLocation;
use super::tags::NAMES;
use crate::heap::kind::native_context;
use crate::heap::words::count;
use crate::heap::{FIRST_NON_STRING, MapInfo};
use crate::layout::Types;
use crate::object::{Privacy, number_text};

/// V8 cuts names at so many characters (`--heap-snapshot-string-limit`).
const LONGEST_NAME: u64 = 1024;

/// What was looked up, by the shared part of a function.
#[derive(Default)]
pub(super) struct Shared {
    places: FxHashMap<u64, Option<Location>>,
    names: FxHashMap<u64, NameIndex>,
}

/// Kind and name of a map's objects.
#[derive(Clone, Copy)]
pub(super) enum Entry {
    /// All of them have these.
    Same(NodeKind, NameIndex),
    /// They are called what they hold.
    Text,
    /// The name of the function.
    Closure,
    /// V8's own: arrays are called what their holder calls them.
    System { kind: NodeKind, name: NameIndex, is_unnamed: bool },
    /// Each has its own.
    Each,
}

impl<S: GraphSink> Emitter<'_, '_, S> {
    /// What all objects of a map have in common.
    pub(super) fn entry_of_map(&mut self, map: &MapInfo) -> Entry {
        let (heap, types) = (self.heap, &self.heap.layout.types);
        let is_receiver = map.is_receiver(heap.layout);
        let has_own_name = [types.symbol, types.js_reg_exp, types.map, types.shared_function_info];
        let has_own_name = has_own_name.contains(&map.kind)
            || [types.script, types.code, types.instruction_stream, types.oddball].contains(&map.kind)
            || (map.kind == types.heap_number && self.options.numbers);
        if map.is_string() && !matches!(map.kind & 7, 1 | 3) {
            return Entry::Text;
        }
        if map.is_function(heap.layout) {
            return Entry::Closure;
        }
        if has_own_name || (is_receiver && self.classes.depends_on_content(map)) {
            return Entry::Each;
        }
        let is_value = map.is_string() || [types.big_int, types.heap_number].contains(&map.kind);
        if is_receiver || is_value || map.is_context(heap.layout) {
            // The address is not asked for.
            let (kind, name) = self.entry(0, map);
            return Entry::Same(kind, self.graph.name(&name));
        }
        let (kind, is_unnamed) = self.system_kind(map);
        let name = if is_unnamed { String::new() } else { self.system_name(map) };
        Entry::System { kind, name: self.graph.name(&name), is_unnamed }
    }

    /// Kind and name of an object, its name held.
    pub(super) fn held_entry(&mut self, here: &Here<'_>, node: u32) -> (NodeKind, NameIndex) {
        if here.plan.is_wrapper
            && let Some(managed) = self.natives.managed(here.address)
        {
            return (NodeKind::Native, self.graph.name(&managed.name));
        }
        match here.plan.entry {
            Entry::Same(kind, name) => (kind, name),
            Entry::Text => (NodeKind::String, self.held_text(here)),
            Entry::Closure => (NodeKind::Closure, self.held_function_name(here.address)),
            Entry::System { kind, name, is_unnamed } => match self.tags.of(node) {
                Some(tag) => {
                    let name = if is_unnamed { self.held.tags[tag] } else { name };
                    (NAMES[tag].1.unwrap_or(kind), name)
                }
                None => (kind, name),
            },
            Entry::Each => {
                let (kind, name) = self.entry(here.address, &here.plan.map);
                (kind, self.graph.name(&name))
            }
        }
    }

    /// The size that V8 tells: since V8 13 nothing for what all programs share, and the characters of external strings as
    /// theirs.
    pub(super) fn reported_size(&self, here: &Here<'_>) -> u64 {
        let heap = self.heap;
        if heap.layout.version.major < 13 {
            return here.size;
        }
        if heap.pages[here.page].is_shared() {
            return 0;
        }
        if here.plan.is_wrapper
            && let Some(managed) = self.natives.managed(here.address)
        {
            return here.size + managed.size;
        }
        let kind = here.plan.map.kind;
        if here.plan.map.is_string() && kind & 7 == 2 {
            let width = if kind & 8 != 0 { 1 } else { 2 };
            return here.size + heap.string_length(here.address).unwrap_or(0) * width;
        }
        here.size
    }

    fn held_text(&mut self, here: &Here<'_>) -> NameIndex {
        let limit = if self.options.full_strings { u64::MAX } else { LONGEST_NAME };
        match self.heap.plain_ascii(here.address, here.plan.map.kind, limit) {
            Some(text) if !text.contains('\0') => self.graph.name(text),
            _ => {
                let text = self.text(here.address);
                self.graph.name(&text)
            }
        }
    }

    fn held_function_name(&mut self, function: u64) -> NameIndex {
        let shared = self.heap.shared_of(function);
        if let Some(name) = shared.and_then(|shared| self.shared.names.get(&shared)) {
            return *name;
        }
        let name = shared.map(|shared| self.shared_name(shared)).unwrap_or_default();
        let name = self.graph.name(&name);
        if let Some(shared) = shared {
            self.shared.names.insert(shared, name);
        }
        name
    }

    /// Kind and name of an object.
    pub(super) fn entry(&self, object: u64, map: &MapInfo) -> (NodeKind, String) {
        let heap = self.heap;
        let types = &heap.layout.types;
        match map.kind {
            _ if map.is_string() => self.string_entry(object, map),
            kind if kind == types.symbol => self.symbol_entry(object),
            kind if kind == types.big_int => (NodeKind::BigInt, "bigint".to_owned()),
            kind if kind == types.heap_number => (NodeKind::Number, self.number_name(object)),
            kind if kind == types.js_bound_function => (NodeKind::Closure, "native_bind".to_owned()),
            kind if kind == types.js_proxy => (NodeKind::Hidden, "system / JSProxy".to_owned()),
            kind if kind == types.js_reg_exp => (NodeKind::RegExp, self.pattern(object)),
            _ if map.is_function(heap.layout) => {
                let shared = heap.shared_of(object);
                (NodeKind::Closure, shared.map(|shared| self.shared_name(shared)).unwrap_or_default())
            }
            _ if map.is_receiver(heap.layout) => {
                let class = self.classes.of_object(object, map);
                let tag = if heap.layout.version.major >= 14 { global_tag(map.kind, types) } else { "" };
                (NodeKind::Object, class + tag)
            }
            kind if kind == native_context(&heap.layout.fields) => {
                (NodeKind::Hidden, "system / NativeContext".to_owned())
            }
            _ if map.is_context(heap.layout) => (NodeKind::Object, "system / Context".to_owned()),
            kind if kind == types.shared_function_info => {
                let name = self.shared_name(object);
                let is_unnamed = name.is_empty() && self.tags.is_called_shared(self.heap, object);
                (NodeKind::Code, if is_unnamed { "(shared function info)".to_owned() } else { name })
            }
            kind if kind == types.script => (NodeKind::Code, self.script_name(object)),
            kind if kind == types.code || kind == types.instruction_stream => {
                (NodeKind::Code, self.code_name(object, kind).unwrap_or_default())
            }
            kind if kind == types.oddball => match self.oddball_name(object) {
                Some(name) => (NodeKind::Hidden, name.to_owned()),
                None => self.system_entry(object, map),
            },
            _ => self.system_entry(object, map),
        }
    }

    /// Values that V8 calls by what they are, since V8 13.
    fn oddball_name(&self, object: u64) -> Option<&'static str> {
        let roots = &self.heap.roots;
        let named = [
            (roots.undefined, "undefined"),
            (roots.null, "null"),
            (roots.true_value, "true"),
            (roots.false_value, "false"),
        ];
        let found = named.into_iter().find(|(address, _)| *address == object);
        found.filter(|_| self.heap.layout.version.major >= 13).map(|(_, name)| name)
    }

    fn string_entry(&self, object: u64, map: &MapInfo) -> (NodeKind, String) {
        debug_assert!(map.kind < FIRST_NON_STRING);
        match map.kind & 7 {
            1 => (NodeKind::ConcatenatedString, "(concatenated string)".to_owned()),
            3 => (NodeKind::SlicedString, "(sliced string)".to_owned()),
            _ => (NodeKind::String, self.text(object)),
        }
    }

    /// The content of a string, cut as V8 cuts it, and with spaces where it has NUL.
    pub(super) fn text(&self, string: u64) -> String {
        let limit = if self.options.full_strings { u64::MAX } else { LONGEST_NAME };
        let text = self.heap.string(string, limit).map(|text| text.text).unwrap_or_default();
        match self.options.full_strings || !text.contains('\0') {
            true => text,
            false => text.replace('\0', " "),
        }
    }

    fn symbol_entry(&self, symbol: u64) -> (NodeKind, String) {
        match self.heap.symbol_privacy(symbol) {
            Privacy::None => (NodeKind::Symbol, "symbol".to_owned()),
            Privacy::Internal | Privacy::Name => (NodeKind::Hidden, "private symbol".to_owned()),
        }
    }

    fn number_name(&self, object: u64) -> String {
        let value = self.heap.number(crate::heap::words::tag(object)).filter(|_| self.options.numbers);
        value.map_or_else(|| "heap number".to_owned(), number_text)
    }

    fn pattern(&self, object: u64) -> String {
        let source = self.heap.field(object, self.heap.layout.fields.regexp_source).ok();
        source.and_then(|word| self.heap.target(word)).map(|source| self.text(source)).unwrap_or_default()
    }

    pub(super) fn shared_name(&self, shared: u64) -> String {
        self.heap.own_shared_name(shared).map(|name| self.text(name)).unwrap_or_default()
    }

    /// Of builtins, and of code that was compiled for one function. V8 10 calls both parts of it code.
    fn code_name(&self, object: u64, kind: u16) -> Option<String> {
        let major = self.heap.layout.version.major;
        let is_code = kind == self.heap.layout.types.code;
        if let Some(builtin) = is_code.then(|| self.heap.builtin_of(object)).flatten() {
            let what = match major {
                ..=10 => "builtin",
                11 => "builtin handle",
                _ => "builtin code",
            };
            return Some(format!("({builtin} {what})"));
        }
        // V8 11 names the instructions alone.
        if major == 11 && is_code {
            return None;
        }
        let what = if is_code || major == 11 { "code" } else { "instruction stream" };
        let Some(function) = self.tags.function_of(object) else {
            // Optimized: a function has it, its shared part has not.
            return (is_code && major > 11).then(|| "(code)".to_owned());
        };
        let name = self.shared_name(function);
        Some(match name.as_str() {
            "" => format!("(BASELINE {what})"),
            name => format!("({what} for {name})"),
        })
    }

    fn script_name(&self, script: u64) -> String {
        let name = self.heap.field(script, self.heap.layout.fields.script_name).ok();
        let name = name.and_then(|word| self.heap.target(word)).filter(|name| self.heap.is_string(*name));
        name.map(|name| self.text(name)).unwrap_or_default()
    }

    /// What V8 keeps for itself.
    fn system_entry(&self, object: u64, map: &MapInfo) -> (NodeKind, String) {
        let (kind, is_unnamed) = match self.system_kind(map) {
            // Maps in read-only space are those of V8's own objects.
            _ if map.kind == self.heap.layout.types.map && self.heap.is_shared(object) => {
                (NodeKind::Hidden, false)
            }
            found => found,
        };
        let own = || match self.heap.map_at(object).filter(|_| map.kind == self.heap.layout.types.map) {
            // The maps of strings say which.
            Some(made) if made.is_string() => {
                format!("system / Map ({})", string_class(made.kind, self.heap.layout.version.major))
            }
            _ if is_unnamed => String::new(),
            _ => self.system_name(map),
        };
        match self.ordinals.get(self.heap, object).and_then(|node| self.tags.of(node)) {
            Some(tag) => {
                let (name, tagged) = NAMES[tag];
                (tagged.unwrap_or(kind), if is_unnamed { name.to_owned() } else { own() })
            }
            None => (kind, own()),
        }
    }

    /// The kind of V8's own objects, and whether they have no name but what their holder gives them.
    fn system_kind(&self, map: &MapInfo) -> (NodeKind, bool) {
        let types = &self.heap.layout.types;
        let kind = match self.shapes.get(map.kind) {
            Some(shape) => shape.kind,
            None if (types.fixed_array..types.byte_array).contains(&map.kind) => NodeKind::Array,
            None => NodeKind::Hidden,
        };
        let is_unnamed = (types.fixed_array..=types.byte_array).contains(&map.kind)
            || [types.fixed_double_array, types.trusted_fixed_array].contains(&map.kind);
        (kind, is_unnamed)
    }

    fn system_name(&self, map: &MapInfo) -> String {
        format!("system / {}", self.class_of(map))
    }

    fn class_of(&self, map: &MapInfo) -> String {
        match map.kind {
            // V8's metadata does not name these. The first two have the same numbers in all versions.
            137 => "LoadHandler".to_owned(),
            138 => "StoreHandler".to_owned(),
            kind if kind == self.heap.layout.types.weak_array_list => "WeakArrayList".to_owned(),
            204 if self.heap.layout.version.major <= 10 => "Foreign".to_owned(),
            kind => class_of_type(&self.heap.type_name(kind)),
        }
    }

    /// Where the constructor of a map's objects stands.
    pub(super) fn location_of_map(&mut self, map: &MapInfo) -> PlannedLocation {
        let heap = self.heap;
        if !map.is_receiver(heap.layout) || map.kind == heap.layout.types.js_proxy {
            return PlannedLocation::Same(None);
        }
        if map.is_function(heap.layout) || self.classes.depends_on_content(map) {
            return PlannedLocation::Each;
        }
        // The address is not asked for.
        let constructor = self.classes.constructor_of_object(0, map);
        PlannedLocation::Same(constructor.and_then(|constructor| self.place_of_function(constructor)))
    }

    /// Where an object's constructor stands; of a function, where it stands itself.
    pub(super) fn location(&mut self, here: &Here<'_>) -> Option<Location> {
        let map = &here.plan.map;
        match here.plan.location {
            PlannedLocation::Same(location) => location,
            PlannedLocation::Each if map.is_function(self.heap.layout) => {
                self.place_of_function(here.address)
            }
            PlannedLocation::Each => {
                let constructor = self.classes.constructor_of_object(here.address, map)?;
                self.place_of_function(constructor)
            }
        }
    }

    fn place_of_function(&mut self, function: u64) -> Option<Location> {
        let shared = self.heap.shared_of(function)?;
        if let Some(known) = self.shared.places.get(&shared) {
            return *known;
        }
        let place = self.place_of_shared(shared);
        self.shared.places.insert(shared, place);
        place
    }

    fn place_of_shared(&self, shared: u64) -> Option<Location> {
        let heap = self.heap;
        let script = heap.script_of(shared)?;
        let place = heap.place(script, heap.start_of(shared)?)?;
        // V8's metadata has no name for the script's number: it follows the ends of the lines.
        let id = count(heap.field(script, heap.layout.fields.script_line_ends + 8).ok()?)?;
        let from_zero = |number: Option<u64>| u32::try_from(number?.checked_sub(1)?).ok();
        Some(Location {
            script_id: u32::try_from(id).ok()?,
            line: from_zero(place.line)?,
            column: from_zero(place.column)?,
        })
    }
}

/// What V8 14 adds to the class of a realm's global object, and of the object that stands for it.
fn global_tag(kind: u16, types: &Types) -> &'static str {
    match kind {
        _ if kind == types.js_global_object => " (global*)",
        _ if kind == types.js_global_proxy => " (global)",
        _ => "",
    }
}

/// V8's name for a kind of strings, made of the bits of the instance type (`STRING_TYPE_LIST`, src/objects/instance-type.h):
/// how it is held, one byte for each character (8), not kept by V8's cache (16), internalized unless 32, shared (64).
fn string_class(kind: u16, major: u32) -> String {
    let has = |bit: u16| kind & bit != 0;
    let held = match kind & 7 {
        1 => "Cons",
        2 => "External",
        3 => "Sliced",
        5 => "Thin",
        _ if major >= 12 && has(32) => "Seq",
        _ => "",
    };
    let internalized = if has(32) { "" } else { "Internalized" };
    // Until V8 11 two bytes were not told, and one byte came first.
    let (first, second) = match (major >= 12, has(8)) {
        (true, true) => (internalized, "OneByte"),
        (true, false) => (internalized, "TwoByte"),
        (false, true) => ("OneByte", internalized),
        (false, false) => ("", internalized),
    };
    let (shared, uncached) = (if has(64) { "Shared" } else { "" }, if has(16) { "Uncached" } else { "" });
    format!("{shared}{uncached}{held}{first}{second}String")
}

/// `FEEDBACK_CELL` to `FeedbackCell`, as V8 names its classes.
fn class_of_type(name: &str) -> String {
    name.split('_')
        .map(|word| match word {
            "JS" => "JS".to_owned(),
            word => {
                let mut letters = word.chars();
                let first = letters.next().map(|letter| letter.to_ascii_uppercase());
                first.into_iter().chain(letters.map(|letter| letter.to_ascii_lowercase())).collect()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn strings_have_the_names_of_their_bits() {
        let names = |major| [0, 10, 26, 32, 37, 41, 104, 122].map(|kind| super::string_class(kind, major));
        assert_eq!(
            names(10),
            [
                "InternalizedString",
                "ExternalOneByteInternalizedString",
                "UncachedExternalOneByteInternalizedString",
                "String",
                "ThinString",
                "ConsOneByteString",
                "SharedOneByteString",
                "SharedUncachedExternalOneByteString",
            ]
        );
        assert_eq!(
            names(13),
            [
                "InternalizedTwoByteString",
                "ExternalInternalizedOneByteString",
                "UncachedExternalInternalizedOneByteString",
                "SeqTwoByteString",
                "ThinTwoByteString",
                "ConsOneByteString",
                "SharedSeqOneByteString",
                "SharedUncachedExternalOneByteString",
            ]
        );
    }

    #[test]
    fn types_become_classes() {
        let classes =
            ["FEEDBACK_CELL", "JS_PROXY", "UNCOMPILED_DATA_WITH_PREPARSE_DATA"].map(super::class_of_type);
        assert_eq!(classes, ["FeedbackCell", "JSProxy", "UncompiledDataWithPreparseData"]);
    }
}
