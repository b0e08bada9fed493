//! Fields of instances and static properties: where they are declared, and where code touches them.

use std::rc::Rc;

use oxc_ast::AstKind;
use oxc_ast::ast::{AssignmentTarget, ClassElement, Expression};
use oxc_semantic::NodeId;
use oxc_span::GetSpan;

use crate::anchor::Anchor;
use crate::answer::Note;
use crate::evidence::FunctionPosition;
use crate::follow::{Segment, Start, Steps, Trust};
use crate::functions::{
    enclosing_class, function_at, member_parts, name_of, property_name, runs_per_call, symbol_of,
    this_function,
};
use crate::locations::is_library;
use crate::parsed::Parsed;
use crate::workspace::Workspace;

/// Finds the field `name` of the class whose constructor V8 names, or of the class called `class_name`.
pub(crate) fn field_anchor<'a>(
    workspace: &Workspace<'a>,
    name: &str,
    class_name: &str,
    constructor: Option<FunctionPosition>,
    is_static: bool,
    steps: &Steps,
) -> Option<Anchor<'a>> {
    let found = match constructor {
        Some(position) => class_at(workspace, position),
        None => class_named(workspace, class_name),
    };
    let (parsed, class) = found?;
    let mut level = Some((parsed, class));
    for _ in 0..8 {
        let Some((parsed, class)) = level else { break };
        if let Some(declared) = declaration(&parsed, class, name, is_static) {
            let trust = if constructor.is_some() { Trust::Binding } else { Trust::Name };
            return Some(field_at(workspace, &parsed, class, name, declared, is_static, steps, trust));
        }
        level = base_class(workspace, &parsed, class);
        if level.is_none() {
            workspace.note(Note::NotDeclared { name: format!("{class_name}.{name}"), file: parsed.file() });
        }
    }
    None
}

fn class_at<'a>(workspace: &Workspace<'a>, position: FunctionPosition) -> Option<(Rc<Parsed<'a>>, NodeId)> {
    let parsed = workspace.parsed(position.script_id)?;
    let Some(offset) = parsed.lines.offset(parsed.text, position.line, position.column) else {
        workspace.note(Note::PositionOutside { file: parsed.file() });
        return None;
    };
    let function = function_at(&parsed, offset)?;
    let is_constructor = matches!(parsed.nodes().parent_kind(function), AstKind::MethodDefinition(_));
    let class = if is_constructor { enclosing_class(&parsed, function)? } else { function };
    Some((parsed, class))
}

fn class_named<'a>(workspace: &Workspace<'a>, class_name: &str) -> Option<(Rc<Parsed<'a>>, NodeId)> {
    if matches!(class_name, "" | "Object" | "Array" | "Map" | "Set" | "Function" | "global" | "Promise") {
        return None;
    }
    let mut found = workspace.application(class_name).into_iter().flat_map(|parsed| {
        let nodes: Vec<_> = parsed
            .nodes()
            .iter()
            .filter(|node| {
                matches!(node.kind(), AstKind::Class(_) | AstKind::Function(_))
                    && name_of(&parsed, node.id()).as_deref() == Some(class_name)
            })
            .map(|node| (Rc::clone(&parsed), node.id()))
            .collect();
        nodes
    });
    let first = found.next()?;
    found.next().is_none().then_some(first)
}

