//! A heap in memory as a heap graph: the nodes and edges that V8's own snapshot would have, from a core or a frozen
//! copy of a process.
//!
//! V8 writes every object that it reaches, with the names that `V8HeapExplorer` (src/profiler/heap-snapshot-generator.cc)
//! gives to what each kind of object holds. Here the kinds and the names of V8's own fields are a table
//! (`shapes.txt`), measured on snapshots of each version; properties, elements and variables come from the readers of
//! [`crate::object`]. Only what is alive is written: [`Liveness`] marks it.

mod contents;
mod edges;
mod groups;
mod ids;
mod names;
mod natives;
mod ordinals;
mod plan;
mod receivers;
mod shapes;
mod tags;

use std::ops::ControlFlow;

use heap_graph::{EdgeKind, GraphBuilder, GraphSink, HeapGraph, NodeKind, PackedGraph};

use crate::Heap;
use crate::heap::Liveness;
use crate::object::ClassNames;
use edges::Emitter;
pub use ids::NodeIds;
use shapes::Shapes;
use tags::Tags;

/// What the graph is to have beyond what V8 writes.
#[derive(Clone, Copy, Debug, Default)]
pub struct GraphOptions {
    /// Strings whole; V8 cuts them at 1,024 UTF-16 units.
    pub full_strings: bool,
    /// The values of numbers instead of `heap number`.
    pub numbers: bool,
}

/// The graph of all live objects; [`NodeIds`] knows which node is which object. `None` if `progress`, which is told how
/// many of how many objects are written, asks to stop.
pub fn graph(
    heap: &Heap<'_>,
    live: &Liveness,
    options: GraphOptions,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Option<HeapGraph> {
    emit(heap, live, options, GraphBuilder::new(header(heap)), progress).map(GraphBuilder::finish)
}

/// The same graph, in less memory, only to be written.
pub fn packed_graph(
    heap: &Heap<'_>,
    live: &Liveness,
    options: GraphOptions,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Option<PackedGraph> {
    emit(heap, live, options, PackedGraph::new(header(heap)), progress)
}

fn emit<S: GraphSink>(
    heap: &Heap<'_>,
    live: &Liveness,
    options: GraphOptions,
    mut sink: S,
    progress: &mut dyn FnMut(u64, u64) -> ControlFlow<()>,
) -> Option<S> {
    let groups = groups::of(heap);
    let first = 2 + groups.len() as u32;
    let NodeIds { ordinals, ids, .. } = NodeIds::behind(heap, live, first);
    let shapes = Shapes::new(heap.layout);
    let classes = ClassNames::new(heap);
    let total = live.count();
    let tags = Tags::collect(heap, live, &ordinals, &shapes);
    let natives = natives::Natives::of(heap, &ordinals, tags.wrappers());
    let held = edges::HeldNames::new(&mut sink);
    let mut emitter = Emitter {
        heap,
        ordinals: &ordinals,
        ids: &ids,
        shapes: &shapes,
        classes: &classes,
        tags: &tags,
        options,
        graph: sink,
        inessential: edges::Inessential::new(heap, &ordinals),
        natives,
        held,
        plans: plan::Plans::default(),
        shared: names::Shared::default(),
        function_fields: Vec::new(),
        visited: Vec::new(),
        end: 0,
        no_initial_map: false,
        no_elements: (0, None),
    };
    // Memory beside the heap follows the objects.
    let nodes = ordinals.end() as usize + (ordinals.end() / 64) as usize;
    // Most edges are words of objects, and most text is in them.
    let bytes: usize = heap.pages.iter().map(|page| page.bytes.len()).sum();
    emitter.graph.reserve(nodes, bytes / 8, bytes);
    emitter.function_fields = emitter.fields_of(heap.layout.types.js_function);
    emitter.roots(&groups);
    let mut done = 0;
    for page in 0..heap.pages.len() {
        for object in live.objects_on(heap, page) {
            if done % (1 << 16) == 0 && progress(done, total).is_break() {
                return None;
            }
            done += 1;
            emitter.object(page, object);
        }
    }
    emitter.natives();
    Some(emitter.graph)
}

/// What this version's own snapshots have: until V8 12 also a field for traces, which is 0 without, and as many kinds as
/// it knew.
fn header(heap: &Heap<'_>) -> heap_graph::Header {
    let major = heap.layout.version.major;
    let traces = (major <= 12).then_some("trace_node_id");
    let fields =
        ["type", "name", "id", "self_size", "edge_count"].into_iter().chain(traces).chain(["detachedness"]);
    let last_node_kind = match major {
        ..=10 => NodeKind::BigInt,
        // These objects were there for one version.
        11 => NodeKind::WasmObject,
        _ => NodeKind::ObjectShape,
    };
    heap_graph::Header {
        node_fields: fields.map(str::to_owned).collect(),
        last_node_kind: Some(last_node_kind as u8),
        last_edge_kind: Some(EdgeKind::Weak as u8),
        ..heap_graph::Header::default()
    }
}

/// The kind with a name as the table of shapes has it.
fn kind_named(name: &str) -> NodeKind {
    match name {
        "object-shape" => NodeKind::ObjectShape,
        name => NodeKind::from_name(name).unwrap_or(NodeKind::Hidden),
    }
}
