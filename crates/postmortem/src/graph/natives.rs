//! Memory beside the heap: the contents of buffers, and Node's objects of C++. Their nodes follow those of all objects.

use heap_graph::{EdgeKind, EdgeName, GraphSink, NodeIndex, NodeKind, detachedness};
use rustc_hash::FxHashMap;

use super::edges::{Emitter, Here};
use super::ordinals::Ordinals;
use crate::Heap;
use crate::embedder::{BaseObject, BaseObjects, Managed};

/// Bytes that a process of x86-64 can have.
const ADDRESS_SPACE: u64 = 1 << 47;

/// What is to be written behind the objects.
#[derive(Default)]
pub(super) struct Natives {
    /// Objects of C++ and the nodes of the objects that programs have for them.
    base: Vec<(u32, BaseObject)>,
    /// Places among these, by the object's address.
    of_object: FxHashMap<u64, u32>,
    /// By the address of an object: what C++ has of it, where V8 makes one node of both.
    managed: FxHashMap<u64, Managed>,
    /// Contents of buffers: bytes.
    buffers: Vec<u64>,
    /// All of it.
    buffer_bytes: u64,
}

impl Natives {
    /// Asks objects that have fields for an object of C++.
    pub(super) fn of(heap: &Heap<'_>, ordinals: &Ordinals, wrappers: &[u64]) -> Self {
        let mut natives = Self::default();
        let mut reader = BaseObjects::new(heap);
        for object in wrappers {
            let (Some(node), Some(map)) = (ordinals.get(heap, *object), heap.map_of(*object)) else {
                continue;
            };
            let managed = map.managed_field(heap.layout).and_then(|offset| heap.field(*object, offset).ok());
            if let Some(managed) = managed.and_then(|address| reader.managed(address)) {
                natives.managed.insert(*object, managed);
                continue;
            }
            let fields = map.embedder_fields(heap.layout);
            let fields = fields.filter_map(|offset| heap.field(*object, offset).ok());
            if let Some(base) = reader.behind(*object, fields) {
                natives.of_object.insert(*object, natives.base.len() as u32);
                natives.base.push((node, base));
            }
        }
        natives
    }

    /// What C++ has of an object, where V8 makes one node of both.
    pub(super) fn managed(&self, object: u64) -> Option<&Managed> {
        self.managed.get(&object)
    }

    /// How many there are yet.
    fn len(&self) -> u32 {
        (self.base.len() + self.buffers.len()) as u32
    }

    /// The numbers, behind those of all objects, of what C++ keeps alive.
    fn roots(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&self.base).filter(|(_, (_, base))| base.is_root == Some(true)).map(|(at, _)| at)
    }
}

impl<S: GraphSink> Emitter<'_, '_, S> {
    /// Edges from the root, which come behind its others.
    pub(super) fn native_roots(&mut self) {
        for at in self.natives.roots() {
            let number = self.graph.edge_count_of_node() + 1;
            let node = NodeIndex(self.ordinals.end() + at);
            self.graph.edge(EdgeKind::Element, EdgeName::Index(number), node);
        }
    }

    /// The object of C++ that an object of the language is there for.
    pub(super) fn base_object(&mut self, here: &Here<'_>) {
        if let Some(at) = self.natives.of_object.get(&here.address) {
            let node = NodeIndex(self.ordinals.end() + at);
            self.graph.edge(EdgeKind::Internal, EdgeName::Name("javascript_to_native"), node);
        }
    }

    /// The memory of a buffer is a node of its own.
    pub(super) fn buffer(&mut self, here: &Here<'_>) {
        let length = here.field(self.heap.layout.fields.array_buffer_byte_length).unwrap_or(0);
        // What is larger than all memory that a process can have is no length.
        if length > 0 && length <= ADDRESS_SPACE - self.natives.buffer_bytes {
            self.natives.buffer_bytes += length;
            let node = NodeIndex(self.ordinals.end() + self.natives.len());
            self.natives.buffers.push(length);
            self.graph.edge(EdgeKind::Internal, EdgeName::Name("backing_store"), node);
        }
    }

    /// Writes the nodes.
    pub(super) fn natives(&mut self) {
        let Natives { base, buffers, .. } = std::mem::take(&mut self.natives);
        for (object, BaseObject { name, size, is_root }) in base {
            let id = self.ids.of_memory(self.graph.node_count());
            let (kind, state) = match is_root {
                Some(true) => (NodeKind::Synthetic, detachedness::UNKNOWN),
                Some(false) => (NodeKind::Native, detachedness::DETACHED),
                None => (NodeKind::Native, detachedness::UNKNOWN),
            };
            self.graph.node(kind, &format!("Node / {name}"), id, size);
            self.graph.place(None, state);
            self.graph.edge(EdgeKind::Internal, EdgeName::Name("native_to_javascript"), NodeIndex(object));
        }
        for bytes in buffers {
            let id = self.ids.of_memory(self.graph.node_count());
            self.graph.node(NodeKind::Native, "system / JSArrayBufferData", id, bytes);
        }
    }
}
