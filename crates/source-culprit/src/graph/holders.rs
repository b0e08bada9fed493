//! The holder through which a walk goes up.

use heap_graph::{Edge, EdgeKind, NodeIndex, NodeKind};

use super::GraphView;
use super::hops::{MAX_RETAINERS, Meaning, describe};
use crate::evidence::Hop;

/// Rank from which a hop names something of the program.
const NAMED: u32 = 40;
/// Rank of the application's own variables and fields.
const OWN: u32 = 75;

/// One step up.
pub(super) struct Up {
    pub(super) holder: NodeIndex,
    pub(super) hop: Option<Hop>,
}

/// The best holder of `node`: the path's own where it names something, unless another one is the application's
/// and the path's is not.
pub(super) fn best(
    view: &GraphView<'_>,
    node: NodeIndex,
    path: &[(NodeIndex, Edge)],
    visited: &[NodeIndex],
) -> Option<Up> {
    let on_path = path.iter().rev().find(|(holder, edge)| edge.to == node && !visited.contains(holder));
    let own = on_path.map(|(holder, edge)| (*holder, describe(view, *holder, edge)));
    if let Some((holder, meaning)) = own {
        if meaning.rank >= OWN {
            return Some(Up { holder, hop: meaning.hop });
        }
        let other = strongest(view, node, visited);
        let floor = if meaning.rank >= NAMED { OWN.max(meaning.rank + 1) } else { NAMED };
        return match other {
            Some((other, better)) if better.rank >= floor => Some(Up { holder: other, hop: better.hop }),
            _ => Some(Up { holder, hop: meaning.hop }),
        };
    }
    strongest(view, node, visited).map(|(holder, meaning)| Up { holder, hop: meaning.hop })
}

fn strongest(view: &GraphView<'_>, node: NodeIndex, visited: &[NodeIndex]) -> Option<(NodeIndex, Meaning)> {
    let mut best: Option<(NodeIndex, Meaning)> = None;
    for holder in (view.retainers)(node).into_iter().take(MAX_RETAINERS) {
        if visited.contains(&holder) || view.graph.kind(holder) == NodeKind::Synthetic {
            continue;
        }
        let to_node = |edge: &Edge| {
            edge.to == node && !matches!(edge.kind, EdgeKind::Weak | EdgeKind::Shortcut | EdgeKind::Invisible)
        };
        for edge in view.graph.edges(holder).filter(to_node).take(4) {
            let meaning = describe(view, holder, &edge);
            if best.as_ref().is_none_or(|(_, known)| meaning.rank > known.rank) {
                best = Some((holder, meaning));
            }
        }
    }
    best.filter(|(_, meaning)| meaning.rank > 0)
}
