//! The forms of the oracle's answers.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// A row of the "Summary" view.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ClassRow {
    /// DevTools' class key: `,Name`, or `scriptId,line,column,Name` for a class with a known constructor.
    #[serde(skip)]
    pub key: String,
    /// The name shown.
    pub name: String,
    /// How many objects of a size above 0.
    pub count: u64,
    /// Their shallow sizes.
    #[serde(rename = "self")]
    pub shallow_size: u64,
    /// What they retain, without counting what lies under another of the class twice.
    #[serde(rename = "retained")]
    pub retained_size: u64,
    /// The smallest distance.
    pub distance: i64,
}

/// A row of the "Comparison" view.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DiffRow {
    /// DevTools' class key.
    #[serde(skip)]
    pub key: String,
    /// The name shown.
    pub name: String,
    /// Objects that only the later snapshot has.
    pub added_count: u64,
    /// Objects that only the earlier one has.
    pub removed_count: u64,
    /// Their sizes.
    pub added_size: u64,
    /// Their sizes.
    pub removed_size: u64,
    /// Added less removed.
    pub count_delta: i64,
    /// Added less removed.
    pub size_delta: i64,
}

#[derive(Deserialize)]
pub(crate) struct Aggregates {
    aggregates: BTreeMap<String, ClassRow>,
}

impl Aggregates {
    pub(crate) fn rows(self) -> Vec<ClassRow> {
        self.aggregates.into_iter().map(|(key, row)| ClassRow { key, ..row }).collect()
    }
}

#[derive(Deserialize)]
pub(crate) struct Diff {
    diff: BTreeMap<String, DiffRow>,
}

impl Diff {
    pub(crate) fn rows(self) -> Vec<DiffRow> {
        self.diff.into_iter().map(|(key, row)| DiffRow { key, ..row }).collect()
    }
}

/// Counts and statistics of a snapshot.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Summary {
    /// The version of DevTools that answered.
    pub devtools: String,
    /// Nodes.
    pub node_count: u64,
    /// Edges.
    pub edge_count: u64,
    /// The length of the string table.
    pub strings: u64,
    /// What the root retains, with the bytes outside the heap.
    pub total_size: u64,
    /// What the root retains.
    pub root_retained: u64,
    /// The "Statistics" view.
    pub statistics: Statistics,
    /// What DevTools complained about.
    pub warnings: Vec<String>,
}

/// The "Statistics" view.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Statistics {
    /// Everything.
    pub total: u64,
    /// Memory of native objects.
    pub native: NativeStatistics,
    /// Memory of V8's heap.
    pub v8heap: HeapStatistics,
}

/// Memory of native objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NativeStatistics {
    /// All of it.
    pub total: u64,
    /// Contents of array buffers.
    pub typed_arrays: u64,
}

/// Memory of V8's heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeapStatistics {
    /// All of it.
    pub total: u64,
    /// Code.
    pub code: u64,
    /// JavaScript arrays.
    pub js_arrays: u64,
    /// Strings.
    pub strings: u64,
    /// V8's own.
    pub system: u64,
}

/// Strings that DevTools takes for the same.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DuplicateString {
    /// The contents, as far as the snapshot has them.
    pub value: String,
    /// How often it is there.
    pub count: u64,
    /// The sum of the self sizes.
    pub total_self_size: u64,
    /// The sum of the retained sizes.
    pub total_retained_size: u64,
    /// Whether the snapshot says that the contents were cut.
    pub truncated: Option<bool>,
}

/// Sizes by context.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Contexts {
    /// Native contexts: the main one and those of `vm`.
    pub native_contexts: NativeContexts,
    /// Function contexts.
    pub retained_by_context: RetainedByContext,
}

/// Sizes by native context.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NativeContexts {
    /// One row each.
    pub native_contexts: Vec<NativeContext>,
    /// What several own.
    pub shared_size: u64,
    /// What none owns.
    pub no_attribution_size: u64,
}

/// What a native context owns.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NativeContext {
    /// V8's id.
    pub node_id: u64,
    /// The node's name.
    pub node_name: String,
    /// The sizes of the nodes attributed to it.
    pub attributed_size: u64,
    /// Its retained size.
    pub retained_size: u64,
    /// Its shallow size.
    pub self_size: u64,
}

/// What the contexts of closures retain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetainedByContext {
    /// How many contexts there are.
    pub context_count: u64,
    /// Bytes that only contexts hold.
    pub retained_by_context_size: u64,
    /// Nodes that only contexts hold.
    pub retained_by_context_count: u64,
    /// The other bytes.
    pub not_retained_by_context_size: u64,
    /// The other nodes.
    pub not_retained_by_context_count: u64,
    /// Both.
    pub total_size: u64,
}

/// The answer about one object.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct PathAnswer {
    /// The object.
    pub info: ObjectInfo,
    /// Its dominators, itself first.
    pub dominators: Vec<Dominator>,
    /// What holds it.
    pub retaining: RetainingPaths,
}

/// An object's numbers.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ObjectInfo {
    /// V8's id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its shallow size.
    pub self_size: u64,
    /// Its retained size.
    pub retained_size: u64,
    /// Its distance.
    pub distance: i64,
    /// Edges that leave it.
    pub edge_count: u64,
    /// Edges that reach it.
    pub retainer_count: u64,
}

/// A step of the chain of dominators.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Dominator {
    /// V8's id.
    pub node_id: u64,
    /// The node's name.
    pub node_name: String,
    /// Its retained size.
    pub retained_size: u64,
    /// Its shallow size.
    pub self_size: u64,
}

/// The tree of what holds an object.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RetainingPaths {
    /// The edges that hold it, nearest to the root first.
    pub paths: Vec<RetainingEdge>,
    /// Which limits cut the tree: `depth`, `nodes`, `siblings`.
    #[serde(rename = "limitsReached")]
    pub limits_reached: BTreeMap<String, bool>,
}

/// An edge that holds something, and what holds its source.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RetainingEdge {
    /// The source's id.
    pub node_id: u64,
    /// The source's name.
    pub node_name: String,
    /// The edge's name or index.
    #[serde(deserialize_with = "text_or_number")]
    pub edge_name: String,
    /// The edge's type.
    pub edge_type: String,
    /// The source's distance.
    pub distance: i64,
    /// The edges that hold the source.
    #[serde(default)]
    pub children: Vec<RetainingEdge>,
}

/// An interface that plain objects were grouped by.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Interface {
    /// The name shown, such as `{id, name}`.
    pub name: String,
    /// The properties that an object must have.
    pub properties: Vec<String>,
}

/// DevTools gives the index of an element as a number.
fn text_or_number<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => text,
        number => number.to_string(),
    })
}
