//! The followed value in an assignment: replaced, rebuilt from itself, or given a second name.

use std::rc::Rc;

use oxc_ast::AstKind;
use oxc_ast::ast::{AssignmentExpression, AssignmentOperator, AssignmentTarget, Expression};
use oxc_semantic::NodeId;
use oxc_span::GetSpan;

use crate::climb::Outward;
use crate::follow::{Follower, Segment, Start, Task, Trust};
use crate::functions::member_parts;
use crate::operation::{Operation, Shape};
use crate::parsed::Parsed;

impl<'a> Follower<'a, '_> {
    /// The value is the left or the right side of an assignment.
    pub(crate) fn assignment(&mut self, here: &mut Task<'a>, at: NodeId, node: NodeId) -> Outward {
        let parsed = Rc::clone(&here.parsed);
        let AstKind::AssignmentExpression(assignment) = parsed.kind(node) else { return Outward::Stop };
        if assignment.left.span() == parsed.span(at) {
            return self.assigned(here, &parsed, assignment, node);
        }
        self.second_name(here, &parsed, assignment);
        // `module.exports = exports = store`, `(a = b).push(1)`
        Outward::On(node)
    }

    /// Something is assigned to the value's variable or property.
    fn assigned(
        &mut self,
        here: &mut Task<'a>,
        parsed: &Parsed<'a>,
        assignment: &AssignmentExpression<'a>,
        node: NodeId,
    ) -> Outward {
        if !here.steps.is_empty() {
            // store = { items: [] }: what is wanted may be declared inside the literal.
            if property_inside(&assignment.right, &here.steps).is_some() {
                self.record(here, node, Operation::Assign);
            }
            return Outward::Stop;
        }
        let target = parsed.slice(assignment.left.span());
        match assignment.operator {
            AssignmentOperator::Addition => {
                self.record(here, node, Operation::Append);
                Outward::Stop
            }
            AssignmentOperator::Assign => {
                let shape = rebuild_shape(parsed, &assignment.right, target);
                let operation = shape.map_or(Operation::Assign, Operation::Rebuild);
                self.record(here, node, operation);
                Outward::Stop
            }
            // `(x ??= []).push(v)` goes on outwards.
            _ if assignment.operator.is_logical() => {
                self.record(here, node, Operation::Assign);
                Outward::On(node)
            }
            _ => Outward::Stop,
        }
    }

    /// The value is assigned to something: that is another name for it.
    fn second_name(&mut self, here: &Task<'a>, parsed: &Parsed<'a>, assignment: &AssignmentExpression<'a>) {
        match &assignment.left {
            AssignmentTarget::AssignmentTargetIdentifier(id) => {
                let scoping = parsed.scoping();
                let symbol = id.reference_id.get().and_then(|id| scoping.get_reference(id).symbol_id());
                if let Some(symbol) = symbol {
                    self.push(Self::next(here, Start::Symbol(symbol), here.steps.clone(), Trust::Flow));
                }
            }
            AssignmentTarget::StaticMemberExpression(member) => {
                let name = member.property.name.as_str();
                let object = parsed.slice(member.object.span());
                match (object, name) {
                    ("module", "exports") => self.follow_namespace(here, &here.steps.clone()),
                    ("exports" | "module.exports", _) => self.follow_named_export(here, name),
                    ("globalThis" | "global", _) => self.follow_global(here, name),
                    _ => self.follow_field_named(here, name),
                }
            }
            AssignmentTarget::PrivateFieldExpression(member) => {
                self.follow_field_named(here, &format!("#{}", member.field.name));
            }
            _ => {}
        }
    }

    /// Goes on at all uses of a property of this name in the same script.
    pub(crate) fn follow_field_named(&mut self, here: &Task<'a>, name: &str) {
        let parsed = Rc::clone(&here.parsed);
        for node in parsed.nodes().iter() {
            let Some((_, Some(found))) = member_parts(node.kind()) else { continue };
            if found == name {
                self.push(Self::next(here, Start::Expression(node.id()), here.steps.clone(), Trust::Name));
            }
        }
    }
}

/// The property of an object literal that the steps lead to.
pub(crate) fn property_inside<'t, 'a>(
    value: &'t Expression<'a>,
    steps: &[Segment],
) -> Option<&'t oxc_ast::ast::ObjectProperty<'a>> {
    let mut value = value;
    let mut found = None;
    for step in steps.iter().rev() {
        let Segment::Name(wanted) = step else { return None };
        let Expression::ObjectExpression(object) = value.get_inner_expression() else { return None };
        let property = object
            .properties
            .iter()
            .filter_map(|p| p.as_property())
            .find(|property| property.key.static_name().is_some_and(|name| name == wanted.as_str()))?;
        found = Some(property);
        value = &property.value;
    }
    found
}

/// How `right` is built from the old value named `target`; `None` when it is not.
fn rebuild_shape(parsed: &Parsed<'_>, right: &Expression<'_>, target: &str) -> Option<Shape> {
    let text = parsed.slice(right.span());
    if !mentions(text, target) {
        return None;
    }
    match right.get_inner_expression() {
        Expression::ArrayExpression(_) => Some(Shape::Array),
        Expression::ObjectExpression(object) => {
            let spreads = object.properties.iter().any(|property| property.is_spread());
            Some(if spreads { Shape::Dictionary } else { Shape::Node })
        }
        Expression::CallExpression(call) => call_shape(parsed, call, target),
        Expression::NewExpression(new) => {
            let class = parsed.slice(new.callee.span());
            Some(if matches!(class, "Map" | "Set") { Shape::Copy } else { Shape::Node })
        }
        Expression::TemplateLiteral(_) | Expression::BinaryExpression(_) => Some(Shape::Text),
        Expression::ConditionalExpression(choice) => rebuild_shape(parsed, &choice.consequent, target)
            .or_else(|| rebuild_shape(parsed, &choice.alternate, target)),
        Expression::LogicalExpression(both) => rebuild_shape(parsed, &both.right, target),
        _ => None,
    }
}

fn call_shape(parsed: &Parsed<'_>, call: &oxc_ast::ast::CallExpression<'_>, target: &str) -> Option<Shape> {
    let callee = parsed.slice(call.callee.span());
    if callee == "Object.assign" {
        return Some(Shape::Dictionary);
    }
    let own = callee.strip_prefix(target)?;
    matches!(own, ".concat" | "?.concat" | ".toSpliced" | ".with").then_some(Shape::Array)
}

/// Whether `text` has `name` as a whole word or member chain.
fn mentions(text: &str, name: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '#');
    text.match_indices(name).any(|(at, _)| {
        let before = text[..at].chars().next_back();
        let after = text[at + name.len()..].chars().next();
        let spread = text[..at].ends_with("...");
        (spread || !before.is_some_and(|c| word(c) || c == '.')) && !after.is_some_and(word)
    })
}