/// The class that `class` extends: in the same script by its binding, else by its name in the same package.
fn base_class<'a>(
    workspace: &Workspace<'a>,
    parsed: &Rc<Parsed<'a>>,
    class: NodeId,
) -> Option<(Rc<Parsed<'a>>, NodeId)> {
    let AstKind::Class(node) = parsed.kind(class) else { return None };
    let heritage = &node.heritage.as_ref()?.expression;
    if let Expression::Identifier(id) = heritage {
        let scoping = parsed.scoping();
        let symbol = id.reference_id.get().and_then(|id| scoping.get_reference(id).symbol_id());
        let local = parsed.nodes().iter().find(|candidate| {
            matches!(candidate.kind(), AstKind::Class(_) | AstKind::Function(_))
                && symbol.is_some()
                && symbol_of(parsed, candidate.id()) == symbol
        });
        if let Some(local) = local {
            return Some((Rc::clone(parsed), local.id()));
        }
    }
    let text = parsed.slice(heritage.span());
    let last = text.rsplit('.').next().unwrap_or(text).to_owned();
    let own = name_of(parsed, class);
    // `core_1.default` says nothing; the base often has the derived class's own name.
    let wanted = if last == "default" { own? } else { last };
    workspace.related(&parsed.url, &format!("class {wanted}")).into_iter().find_map(|other| {
        let node = other.nodes().iter().find(|candidate| {
            matches!(candidate.kind(), AstKind::Class(_))
                && name_of(&other, candidate.id()).as_deref() == Some(wanted.as_str())
        })?;
        let id = node.id();
        Some((other, id))
    })
}

/// Where the class declares the field: a class element, an assignment in its constructor, or the first one
/// anywhere in its methods.
fn declaration(parsed: &Parsed<'_>, class: NodeId, name: &str, is_static: bool) -> Option<u32> {
    if let AstKind::Class(node) = parsed.kind(class) {
        for element in &node.body.body {
            let ClassElement::PropertyDefinition(property) = element else { continue };
            if property.r#static == is_static && property_name(&property.key).as_deref() == Some(name) {
                return Some(property.key.span().start);
            }
        }
    }
    let mut best: Option<(bool, u32)> = None;
    for node in parsed.nodes().iter() {
        let AstKind::AssignmentExpression(assignment) = node.kind() else { continue };
        let Some(at) = assigned_name(&assignment.left, name) else { continue };
        let left = member_object(parsed, &assignment.left);
        let belongs = if is_static {
            belongs_statically(parsed, node.id(), class, left)
        } else {
            belongs_to(parsed, node.id(), class, left) == Some(Trust::Binding)
        };
        if belongs {
            let key = (!in_constructor(parsed, node.id(), class), at);
            best = Some(best.map_or(key, |known| known.min(key)));
        }
    }
    best.map(|(_, at)| at)
}

fn assigned_name(left: &AssignmentTarget<'_>, name: &str) -> Option<u32> {
    match left {
        AssignmentTarget::StaticMemberExpression(member) if member.property.name == name => {
            Some(member.property.span.start)
        }
        AssignmentTarget::PrivateFieldExpression(member)
            if name.strip_prefix('#') == Some(&*member.field.name) =>
        {
            Some(member.field.span.start)
        }
        AssignmentTarget::ComputedMemberExpression(member) => match &member.expression {
            Expression::StringLiteral(text) if text.value == name => Some(text.span.start),
            Expression::Identifier(id) if name.contains(id.name.as_str()) && name.starts_with("<symbol") => {
                Some(id.span.start)
            }
            _ => None,
        },
        _ => None,
    }
}

fn member_object<'t>(parsed: &'t Parsed<'_>, left: &AssignmentTarget<'_>) -> &'t str {
    left.as_member_expression().map_or("", |member| parsed.slice(member.object().span()))
}

/// Whether code at `node`, with `object` before the dot, touches instances of `class`.
fn belongs_to(parsed: &Parsed<'_>, node: NodeId, class: NodeId, object: &str) -> Option<Trust> {
    let class_name = name_of(parsed, class);
    if object != "this" && !matches!(object, "self" | "that" | "_this") {
        let prototype = class_name.map(|name| format!("{name}.prototype"));
        return Some(if prototype.as_deref() == Some(object) { Trust::Binding } else { Trust::Name });
    }
    if matches!(parsed.kind(class), AstKind::Class(_)) {
        return (enclosing_class(parsed, node) == Some(class)).then_some(Trust::Binding);
    }
    // Class bodies inside a constructor function aside, `this` in F, in F.prototype.m and in objects given to F.
    let function = this_function(parsed, node)?;
    if function == class {
        return Some(Trust::Binding);
    }
    if enclosing_class(parsed, node).is_some() {
        return None;
    }
    let name = name_of(parsed, function).unwrap_or_default();
    let class_name = class_name.unwrap_or_default();
    let own = name.strip_prefix(class_name.as_str()).is_some_and(|rest| rest.starts_with('.'));
    if own && !class_name.is_empty() {
        return Some(Trust::Binding);
    }
    // The prototype of another class: at best a derived one.
    Some(if name.contains(".prototype.") { Trust::Name } else { Trust::Flow })
}

