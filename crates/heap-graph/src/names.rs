//! What a node is called on screen, as DevTools calls it (`JSHeapSnapshotNode.name`).

use crate::analysis::interfaces::format_property;
use crate::graph::{Edge, EdgeName, HeapGraph, NodeIndex};
use crate::kinds::{EdgeKind, NodeKind};
use crate::ropes;

/// Longest list of properties in the name of a plain object, in UTF-16 units.
const MAX_PROPERTIES: usize = 100;

pub(crate) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

impl HeapGraph {
    /// The node's name on screen: the content of a rope, `{a, b, …, z}` for a plain object, else its own name.
    pub fn display_name(&self, node: NodeIndex) -> String {
        match self.kind(node) {
            NodeKind::ConcatenatedString => self.rope(node),
            NodeKind::Object if self.name(node) == "Object" => self.plain_object_name(node),
            _ => self.name(node).to_owned(),
        }
    }

    /// The text of a rope, put together from its parts up to 1,024 UTF-16 units.
    pub fn rope(&self, node: NodeIndex) -> String {
        let mut text = String::new();
        ropes::append(self, node, &mut text);
        text
    }

    /// `{first, second, …, last}`: as many property names as fit, taken from both ends in turn.
    fn plain_object_name(&self, node: NodeIndex) -> String {
        let is_shown = |edge: &Edge| {
            edge.kind == EdgeKind::Property && self.edge_name(edge) != EdgeName::Name("__proto__")
        };
        let properties: Vec<Edge> = self.edges(node).filter(is_shown).collect();
        let (mut start, mut end) = (String::from("{"), String::from("}"));
        let (mut first, mut last) = (0, properties.len());
        let mut from_end = false;
        while first < last {
            let edge = if from_end { &properties[last - 1] } else { &properties[first] };
            let name = format_property(&self.edge_name(edge).to_string());
            if start.len() > 1 && units(&start) + units(&end) + units(&name) > MAX_PROPERTIES {
                break;
            }
            if from_end {
                last -= 1;
                let separator = if end.len() > 1 { ", " } else { "" };
                end = format!("{name}{separator}{end}");
            } else {
                first += 1;
                start.push_str(if start.len() > 1 { ", " } else { "" });
                start.push_str(&name);
            }
            from_end = !from_end;
        }
        if first < last {
            start.push_str(", …");
        }
        if end.len() > 1 {
            start.push_str(", ");
        }
        start + &end
    }

    /// The value of a number node that hangs below `node` (`length`, `hash` and `truncated` of strings in
    /// snapshots of newer V8s): the text of the value's own node.
    pub(crate) fn attached_value(&self, node: NodeIndex, name: &str) -> Option<&str> {
        let number = self.child(node, EdgeKind::Internal, name)?;
        if self.kind(number) != NodeKind::Number {
            return None;
        }
        self.child(number, EdgeKind::Internal, "value").map(|value| self.name(value))
    }
}
