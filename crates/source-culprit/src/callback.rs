//! A callback that something keeps: where the application hands it over.

use std::rc::Rc;

use oxc_ast::AstKind;
use oxc_semantic::NodeId;

use crate::evidence::FunctionPosition;
use crate::functions::{enclosing_function, function_at, name_of};
use crate::locations::is_library;
use crate::parsed::Parsed;
use crate::workspace::Workspace;

/// A function of the application that is kept.
pub(crate) struct Callback<'a> {
    pub(crate) parsed: Rc<Parsed<'a>>,
    /// The call that hands it over, else the function itself.
    pub(crate) node: NodeId,
    /// The function that hands it over, else the callback's own name.
    pub(crate) name: String,
}

/// The first of `functions` that the application wrote, with the call that takes it.
///
/// Functions that are made anew each time a function runs go first: only those can pile up.
pub(crate) fn kept_callback<'a>(
    workspace: &Workspace<'a>,
    functions: &[FunctionPosition],
) -> Option<Callback<'a>> {
    let mut found: Vec<(bool, Callback<'a>)> = Vec::new();
    for position in functions {
        let is_own =
            workspace.url(position.script_id).is_some_and(|url| !url.is_empty() && !is_library(&url));
        let Some(parsed) = is_own.then(|| workspace.parsed(position.script_id)).flatten() else { continue };
        let offset = parsed.lines.offset(parsed.text, position.line, position.column);
        let Some(function) = offset.and_then(|offset| function_at(&parsed, offset)) else { continue };
        let outer = enclosing_function(&parsed, function);
        let name = outer.and_then(|outer| name_of(&parsed, outer)).or_else(|| name_of(&parsed, function));
        let node = taken_by(&parsed, function).unwrap_or(function);
        let name = name.unwrap_or_else(|| "(anonymous)".to_owned());
        found.push((outer.is_some(), Callback { parsed, node, name }));
    }
    found.sort_by_key(|(made_anew, _)| !made_anew);
    found.into_iter().next().map(|(_, callback)| callback)
}

/// The call that a function is an argument of, directly or by its name.
fn taken_by(parsed: &Parsed<'_>, function: NodeId) -> Option<NodeId> {
    if let Some(call) = call_with_argument(parsed, function) {
        return Some(call);
    }
    let symbol = match (parsed.kind(function), parsed.kind(parsed.nodes().parent_id(function))) {
        (AstKind::Function(function), _) if function.is_declaration() => {
            function.id.as_ref()?.symbol_id.get()?
        }
        (_, AstKind::VariableDeclarator(variable)) => {
            variable.id.get_binding_identifier()?.symbol_id.get()?
        }
        _ => return None,
    };
    parsed
        .scoping()
        .get_resolved_references(symbol)
        .find_map(|reference| call_with_argument(parsed, reference.node_id()))
}

fn call_with_argument(parsed: &Parsed<'_>, argument: NodeId) -> Option<NodeId> {
    let span = parsed.span(argument);
    let parent = parsed.nodes().parent_id(argument);
    let is_argument = match parsed.kind(parent) {
        AstKind::CallExpression(call) => oxc_span::GetSpan::span(&call.callee) != span,
        AstKind::NewExpression(new) => oxc_span::GetSpan::span(&new.callee) != span,
        _ => false,
    };
    is_argument.then_some(parent)
}