fn belongs_statically(parsed: &Parsed<'_>, node: NodeId, class: NodeId, object: &str) -> bool {
    if object == "this" {
        return enclosing_class(parsed, node) == Some(class);
    }
    name_of(parsed, class).as_deref() == Some(object)
}

fn in_constructor(parsed: &Parsed<'_>, node: NodeId, class: NodeId) -> bool {
    let Some(function) = this_function(parsed, node) else { return !runs_per_call(parsed, node) };
    function == class
        || matches!(parsed.nodes().parent_kind(function), AstKind::MethodDefinition(method)
            if method.kind.is_constructor())
}

#[expect(clippy::too_many_arguments, reason = "one place builds the anchor from all that was found")]
fn field_at<'a>(
    workspace: &Workspace<'a>,
    parsed: &Rc<Parsed<'a>>,
    class: NodeId,
    name: &str,
    declared: u32,
    is_static: bool,
    steps: &Steps,
    trust: Trust,
) -> Anchor<'a> {
    let class_offset = match parsed.kind(class) {
        AstKind::Class(node) => node.id.as_ref().map(|id| id.span.start),
        AstKind::Function(node) => node.id.as_ref().map(|id| id.span.start),
        _ => None,
    };
    let class_name = name_of(parsed, class);
    let mut anchor = Anchor {
        parsed: Rc::clone(parsed),
        declared: Some(declared),
        class: class_name.map(|name| (class_offset.unwrap_or_else(|| parsed.span(class).start), name)),
        name: name.to_owned(),
        steps: steps.clone(),
        trust,
        starts: Vec::new(),
        exported: None,
    };
    touch(&mut anchor, parsed, class, name, is_static, trust);
    if is_static {
        if let Some(symbol) = symbol_of(parsed, class) {
            let mut steps = steps.clone();
            steps.push(Segment::Name(name.to_owned()));
            anchor.starts.push((Rc::clone(parsed), Start::Symbol(symbol), steps, trust));
        }
    } else if !name.starts_with('#') && !is_library(&parsed.url) {
        for other in workspace.related(&parsed.url, &format!(".{name}")) {
            for node in members_named(&other, name) {
                anchor.starts.push((Rc::clone(&other), Start::Expression(node), steps.clone(), Trust::Name));
            }
        }
    }
    anchor
}

/// Adds the uses of the field in its own script.
fn touch<'a>(
    anchor: &mut Anchor<'a>,
    parsed: &Rc<Parsed<'a>>,
    class: NodeId,
    name: &str,
    is_static: bool,
    trust: Trust,
) {
    for node in members_named(parsed, name) {
        let object = member_parts(parsed.kind(node)).map_or("", |(object, _)| parsed.slice(object));
        let reached = if is_static {
            belongs_statically(parsed, node, class, object).then_some(Trust::Binding)
        } else {
            belongs_to(parsed, node, class, object)
        };
        if let Some(reached) = reached {
            let start = Start::Expression(node);
            anchor.starts.push((Rc::clone(parsed), start, anchor.steps.clone(), reached.min(trust)));
        }
    }
}

fn members_named(parsed: &Parsed<'_>, name: &str) -> Vec<NodeId> {
    let named = |node: &&oxc_semantic::AstNode<'_>| {
        member_parts(node.kind()).is_some_and(|(_, found)| found.as_deref() == Some(name))
    };
    parsed.nodes().iter().filter(named).map(|node| node.id()).collect()
}
