//! Functions and classes of a script, found by the positions that V8 gives.

use oxc_ast::AstKind;
use oxc_ast::ast::{Expression, PropertyKey};
use oxc_semantic::{NodeId, ScopeId};
use oxc_span::GetSpan;

use crate::parsed::Parsed;

/// The offset V8 gives for a function, an arrow function or a class.
fn v8_start(kind: AstKind<'_>) -> Option<u32> {
    match kind {
        AstKind::Function(function) => Some(function.params.span.start),
        AstKind::ArrowFunctionExpression(arrow) => Some(arrow.span.start),
        AstKind::Class(class) => Some(class.span.start),
        _ => None,
    }
}

/// The function or class at a byte offset: the one V8 means, else the innermost one around it.
pub(crate) fn function_at(parsed: &Parsed<'_>, offset: u32) -> Option<NodeId> {
    let mut around: Option<(u32, NodeId)> = None;
    for node in parsed.nodes().iter() {
        let Some(start) = v8_start(node.kind()) else { continue };
        if start == offset {
            return Some(node.id());
        }
        let span = node.kind().span();
        if span.start <= offset && offset < span.end && around.is_none_or(|(size, _)| span.size() < size) {
            around = Some((span.size(), node.id()));
        }
    }
    around.map(|(_, node)| node)
}

/// The scope a function or class opens.
pub(crate) fn scope_of(parsed: &Parsed<'_>, node: NodeId) -> Option<ScopeId> {
    match parsed.kind(node) {
        AstKind::Function(function) => function.scope_id.get(),
        AstKind::ArrowFunctionExpression(arrow) => arrow.scope_id.get(),
        AstKind::Class(class) => class.scope_id.get(),
        _ => None,
    }
}

/// The nearest function around a node; `None` at the top level. A class's field initialisers and static blocks
/// are not functions here.
pub(crate) fn enclosing_function(parsed: &Parsed<'_>, node: NodeId) -> Option<NodeId> {
    parsed
        .nodes()
        .ancestors(node)
        .find(|ancestor| {
            matches!(ancestor.kind(), AstKind::Function(_) | AstKind::ArrowFunctionExpression(_))
        })
        .map(|found| found.id())
}

/// The nearest class around a node.
pub(crate) fn enclosing_class(parsed: &Parsed<'_>, node: NodeId) -> Option<NodeId> {
    let mut ancestors = parsed.nodes().ancestors(node);
    ancestors.find(|ancestor| matches!(ancestor.kind(), AstKind::Class(_))).map(|found| found.id())
}

/// The function that gives `this` its meaning at a node: arrow functions do not.
pub(crate) fn this_function(parsed: &Parsed<'_>, node: NodeId) -> Option<NodeId> {
    let mut ancestors = parsed.nodes().ancestors(node);
    ancestors.find(|ancestor| matches!(ancestor.kind(), AstKind::Function(_))).map(|found| found.id())
}

/// What people call a function: its name, its method's, its variable's or what it is assigned to.
pub(crate) fn name_of(parsed: &Parsed<'_>, function: NodeId) -> Option<String> {
    // `Store.prototype.set = function set() {}` says more than `set`.
    if let AstKind::AssignmentExpression(assignment) = parsed.nodes().parent_kind(function) {
        let left = parsed.slice(assignment.left.span());
        if left.contains(".prototype.") && left.len() <= 80 && !left.contains('\n') {
            return Some(left.to_owned());
        }
    }
    if let AstKind::Function(node) = parsed.kind(function)
        && let Some(id) = &node.id
    {
        return Some(id.name.to_string());
    }
    if let AstKind::Class(node) = parsed.kind(function)
        && let Some(id) = &node.id
    {
        return Some(id.name.to_string());
    }
    match parsed.nodes().parent_kind(function) {
        AstKind::MethodDefinition(method) => {
            let own = method.key.static_name()?.into_owned();
            let class = enclosing_class(parsed, function).and_then(|class| name_of(parsed, class));
            Some(class.map_or(own.clone(), |class| format!("{class}.{own}")))
        }
        AstKind::ObjectProperty(property) => property.key.static_name().map(std::borrow::Cow::into_owned),
        AstKind::PropertyDefinition(property) => property_name(&property.key),
        AstKind::VariableDeclarator(variable) => {
            variable.id.get_identifier_name().map(|name| name.to_string())
        }
        AstKind::AssignmentExpression(assignment) => {
            let left = parsed.slice(assignment.left.span());
            (left.len() <= 80 && !left.contains('\n')).then(|| left.to_owned())
        }
        _ => None,
    }
}

/// A property key's name; private names with their `#`.
pub(crate) fn property_name(key: &PropertyKey<'_>) -> Option<String> {
    match key {
        PropertyKey::PrivateIdentifier(private) => Some(format!("#{}", private.name)),
        other => other.static_name().map(std::borrow::Cow::into_owned),
    }
}

/// Whether a node's code runs again and again: it stands in a function that is not called on the spot.
pub(crate) fn runs_per_call(parsed: &Parsed<'_>, node: NodeId) -> bool {
    let mut at = node;
    while let Some(function) = enclosing_function(parsed, at) {
        let called_at_once = match parsed.nodes().parent_kind(function) {
            AstKind::CallExpression(call) => call.callee.span() == parsed.span(function),
            AstKind::StaticMemberExpression(member) => {
                // (function () { … }).call(this)
                matches!(member.property.name.as_str(), "call" | "apply")
            }
            _ => false,
        };
        if !called_at_once {
            return true;
        }
        at = function;
    }
    false
}

/// A member expression's object span and static name (private names with `#`); `None` for a computed name.
pub(crate) fn member_parts(kind: AstKind<'_>) -> Option<(oxc_span::Span, Option<String>)> {
    match kind {
        AstKind::StaticMemberExpression(member) => {
            Some((member.object.span(), Some(member.property.name.to_string())))
        }
        AstKind::PrivateFieldExpression(member) => {
            Some((member.object.span(), Some(format!("#{}", member.field.name))))
        }
        AstKind::ComputedMemberExpression(member) => {
            let name = match &member.expression {
                Expression::StringLiteral(text) => Some(text.value.to_string()),
                _ => None,
            };
            Some((member.object.span(), name))
        }
        _ => None,
    }
}

/// The binding by which code calls a function or class.
pub(crate) fn symbol_of(parsed: &Parsed<'_>, function: NodeId) -> Option<oxc_semantic::SymbolId> {
    let own = match parsed.kind(function) {
        AstKind::Function(node) => node.id.as_ref(),
        AstKind::Class(node) => node.id.as_ref(),
        _ => None,
    };
    if let Some(id) = own {
        return id.symbol_id.get();
    }
    match parsed.nodes().parent_kind(function) {
        AstKind::VariableDeclarator(variable) => {
            variable.id.get_binding_identifier().and_then(|id| id.symbol_id.get())
        }
        _ => None,
    }
}
