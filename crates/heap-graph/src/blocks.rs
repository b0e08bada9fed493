//! Variables of blocks.
//!
//! V8 names the variables of functions, scripts and modules that closures use. Those of a block (`if (isMainThread) {} else
//! {}`, the body of a loop) lie in a context of their own, and it numbers what they refer to (`V8HeapExplorer::
//! ExtractContextReferences` asks for a declaration context). Their names are the first strings of the block's `ScopeInfo`,
//! in the order of the context's slots.

use crate::graph::{Edge, EdgeName, HeapGraph, NodeIndex};
use crate::kinds::{EdgeKind, NodeKind};

/// Words of a context in front of its variables: map, length, `scope_info`, `previous`.
const HEADER: u64 = 4;
/// From so many on V8 keeps names in a table.
const MOST: u64 = 75;

impl HeapGraph {
    /// The name of the block's variable that an edge from `holder` stands for. Several where that is not known: a number has no
    /// edge, so one variable or another before it may be one. None if it is no variable of a block.
    pub fn block_variable(&self, holder: NodeIndex, edge: &Edge) -> Vec<&str> {
        let (EdgeKind::Hidden, EdgeName::Index(number)) = (edge.kind, self.edge_name(edge)) else {
            return Vec::new();
        };
        if self.kind(holder) != NodeKind::Object || self.name(holder) != "system / Context" {
            return Vec::new();
        }
        // A context whose variables V8 names is no block's: what is numbered there is something else.
        if self.edges(holder).any(|edge| edge.kind == EdgeKind::Context) {
            return Vec::new();
        }
        let names = self.names_of_slots(holder).unwrap_or_default();
        let numbers = self.edges(holder).filter(|edge| edge.kind == EdgeKind::Hidden);
        let pointers = numbers.map(|edge| edge.name_or_index as usize + 1).max().unwrap_or(0);
        let Some(missing) = names.len().checked_sub(pointers) else { return Vec::new() };
        let first = number as usize;
        names[first..=first + missing.min(names.len() - 1 - first)].to_vec()
    }

    /// The names of a block's variables, if all of them are there.
    fn names_of_slots(&self, context: NodeIndex) -> Option<Vec<&str>> {
        let scope = self.child(context, EdgeKind::Internal, "scope_info")?;
        let extension = u64::from(self.child(context, EdgeKind::Internal, "extension").is_some());
        let slots = (self.raw_self_size(context) / 8).checked_sub(HEADER + extension)?;
        if slots >= MOST {
            return None;
        }
        let mut names = Vec::new();
        for edge in self.edges(scope).filter(|edge| edge.kind == EdgeKind::Hidden) {
            let is_next = edge.name_or_index as usize == names.len();
            if names.len() as u64 == slots || !is_next || self.kind(edge.to) != NodeKind::String {
                break;
            }
            names.push(self.name(edge.to));
        }
        (names.len() as u64 == slots).then_some(names)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{GraphBuilder, GraphSink, Header};

    /// A block with these names, and what its slots refer to by hidden edges of these numbers; nodes 1 to 3 are the context,
    /// its scope and what is referred to.
    fn block(names: &[&str], slots: u64, numbers: &[u32]) -> HeapGraph {
        let mut graph = GraphBuilder::new(Header::default());
        graph.node(NodeKind::Synthetic, "", 1, 0);
        graph.edge(EdgeKind::Element, EdgeName::Index(1), NodeIndex(1));
        graph.node(NodeKind::Object, "system / Context", 3, 8 * (HEADER + slots));
        graph.edge(EdgeKind::Internal, EdgeName::Name("scope_info"), NodeIndex(2));
        for number in numbers {
            graph.edge(EdgeKind::Hidden, EdgeName::Index(*number), NodeIndex(3));
        }
        graph.node(NodeKind::Code, "system / ScopeInfo", 5, 64);
        graph.edge(EdgeKind::Internal, EdgeName::Name("map"), NodeIndex(3));
        for number in 0..names.len() as u32 {
            graph.edge(EdgeKind::Hidden, EdgeName::Index(number), NodeIndex(4 + number));
        }
        graph.node(NodeKind::Object, "Array", 7, 32);
        for (at, name) in names.iter().enumerate() {
            graph.node(NodeKind::String, name, 9 + 2 * at as u32, 24);
        }
        graph.finish()
    }

    fn variables(graph: &HeapGraph) -> Vec<Vec<&str>> {
        let hidden = graph.edges(NodeIndex(1)).filter(|edge| edge.kind == EdgeKind::Hidden);
        hidden.map(|edge| graph.block_variable(NodeIndex(1), &edge)).collect()
    }

    #[test]
    fn all_slots_have_their_names() {
        let graph = block(&["seen", "cache"], 2, &[0, 1]);
        assert_eq!(variables(&graph), [["seen"], ["cache"]]);
        // What V8 leaves out has a number all the same. A string behind the names is none.
        assert_eq!(variables(&block(&["a", "b", "c", "text"], 3, &[1, 2])), [["b"], ["c"]]);
    }

    #[test]
    fn a_number_leaves_open_which_it_is() {
        let graph = block(&["count", "seen", "text", "cache"], 4, &[0, 1, 2]);
        assert_eq!(variables(&graph), [["count", "seen"], ["seen", "text"], ["text", "cache"]]);
    }

    #[test]
    fn nothing_is_said_where_names_are_missing() {
        assert_eq!(variables(&block(&["seen"], 2, &[0, 1])), [[""; 0], [""; 0]]);
        assert_eq!(variables(&block(&["seen"], 1, &[0, 7])), [[""; 0], [""; 0]]);
        assert_eq!(variables(&block(&[], 0, &[0])), [[""; 0]]);
    }

    #[test]
    fn what_is_numbered_beside_named_variables_is_none_of_them() {
        let mut graph = GraphBuilder::new(Header::default());
        graph.node(NodeKind::Synthetic, "", 1, 0);
        graph.node(NodeKind::Object, "system / Context", 3, 8 * (HEADER + 1));
        graph.edge(EdgeKind::Context, EdgeName::Name("seen"), NodeIndex(3));
        graph.edge(EdgeKind::Internal, EdgeName::Name("scope_info"), NodeIndex(2));
        graph.edge(EdgeKind::Hidden, EdgeName::Index(0), NodeIndex(3));
        graph.node(NodeKind::Code, "system / ScopeInfo", 5, 64);
        graph.edge(EdgeKind::Hidden, EdgeName::Index(0), NodeIndex(3));
        graph.node(NodeKind::String, "seen", 7, 24);
        assert_eq!(variables(&graph.finish()), [[""; 0]]);
    }
}
