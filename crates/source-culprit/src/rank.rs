//! Which of the uses explains the growth best.

use std::rc::Rc;

use oxc_ast::AstKind;
use oxc_ast::ast::{Expression, ObjectExpression};
use oxc_semantic::NodeId;
use oxc_span::GetSpan;
use rustc_hash::FxHashSet;

use crate::evidence::Evidence;
use crate::follow::{Trust, Use};
use crate::functions::{enclosing_function, function_at, runs_per_call, symbol_of};
use crate::operation::{Operation, fit};
use crate::parsed::Parsed;

/// A use with its score.
#[derive(Debug, Clone)]
pub(crate) struct Candidate<'a> {
    pub(crate) site: Use<'a>,
    pub(crate) score: i32,
    /// The operation itself explains the growth.
    pub(crate) strong: bool,
    pub(crate) reason: String,
}

/// Uses, best first; those that add nothing are left out.
pub(crate) fn rank<'a>(evidence: &Evidence, uses: Vec<Use<'a>>) -> Vec<Candidate<'a>> {
    let mut seen = FxHashSet::default();
    let mut candidates: Vec<Candidate<'a>> = Vec::new();
    for site in uses {
        let Some(candidate) = judge(evidence, site) else { continue };
        let key = (candidate.site.parsed.id, candidate.site.node);
        if seen.insert(key) {
            candidates.push(candidate);
        } else if let Some(known) = candidates.iter_mut().find(|c| (c.site.parsed.id, c.site.node) == key)
            && candidate.score > known.score
        {
            *known = candidate;
        }
    }
    candidates.sort_by_key(|candidate| {
        let span = candidate.site.parsed.span(candidate.site.node);
        (-candidate.score, candidate.site.parsed.id, span.start)
    });
    candidates
}

fn judge<'a>(evidence: &Evidence, site: Use<'a>) -> Option<Candidate<'a>> {
    let own = fit(&site.operation, evidence.kind);
    let parsed = Rc::clone(&site.parsed);
    let per_call = runs_per_call(&parsed, site.node);
    let mut score = own;
    let mut reasons = vec![site.operation.describe()];
    if per_call {
        score += 30;
        if called_only_at_start(&parsed, site.node) {
            score -= 12;
        }
    } else {
        reasons.push("runs when the file is loaded".to_owned());
    }
    score += match site.trust {
        Trust::Binding => 20,
        Trust::Flow => 14,
        Trust::Name => 0,
    };
    let mut matched = false;
    if holds_growing_function(evidence, &parsed, site.node) {
        score += 50;
        matched = true;
        reasons.push("the growing functions are written here".to_owned());
    }
    if let Some(reason) = adds_growing_object(evidence, &parsed, site.node) {
        score += 16;
        matched = true;
        reasons.push(reason);
    }
    if own == 0 || (own < 5 && !matched) {
        return None;
    }
    let strong = (own >= 30 && per_call) || (matched && per_call && own >= 12);
    Some(Candidate { site, score, strong, reason: reasons.join("; ") })
}

/// Whether the function around a node is called, as far as its script shows, only while the file is loaded.
fn called_only_at_start(parsed: &Parsed<'_>, node: NodeId) -> bool {
    let Some(function) = enclosing_function(parsed, node) else { return false };
    let Some(symbol) = symbol_of(parsed, function) else { return false };
    let mut calls = 0;
    for reference in parsed.scoping().get_resolved_references(symbol) {
        let at = reference.node_id();
        let called = matches!(parsed.nodes().parent_kind(at), AstKind::CallExpression(call)
            if call.callee.span() == parsed.span(at));
        if !called || runs_per_call(parsed, at) {
            return false;
        }
        calls += 1;
    }
    calls > 0
}

/// Whether one of the growing functions is written inside the use, or given to it by name.
fn holds_growing_function(evidence: &Evidence, parsed: &Parsed<'_>, node: NodeId) -> bool {
    let span = parsed.span(node);
    evidence.growing.functions.iter().filter(|position| position.script_id == parsed.id).any(|position| {
        let Some(offset) = parsed.lines.offset(parsed.text, position.line, position.column) else {
            return false;
        };
        if span.start <= offset && offset < span.end {
            return true;
        }
        let Some(function) = function_at(parsed, offset) else { return false };
        let Some(symbol) = symbol_of(parsed, function) else { return false };
        parsed.scoping().get_resolved_references(symbol).any(|reference| {
            let at = parsed.span(reference.node_id());
            span.start <= at.start && at.end <= span.end
        })
    })
}

/// Whether the use adds objects that look like the growing ones: of their class, or with their properties.
fn adds_growing_object(evidence: &Evidence, parsed: &Parsed<'_>, node: NodeId) -> Option<String> {
    let growing = &evidence.growing;
    let class = growing.class_name.as_deref().filter(|name| !matches!(*name, "Object" | "Array"));
    for argument in added_values(parsed, node) {
        let value = resolve_value(parsed, argument);
        match value {
            Expression::NewExpression(new) => {
                let text = parsed.slice(new.callee.span());
                let name = text.rsplit('.').next().unwrap_or(text);
                if class == Some(name) {
                    return Some(format!("adds a new {name}"));
                }
            }
            Expression::ObjectExpression(object) if has_fields(object, &growing.fields) => {
                return Some("adds an object with the properties of the growing ones".to_owned());
            }
            _ => {}
        }
    }
    None
}

/// Values that an adding call or assignment gives.
fn added_values<'t, 'a: 't>(parsed: &'t Parsed<'a>, node: NodeId) -> Vec<&'t Expression<'a>> {
    match parsed.kind(node) {
        AstKind::CallExpression(call) => call.arguments.iter().filter_map(|a| a.as_expression()).collect(),
        AstKind::AssignmentExpression(assignment) => match assignment.right.get_inner_expression() {
            Expression::ArrayExpression(array) => {
                array.elements.iter().filter_map(|element| element.as_expression()).collect()
            }
            other => vec![other],
        },
        _ => Vec::new(),
    }
}

/// A variable's initial value, where the script shows it; else the expression itself.
fn resolve_value<'t, 'a>(parsed: &'t Parsed<'a>, value: &'t Expression<'a>) -> &'t Expression<'a> {
    let value = value.get_inner_expression();
    let Expression::Identifier(id) = value else { return value };
    let scoping = parsed.scoping();
    let symbol = id.reference_id.get().and_then(|id| scoping.get_reference(id).symbol_id());
    let declared = symbol.map(|symbol| parsed.kind(scoping.symbol_declaration(symbol)));
    match declared {
        Some(AstKind::VariableDeclarator(variable)) => {
            variable.init.as_ref().map_or(value, |init| init.get_inner_expression())
        }
        _ => value,
    }
}

/// Whether a literal makes objects with these fields. Numbers are no nodes of a heap graph, so that the literal
/// may have more keys than the graph has fields.
fn has_fields(object: &ObjectExpression<'_>, fields: &[String]) -> bool {
    let keys: Vec<_> = object
        .properties
        .iter()
        .filter_map(|property| property.as_property())
        .filter_map(|property| property.key.static_name())
        .collect();
    let spreads = object.properties.iter().any(|property| property.is_spread());
    let covered = fields.iter().all(|field| keys.iter().any(|key| key == field));
    let known = keys.iter().all(|key| fields.iter().any(|field| field == key));
    !keys.is_empty() && !fields.is_empty() && (covered || (spreads && known))
}

impl Candidate<'_> {
    /// Whether nothing but handing over was found.
    pub(crate) fn is_weak(&self) -> bool {
        matches!(self.site.operation, Operation::Passed | Operation::Assign) || self.score < 30
    }
}
