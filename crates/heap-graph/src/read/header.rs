//! The `snapshot` section: which fields the records have, and what their numbers mean.

use serde_json::Value;

use super::error::ReadError;
use crate::graph::Header;
use crate::kinds::{EdgeKind, NodeKind};

/// Fields of a record beyond this are nobody's format.
const MAX_FIELDS: usize = 64;

/// A list of types beyond this is nobody's format.
const MAX_TYPES: usize = 255;

/// Types without a name here, at most: with the known ones before them, a written graph still has few enough.
const MAX_UNKNOWN: usize = 128;

/// Where each field of a node record stands.
#[derive(Clone, Debug)]
pub(crate) struct NodeLayout {
    pub(crate) fields: usize,
    pub(crate) kind: usize,
    pub(crate) name: usize,
    pub(crate) id: usize,
    pub(crate) self_size: usize,
    pub(crate) edge_count: usize,
    pub(crate) trace_node_id: Option<usize>,
    pub(crate) detachedness: Option<usize>,
    /// The file's type number to our code.
    pub(crate) kinds: Vec<u8>,
}

/// Where each field of an edge record stands.
#[derive(Clone, Debug)]
pub(crate) struct EdgeLayout {
    pub(crate) fields: usize,
    pub(crate) kind: usize,
    pub(crate) name: usize,
    pub(crate) to: usize,
    pub(crate) kinds: Vec<u8>,
}

/// Where each field of a small record stands, by the names that this program asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct SmallLayout {
    pub(crate) names: Vec<String>,
}

impl SmallLayout {
    pub(crate) fn at(&self, name: &str) -> Option<usize> {
        self.names.iter().position(|other| other == name)
    }

    pub(crate) fn fields(&self) -> usize {
        self.names.len()
    }
}

/// Everything that the `snapshot` section says.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) nodes: NodeLayout,
    pub(crate) edges: EdgeLayout,
    pub(crate) locations: SmallLayout,
    pub(crate) trace_functions: SmallLayout,
    pub(crate) trace_nodes: SmallLayout,
    pub(crate) samples: SmallLayout,
    pub(crate) node_count: u64,
    pub(crate) edge_count: u64,
    pub(crate) header: Header,
}

impl Layout {
    /// Reads the section's JSON.
    pub(crate) fn parse(json: &[u8], offset: u64) -> Result<Layout, ReadError> {
        let value: Value = serde_json::from_slice(json).map_err(|error| ReadError::Malformed {
            section: "snapshot".to_owned(),
            record: None,
            offset,
            expected: "the header's JSON".to_owned(),
            found: error.to_string(),
        })?;
        Layout::from_json(&value).map_err(|error| match error {
            ReadError::Inconsistent { section, problem } => {
                let problem = format!("{problem} (the section begins at byte {offset})");
                ReadError::Inconsistent { section, problem }
            }
            other => other,
        })
    }

    fn from_json(value: &Value) -> Result<Layout, ReadError> {
        let meta = value.get("meta").ok_or_else(|| wrong("\"meta\" is missing"))?;
        let mut header = Header {
            extra_native_bytes: value.get("extra_native_bytes").and_then(Value::as_u64).unwrap_or(0),
            trace_function_count: value.get("trace_function_count").and_then(Value::as_u64).unwrap_or(0),
            ..Header::default()
        };
        let nodes = node_layout(meta, &mut header)?;
        let edges = edge_layout(meta, &mut header)?;
        Ok(Layout {
            nodes,
            edges,
            locations: small(meta, "location_fields")?,
            trace_functions: small(meta, "trace_function_info_fields")?,
            trace_nodes: small(meta, "trace_node_fields")?,
            samples: small(meta, "sample_fields")?,
            node_count: count(value, "node_count")?,
            edge_count: count(value, "edge_count")?,
            header,
        })
    }
}

fn wrong(problem: impl Into<String>) -> ReadError {
    ReadError::Inconsistent { section: "snapshot".to_owned(), problem: problem.into() }
}

fn count(value: &Value, name: &str) -> Result<u64, ReadError> {
    value.get(name).and_then(Value::as_u64).ok_or_else(|| {
        wrong(format!("\"{name}\" should be an unsigned integer, but is {}", shown(value.get(name))))
    })
}

fn shown(value: Option<&Value>) -> String {
    match value {
        None => "missing".to_owned(),
        Some(value) => value.to_string().chars().take(60).collect(),
    }
}

