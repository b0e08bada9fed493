//! Writes a [`TestHeap`] as the bytes of a snapshot.

use std::collections::HashMap;
use std::fmt::Write as _;

use crate::Layout;
use crate::heap::{EdgeLabel, TestHeap, Text, TraceNode};
use crate::writing::{Escapes, Section, Writing};

pub(crate) fn write(heap: &TestHeap, writing: &Writing) -> Vec<u8> {
    let mut writer = Writer { heap, writing, strings: StringTable::default() };
    // String indices are given in V8's order, whatever the order of the sections.
    let mut sections: Vec<(Section, Vec<u8>)> = Vec::new();
    for section in Section::ALL {
        if writer.has(section) {
            sections.push((section, writer.section(section)));
        }
    }
    let body =
        |wanted: Section| sections.iter().find(|(section, _)| *section == wanted).map(|(_, body)| body);

    let space = if writing.pretty { " \t" } else { "" };
    let mut out = b"{".to_vec();
    let mut first = true;
    let mut entry = |key: &str, body: &[u8]| {
        let comma = if first { "" } else { ",\n" };
        first = false;
        out.extend(format!("{comma}{space}\"{key}\"{space}:{space}").bytes());
        out.extend(body);
    };
    if writing.unknown_sections {
        entry("made_up", br#"{"nodes":[1,{"strings":["]}\"",null,true]}],"deep":[[[[]]]]}"#);
    }
    for section in &writing.order {
        if let Some(body) = body(*section) {
            entry(section.key(), body);
            if writing.unknown_sections {
                entry(&format!("after_{}", section.key()), br#"[-1.5e3,"edges",[],{}]"#);
            }
        }
    }
    out.extend(b"}");
    out
}

/// The strings in the order of their first use, V8's dummy first.
struct StringTable {
    numbers: HashMap<Text, usize>,
    texts: Vec<Text>,
}

impl Default for StringTable {
    fn default() -> Self {
        let dummy = Text::from("<dummy>");
        Self { numbers: HashMap::from([(dummy.clone(), 0)]), texts: vec![dummy] }
    }
}

impl StringTable {
    fn number(&mut self, text: &Text) -> u64 {
        let next = self.texts.len();
        let number = *self.numbers.entry(text.clone()).or_insert(next);
        if number == next {
            self.texts.push(text.clone());
        }
        number as u64
    }
}

struct Writer<'a> {
    heap: &'a TestHeap,
    writing: &'a Writing,
    strings: StringTable,
}

const UNKNOWN_FIELD: &str = "made_up_field";

/// The `snapshot` section of a file that is written by other means: the counts are the caller's.
pub(crate) fn header(layout: Layout, node_count: u64, edge_count: u64) -> String {
    let heap = TestHeap::new(layout);
    let writing = Writing {
        node_count: Some(node_count.to_string()),
        edge_count: Some(edge_count.to_string()),
        ..Writing::default()
    };
    Writer { heap: &heap, writing: &writing, strings: StringTable::default() }.header()
}

impl Writer<'_> {
    fn has(&self, section: Section) -> bool {
        let scopes = [Section::Scopes, Section::ScopeContextVars, Section::ScopeUses];
        self.heap.layout.has_scopes || !scopes.contains(&section)
    }

    fn section(&mut self, section: Section) -> Vec<u8> {
        let records = match section {
            Section::Snapshot => return self.header().into_bytes(),
            Section::Strings => return self.string_section(),
            Section::TraceTree => return self.trace_tree().into_bytes(),
            Section::Nodes => self.nodes(),
            Section::Edges => self.edges(),
            Section::TraceFunctionInfos => self.trace_functions(),
            Section::Samples => self.samples(),
            Section::Locations => self.locations(),
            Section::Scopes => self.scopes(),
            Section::ScopeContextVars => self.scope_variables(),
            Section::ScopeUses => self.scope_uses(),
        };
        self.numbers(section, &records).into_bytes()
    }

    /// The field names of a record as this writing has them.
    fn fields<'b>(&self, fields: &[&'b str]) -> Vec<&'b str> {
        let mut fields = fields.to_vec();
        if self.writing.unknown_fields {
            fields.insert(1, UNKNOWN_FIELD);
        }
        fields
    }

    fn header(&self) -> String {
        let layout = &self.heap.layout;
        let node_fields = list(&self.fields(&layout.node_fields));
        let node_types = types(&layout.node_types, &layout.node_field_kinds, self.writing.unknown_fields);
        let edge_fields = list(&self.fields(&layout.edge_fields));
        let edge_kinds = ["string_or_number", "node"];
        let edge_types = types(&layout.edge_types, &edge_kinds, self.writing.unknown_fields);
        let location_fields = list(&self.fields(&layout.location_fields));
        let mut meta = format!(
            r#"{{"node_fields":{node_fields},"node_types":{node_types},"edge_fields":{edge_fields},"edge_types":{edge_types},"trace_function_info_fields":["function_id","name","script_name","script_id","line","column"],"trace_node_fields":["id","function_info_index","count","size","children"],"sample_fields":["timestamp_us","last_assigned_id"],"location_fields":{location_fields}"#
        );
        if layout.has_scopes {
            meta += r#","scope_fields":["script_node_index","scope_id","depth","scope_context_vars_count","scope_uses_count"],"scope_context_var_fields":["name"],"scope_use_fields":["declaring_scope_id","slot_index"]"#;
        }
        if self.writing.unknown_sections {
            meta += r#","made_up_fields":["a",["b",{"c":[]}]]"#;
        }
        let count =
            |said: &Option<String>, counted: usize| said.clone().unwrap_or_else(|| counted.to_string());
        let node_count = count(&self.writing.node_count, self.heap.node_count());
        let edge_count = count(&self.writing.edge_count, self.heap.edge_count());
        let functions = self.heap.trace_functions.len();
        let mut header = format!(
            r#"{{"meta":{meta}}},"node_count":{node_count},"edge_count":{edge_count},"trace_function_count":{functions}"#
        );
        if layout.has_extra_native_bytes {
            // Writing to a String cannot fail.
            let _ = write!(header, r#","extra_native_bytes":{}"#, self.heap.extra_native_bytes);
        }
        header + "}"
    }

    fn nodes(&mut self) -> Vec<Vec<u64>> {
        let heap = self.heap;
        let fields = self.fields(&heap.layout.node_fields);
        let mut records = Vec::with_capacity(heap.nodes.len());
        for node in &heap.nodes {
            let value = |field: &&str| match *field {
                "type" => heap.layout.node_type(&node.kind) as u64,
                "name" => self.strings.number(&node.name),
                "id" => node.id,
                "self_size" => node.self_size,
                "edge_count" => node.edges.len() as u64,
                "trace_node_id" => node.trace_node_id,
                "detachedness" => node.detachedness,
                _ => 77,
            };
            records.push(fields.iter().map(value).collect());
        }
        records
    }

    /// The file refers to a node by the position of its first number.
    fn node_position(&self, node: crate::Node) -> u64 {
        (node.0 * self.fields(&self.heap.layout.node_fields).len()) as u64
    }

    fn edges(&mut self) -> Vec<Vec<u64>> {
        let heap = self.heap;
        let fields = self.fields(&heap.layout.edge_fields);
        let mut records = Vec::with_capacity(heap.edge_count());
        for edge in heap.nodes.iter().flat_map(|node| &node.edges) {
            let label = match &edge.label {
                EdgeLabel::Name(text) => self.strings.number(text),
                EdgeLabel::Index(index) => u64::from(*index),
            };
            let value = |field: &&str| match *field {
                "type" => heap.layout.edge_type(&edge.kind) as u64,
                "name_or_index" => label,
                "to_node" => self.node_position(edge.to),
                _ => 77,
            };
            records.push(fields.iter().map(value).collect());
        }
        records
    }

    fn locations(&self) -> Vec<Vec<u64>> {
        let fields = self.fields(&self.heap.layout.location_fields);
        let record = |(node, location): &(crate::Node, crate::Location)| {
            let value = |field: &&str| match *field {
                "object_index" => self.node_position(*node),
                "script_id" => u64::from(location.script_id),
                "line" => u64::from(location.line),
                "column" => u64::from(location.column),
                _ => 77,
            };
            fields.iter().map(value).collect()
        };
        self.heap.locations.iter().map(record).collect()
    }

    fn trace_functions(&mut self) -> Vec<Vec<u64>> {
        let heap = self.heap;
        let mut records = Vec::new();
        for function in &heap.trace_functions {
            let at = function.location;
            let name = self.strings.number(&function.name);
            let script = self.strings.number(&function.script);
            let place = [at.script_id, at.line, at.column].map(u64::from);
            records.push([vec![function.id, name, script], place.to_vec()].concat());
        }
        records
    }

    fn trace_tree(&self) -> String {
        fn children(nodes: &[TraceNode]) -> String {
            let each = |node: &TraceNode| {
                let below = children(&node.children);
                format!("{},{},{},{},{below}", node.id, node.function, node.count, node.size)
            };
            format!("[{}]", nodes.iter().map(each).collect::<Vec<_>>().join(","))
        }
        children(self.heap.trace_tree.as_slice())
    }

    fn samples(&self) -> Vec<Vec<u64>> {
        self.heap.samples.iter().map(|(time, id)| vec![*time, *id]).collect()
    }

    fn scopes(&self) -> Vec<Vec<u64>> {
        let record = |scope: &crate::heap::Scope| {
            let (variables, uses) = (scope.variables.len() as u64, scope.uses.len() as u64);
            vec![self.node_position(scope.script), scope.id, scope.depth, variables, uses]
        };
        self.heap.scopes.iter().map(record).collect()
    }

    fn scope_variables(&mut self) -> Vec<Vec<u64>> {
        let heap = self.heap;
        let names = heap.scopes.iter().flat_map(|scope| &scope.variables);
        names.map(|name| vec![self.strings.number(name)]).collect()
    }

    fn scope_uses(&self) -> Vec<Vec<u64>> {
        let uses = self.heap.scopes.iter().flat_map(|scope| &scope.uses);
        uses.map(|(scope, slot)| vec![*scope, *slot]).collect()
    }

    fn numbers(&self, section: Section, records: &[Vec<u64>]) -> String {
        let (between_numbers, between_records) = match (self.writing.pretty, self.heap.layout.record_lines) {
            (true, _) => (" ,\r\n\t", " ,\r\n\t"),
            (false, true) => (",", "\n,"),
            (false, false) => (",", ","),
        };
        let mut out = String::from("[");
        let mut position = 0;
        for (index, record) in records.iter().enumerate() {
            out += if index == 0 { "" } else { between_records };
            for (field, number) in record.iter().enumerate() {
                out += if field == 0 { "" } else { between_numbers };
                let patch = |patch: &&(Section, usize, String)| patch.0 == section && patch.1 == position;
                match self.writing.patches.iter().find(patch) {
                    Some((_, _, text)) => out += text,
                    None => out += &number.to_string(),
                }
                position += 1;
            }
        }
        let end = if records.is_empty() || !self.heap.layout.record_lines { "]" } else { "\n]" };
        out + end
    }

    fn string_section(&self) -> Vec<u8> {
        let between = match (self.writing.pretty, self.heap.layout.record_lines) {
            (true, _) => " ,\n  ",
            (false, true) => ",\n",
            (false, false) => ",",
        };
        let mut out = b"[".to_vec();
        for (index, text) in self.strings.texts.iter().enumerate() {
            if index > 0 {
                out.extend(between.bytes());
            }
            match text {
                Text::Plain(text) => out.extend(quoted(text, self.writing.escapes).bytes()),
                Text::Literal(bytes) => out.extend([b"\"", bytes.as_slice(), b"\""].concat()),
            }
        }
        out.push(b']');
        out
    }
}

fn list(names: &[&str]) -> String {
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    format!("[{}]", quoted.join(","))
}

/// `meta.node_types` and `meta.edge_types`: the names of the first field's values, then the kinds of the others.
fn types(names: &[&str], kinds: &[&str], unknown_field: bool) -> String {
    let unknown = unknown_field.then_some("number");
    let kinds: String = unknown.iter().chain(kinds).map(|kind| format!(",\"{kind}\"")).collect();
    format!("[{}{kinds}]", list(names))
}

fn quoted(text: &str, escapes: Escapes) -> String {
    let mut out = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => out += "\\\"",
            '\\' => out += "\\\\",
            '\n' => out += "\\n",
            '\r' => out += "\\r",
            '\t' => out += "\\t",
            '\u{8}' => out += "\\b",
            '\u{c}' => out += "\\f",
            ' '..='~' => out.push(character),
            _ if escapes == Escapes::Utf8 && character >= ' ' => out.push(character),
            _ => {
                for unit in character.encode_utf16(&mut [0; 2]) {
                    // Writing to a String cannot fail.
                    let _ = write!(out, "\\u{unit:04X}");
                }
            }
        }
    }
    out + "\""
}
