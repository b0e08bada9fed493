//! One edge of the heap graph as a hop, with a rank of how much it says about source code.

use heap_graph::{Edge, EdgeKind, EdgeName, NodeIndex, NodeKind};

use super::{GraphView, position};
use crate::evidence::{FunctionPosition, Hop};

/// Positions of closures that are kept for one context.
const MAX_POSITIONS: usize = 24;
/// Retainers that are looked at for one node.
pub(super) const MAX_RETAINERS: usize = 4_000;

/// What an edge means; `hop` is `None` for a step inside one thing of the language.
pub(super) struct Meaning {
    pub(super) hop: Option<Hop>,
    /// 0: a root or V8's own; 100: a variable.
    pub(super) rank: u32,
}

fn meaning(hop: Hop, rank: u32) -> Meaning {
    Meaning { hop: Some(hop), rank }
}

/// What the edge from `holder` says about its target.
pub(super) fn describe(view: &GraphView<'_>, holder: NodeIndex, edge: &Edge) -> Meaning {
    let graph = view.graph;
    let name = graph.edge_name(edge);
    let internal = |rank| meaning(Hop::Internal { name: name.to_string() }, rank);
    match (edge.kind, graph.kind(holder), name) {
        (_, NodeKind::Synthetic, _) => internal(0),
        (EdgeKind::Context, _, EdgeName::Name(name)) => {
            if name.starts_with('.') || name == "this" {
                return internal(8);
            }
            let hop = context_slot(view, holder, name);
            let own = slot_script(&hop).is_some_and(|script| !(view.is_library)(script));
            meaning(hop, if own { 115 } else { 90 })
        }
        (EdgeKind::Hidden, NodeKind::Object, _) => {
            let names = graph.block_variable(holder, edge);
            let Some(first) = names.first().filter(|name| !name.starts_with('.')) else {
                return internal(10);
            };
            let hop = match (context_slot(view, holder, first), names.as_slice()) {
                (hop, [_]) => hop,
                (Hop::ContextSlot { closures, activations, nested, .. }, names) => Hop::OneOfSlots {
                    names: names.iter().map(|name| (*name).to_owned()).collect(),
                    holds: graph.name(edge.to).to_owned(),
                    closures,
                    activations,
                    nested,
                },
                (hop, _) => hop,
            };
            let own = slot_script(&hop).is_some_and(|script| !(view.is_library)(script));
            meaning(hop, if own { 115 } else { 90 })
        }
        (EdgeKind::Property, _, EdgeName::Name("__proto__" | "constructor" | "prototype")) => internal(4),
        (EdgeKind::Property, NodeKind::Closure, EdgeName::Name(name)) => meaning(
            Hop::StaticProperty {
                name: name.to_owned(),
                function_name: graph.name(holder).to_owned(),
                function: position(graph.location(holder)),
            },
            70,
        ),
        (EdgeKind::Property, _, EdgeName::Name(name)) if is_global(view, holder) => {
            meaning(Hop::GlobalProperty { name: name.to_owned() }, 85)
        }
        (EdgeKind::Property, _, EdgeName::Name(name)) => property(view, holder, name),
        (EdgeKind::Element, _, _) => meaning(Hop::Element, 45),
        (EdgeKind::Internal, NodeKind::Hidden, EdgeName::Name("value"))
            if graph.name(holder) == "system / Cell" =>
        {
            module_cell(view, holder).map_or_else(|| internal(12), |hop| meaning(hop, 110))
        }
        // The backing stores of arrays and objects: the object itself has the same edge by its name.
        (EdgeKind::Internal, _, EdgeName::Name("elements" | "properties")) => Meaning { hop: None, rank: 20 },
        (EdgeKind::Internal, _, EdgeName::Name("table")) => meaning(Hop::Element, 45),
        (EdgeKind::Internal, NodeKind::Array, EdgeName::Name(name)) if name != "map" => {
            // An entry of a table; the table's own `table` edge makes it an element.
            if table_owner(view, holder) { Meaning { hop: None, rank: 44 } } else { internal(6) }
        }
        (EdgeKind::Internal, NodeKind::Closure, EdgeName::Name("context")) => internal(40),
        (EdgeKind::Internal, _, EdgeName::Name("context")) => internal(30),
        (EdgeKind::Internal, _, EdgeName::Name("previous")) => internal(25),
        (EdgeKind::Internal, _, EdgeName::Name("reactions_or_result" | "bound_function" | "bound_this")) => {
            internal(35)
        }
        (EdgeKind::Internal, _, EdgeName::Name(text)) if text.contains("in WeakMap") => {
            meaning(Hop::Element, 30)
        }
        (EdgeKind::Shortcut | EdgeKind::Weak | EdgeKind::Invisible, _, _) => internal(0),
        _ => internal(10),
    }
}

