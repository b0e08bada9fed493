//! Allocation sites and samples of snapshots taken with allocation tracking (`.heaptimeline` too).

/// A function that allocated (`trace_function_infos`).
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TraceFunction {
    /// V8's id of the function.
    pub function_id: u64,
    /// Index of its name in the strings.
    pub name: u32,
    /// Index of its script's name in the strings.
    pub script_name: u32,
    /// V8's number of the script.
    pub script_id: u32,
    /// Line, from 0; `u32::MAX` when V8 had none.
    pub line: u32,
    /// Column, from 0; `u32::MAX` when V8 had none.
    pub column: u32,
}

/// One call site in the tree of allocation stacks (`trace_tree`), its parent being the caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TraceNode {
    /// Id, as nodes refer to it (`trace_node_id`).
    pub id: u32,
    /// Index into [`AllocationTraces::functions`].
    pub function: u32,
    /// Allocations ever made here.
    pub count: u64,
    /// Bytes ever allocated here.
    pub size: u64,
    /// Position of the caller in [`AllocationTraces::tree`]; its own position at the top.
    pub parent: u32,
}

/// The last id that V8 had given at a moment (`samples`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Sample {
    /// Microseconds since tracking began.
    pub timestamp_us: u64,
    /// Objects with ids up to this one existed.
    pub last_assigned_id: u64,
}

/// All that allocation tracking left in a snapshot; empty without it.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct AllocationTraces {
    /// Functions that allocated.
    pub functions: Vec<TraceFunction>,
    /// Call tree, parents before children.
    pub tree: Vec<TraceNode>,
    /// Ids over time.
    pub samples: Vec<Sample>,
    /// Trace node of each heap node, or empty when nodes carry none.
    pub node_trace: Vec<u32>,
}

impl AllocationTraces {
    /// The stack that allocated, innermost call first, as positions in [`Self::tree`].
    pub fn stack(&self, trace_node_id: u32) -> Vec<usize> {
        let mut stack = Vec::new();
        let mut at = self.tree.iter().position(|node| node.id == trace_node_id);
        while let Some(position) = at {
            stack.push(position);
            let parent = self.tree[position].parent as usize;
            at = (parent != position).then_some(parent);
        }
        stack
    }
}
