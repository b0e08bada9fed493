//! What the heap is made of, as DevTools' Statistics view says (`calculateStatistics`).

use super::detached::Detachedness;
use super::sizes::Sizes;
use crate::bits::BitSet;
use crate::graph::{HeapGraph, NodeIndex};
use crate::kinds::{EdgeKind, NodeKind};

/// Bytes by what they are for. All from shallow sizes after the transfer to owners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Statistics {
    /// Everything, with memory that no node stands for (`extra_native_bytes`).
    pub total: u64,
    /// Outside of V8's heap.
    pub native: u64,
    /// Of that, the data of ArrayBuffers.
    pub typed_arrays: u64,
    /// In V8's heap: the total less native memory.
    pub v8_heap: u64,
    /// Of that, code.
    pub code: u64,
    /// JavaScript arrays with their elements.
    pub js_arrays: u64,
    /// Strings.
    pub strings: u64,
    /// V8's own bookkeeping.
    pub system: u64,
}

pub(crate) fn statistics(
    graph: &HeapGraph,
    shallow: &Sizes,
    detached: &Detachedness,
    root_retained: u64,
) -> Statistics {
    let total = root_retained + graph.header.extra_native_bytes;
    let mut sums = Statistics { total, native: graph.header.extra_native_bytes, ..Statistics::default() };
    let strings = graph.strings();
    let (buffer_data, array) = (strings.equal_to("system / JSArrayBufferData"), strings.equal_to("Array"));
    let mut elements: Vec<u32> = Vec::new();
    for node in graph.nodes() {
        let size = shallow.get(node.index());
        match graph.kind(node) {
            NodeKind::Hidden => sums.system += size,
            NodeKind::Native => {
                sums.native += size;
                if buffer_data.contains(graph.name_index(node) as usize) && !detached.is_renamed(node) {
                    sums.typed_arrays += size;
                }
            }
            NodeKind::Code => sums.code += size,
            NodeKind::String | NodeKind::ConcatenatedString | NodeKind::SlicedString => sums.strings += size,
            _ if array.contains(graph.name_index(node) as usize) => {
                sums.js_arrays += size;
                elements.extend(graph.child(node, EdgeKind::Internal, "elements").map(|to| to.0));
            }
            _ => {}
        }
    }
    sums.js_arrays += sole_retained(graph, &elements).map(|node| shallow.get(node.index())).sum::<u64>();
    sums.v8_heap = total.saturating_sub(sums.native);
    sums
}

/// Those of the given nodes that exactly one edge of any type leads to, as often as they are given.
fn sole_retained<'a>(graph: &HeapGraph, nodes: &'a [u32]) -> impl Iterator<Item = NodeIndex> + 'a {
    let mut wanted = BitSet::new(graph.node_count());
    let mut once = BitSet::new(graph.node_count());
    let mut more = BitSet::new(graph.node_count());
    for &node in nodes {
        wanted.set(node as usize);
    }
    for &to in graph.edges.to.iter() {
        if wanted.get(to as usize) && !once.insert(to as usize) {
            more.set(to as usize);
        }
    }
    nodes.iter().copied().filter(move |&node| !more.get(node as usize)).map(NodeIndex)
}