fn property(view: &GraphView<'_>, holder: NodeIndex, name: &str) -> Meaning {
    let graph = view.graph;
    let class = graph.name(holder);
    if class == "Module"
        && name == "exports"
        && let Some(file) =
            string_property(view, holder, "filename").or_else(|| string_property(view, holder, "id"))
    {
        return meaning(Hop::ModuleExports { file }, 80);
    }
    let constructor = position(graph.location(holder));
    let own = constructor.is_some_and(|at| !(view.is_library)(at.script_id));
    let hop = Hop::Property { name: name.to_owned(), holder_class: class.to_owned(), constructor };
    // What a plain object holds under computed keys is an element to source code, but its name costs nothing.
    meaning(hop, if own { 75 } else { 60 })
}

fn string_property(view: &GraphView<'_>, node: NodeIndex, name: &str) -> Option<String> {
    let value = view.graph.child(node, EdgeKind::Property, name)?;
    let text = view.graph.name(value);
    (view.graph.kind(value) == NodeKind::String && text.contains(['/', '\\'])).then(|| text.to_owned())
}

fn is_global(view: &GraphView<'_>, node: NodeIndex) -> bool {
    let name = view.graph.name(node);
    name == "global" || name.starts_with("global (") || name.starts_with("Object / global")
}

fn table_owner(view: &GraphView<'_>, table: NodeIndex) -> bool {
    let owners = (view.retainers)(table);
    owners
        .into_iter()
        .take(8)
        .any(|owner| view.graph.child(owner, EdgeKind::Internal, "table") == Some(table))
}

/// The variable `name` of a context, with the functions that see it.
fn context_slot(view: &GraphView<'_>, context: NodeIndex, name: &str) -> Hop {
    let mut closures = Vec::new();
    let mut activations = Vec::new();
    let mut nested = Vec::new();
    let mut level = vec![context];
    for depth in 0..4 {
        let mut deeper = Vec::new();
        for node in level {
            for user in (view.retainers)(node).into_iter().take(MAX_RETAINERS) {
                let kind = view.graph.kind(user);
                let holds = |name| view.graph.child(user, EdgeKind::Internal, name) == Some(node);
                if view.graph.name(user) == "system / Context" {
                    if deeper.len() < 64 && holds("previous") {
                        deeper.push(user);
                    }
                } else if let (true, Some(at)) = (holds("context"), position(view.graph.location(user))) {
                    let list = match (depth, kind) {
                        (0, NodeKind::Closure) => &mut closures,
                        (0, _) => &mut activations,
                        _ => &mut nested,
                    };
                    add(list, at);
                }
            }
        }
        if !closures.is_empty() || deeper.is_empty() {
            break;
        }
        level = deeper;
    }
    Hop::ContextSlot { name: name.to_owned(), closures, activations, nested }
}

fn add(list: &mut Vec<FunctionPosition>, at: FunctionPosition) {
    if list.len() < MAX_POSITIONS && !list.contains(&at) {
        list.push(at);
    }
}

fn slot_script(hop: &Hop) -> Option<u32> {
    let (Hop::ContextSlot { closures, activations, nested, .. }
    | Hop::OneOfSlots { closures, activations, nested, .. }) = hop
    else {
        return None;
    };
    closures.iter().chain(activations).chain(nested).next().map(|at| at.script_id)
}

/// The export that a module's cell stands for: the module's table has the name right before the cell.
fn module_cell(view: &GraphView<'_>, cell: NodeIndex) -> Option<Hop> {
    let graph = view.graph;
    for table in (view.retainers)(cell).into_iter().take(64) {
        if graph.kind(table) != NodeKind::Array {
            continue;
        }
        let mut name = None;
        for edge in graph.edges(table) {
            if edge.to == cell {
                let Some(export) = name else { break };
                let functions = module_functions(view, table);
                return Some(Hop::ModuleVariable { export, functions });
            }
            let is_text = graph.kind(edge.to) == NodeKind::String;
            name = is_text.then(|| graph.name(edge.to).to_owned());
        }
    }
    None
}

/// Functions of the module that owns an export table: what its other cells hold, else its own code.
fn module_functions(view: &GraphView<'_>, table: NodeIndex) -> Vec<FunctionPosition> {
    let graph = view.graph;
    let mut found = Vec::new();
    for module in (view.retainers)(table).into_iter().filter(|n| graph.name(*n).contains("TextModule")) {
        for edge in graph.edges(module) {
            let kind = graph.kind(edge.to);
            if matches!(kind, NodeKind::Closure | NodeKind::Object) && graph.name(edge.to) != "Module" {
                found.extend(position(graph.location(edge.to)));
            }
        }
    }
    if found.is_empty() {
        for edge in graph.edges(table).filter(|edge| graph.name(edge.to) == "system / Cell") {
            let value = graph.child(edge.to, EdgeKind::Internal, "value");
            let closure = value.filter(|value| graph.kind(*value) == NodeKind::Closure);
            found.extend(closure.and_then(|closure| position(graph.location(closure))));
        }
    }
    found
}