fn names(meta: &Value, key: &str) -> Result<Vec<String>, ReadError> {
    let Some(list) = meta.get(key) else { return Ok(Vec::new()) };
    let list = list.as_array().ok_or_else(|| wrong(format!("meta.{key} should be a list of names")))?;
    if list.len() > MAX_FIELDS {
        return Err(wrong(format!(
            "meta.{key} has {} fields; at most {MAX_FIELDS} are supported",
            list.len()
        )));
    }
    list.iter()
        .map(|name| {
            name.as_str().map(str::to_owned).ok_or_else(|| wrong(format!("meta.{key} should hold names")))
        })
        .collect()
}

fn small(meta: &Value, key: &str) -> Result<SmallLayout, ReadError> {
    Ok(SmallLayout { names: names(meta, key)? })
}

fn position(names: &[String], key: &str, field: &str) -> Result<usize, ReadError> {
    names
        .iter()
        .position(|name| name == field)
        .ok_or_else(|| wrong(format!("meta.{key} has no field \"{field}\" (it has {})", names.join(", "))))
}

/// The names of the values of an enumerated field: `meta.node_types[field]`, which is a list there.
fn type_names(meta: &Value, key: &str, field: usize) -> Result<Vec<String>, ReadError> {
    let list = meta.get(key).and_then(|types| types.get(field)).and_then(Value::as_array);
    let list = list.ok_or_else(|| wrong(format!("meta.{key}[{field}] should be the list of types")))?;
    if list.len() > MAX_TYPES {
        return Err(wrong(format!(
            "meta.{key}[{field}] has {} types; at most {MAX_TYPES} are supported",
            list.len()
        )));
    }
    Ok(list.iter().map(|name| name.as_str().unwrap_or("?").to_owned()).collect())
}

fn few_enough(key: &str, unknown: &[String]) -> Result<(), ReadError> {
    match unknown.len() {
        0..=MAX_UNKNOWN => Ok(()),
        many => {
            Err(wrong(format!("meta.{key} has {many} unknown types; at most {MAX_UNKNOWN} are supported")))
        }
    }
}

/// Codes for type names: the known one's number, or a new one behind them.
fn codes(
    names: Vec<String>,
    known: usize,
    find: impl Fn(&str) -> Option<u8>,
    unknown: &mut Vec<String>,
) -> Vec<u8> {
    names
        .into_iter()
        .map(|name| {
            find(&name).unwrap_or_else(|| {
                let at = unknown.iter().position(|other| *other == name).unwrap_or_else(|| {
                    unknown.push(name);
                    unknown.len() - 1
                });
                (known + at) as u8
            })
        })
        .collect()
}

/// The highest code of a known kind.
fn last_known(kinds: &[u8], known: usize) -> Option<u8> {
    kinds.iter().copied().filter(|kind| usize::from(*kind) < known).max()
}

fn node_layout(meta: &Value, header: &mut Header) -> Result<NodeLayout, ReadError> {
    let fields = names(meta, "node_fields")?;
    let at = |field| position(&fields, "node_fields", field);
    let kind = at("type")?;
    let types = type_names(meta, "node_types", kind)?;
    let find = |name: &str| NodeKind::from_name(name).map(|kind| kind as u8);
    let layout = NodeLayout {
        fields: fields.len(),
        kind,
        name: at("name")?,
        id: at("id")?,
        self_size: at("self_size")?,
        edge_count: at("edge_count")?,
        trace_node_id: at("trace_node_id").ok(),
        detachedness: at("detachedness").ok(),
        kinds: codes(types, NodeKind::KNOWN.len(), find, &mut header.unknown_node_kinds),
    };
    few_enough("node_types", &header.unknown_node_kinds)?;
    header.last_node_kind = last_known(&layout.kinds, NodeKind::KNOWN.len());
    header.node_fields = fields;
    Ok(layout)
}

fn edge_layout(meta: &Value, header: &mut Header) -> Result<EdgeLayout, ReadError> {
    let fields = names(meta, "edge_fields")?;
    let at = |field| position(&fields, "edge_fields", field);
    let kind = at("type")?;
    let types = type_names(meta, "edge_types", kind)?;
    let find = |name: &str| EdgeKind::from_name(name).map(|kind| kind as u8);
    let layout = EdgeLayout {
        fields: fields.len(),
        kind,
        name: at("name_or_index")?,
        to: at("to_node")?,
        kinds: codes(types, EdgeKind::KNOWN.len(), find, &mut header.unknown_edge_kinds),
    };
    few_enough("edge_types", &header.unknown_edge_kinds)?;
    header.last_edge_kind = last_known(&layout.kinds, EdgeKind::KNOWN.len());
    Ok(layout)
}
