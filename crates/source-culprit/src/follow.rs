//! Follows a value through the code: from a binding or an expression, over aliases, properties, parameters,
//! returns and module borders, to the places where something is done to it.

use std::rc::Rc;

use oxc_ast::AstKind;
use oxc_ast::ast::BindingPattern;
use oxc_semantic::{NodeId, SymbolId};
use oxc_span::GetSpan;
use rustc_hash::FxHashSet;

use crate::functions::property_name;
use crate::operation::Operation;
use crate::parsed::Parsed;
use crate::workspace::Workspace;

/// One step from a holder to what it holds.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Segment {
    /// A property of this name.
    Name(String),
    /// An element, a map's value, a computed key.
    Element,
}

/// The steps still to go, the next one last.
pub(crate) type Steps = Vec<Segment>;

/// How a use was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trust {
    /// Only by a name that is the same.
    Name,
    /// Over steps that a program could redirect: parameters, computed keys, other files' objects.
    Flow,
    /// By resolved bindings.
    Binding,
}

/// Where to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Start {
    Symbol(SymbolId),
    Expression(NodeId),
}

/// A value to be followed.
#[derive(Debug, Clone)]
pub(crate) struct Task<'a> {
    pub(crate) parsed: Rc<Parsed<'a>>,
    pub(crate) start: Start,
    pub(crate) steps: Steps,
    pub(crate) trust: Trust,
    pub(crate) depth: u8,
}

/// Something done to the value.
#[derive(Debug, Clone)]
pub(crate) struct Use<'a> {
    pub(crate) parsed: Rc<Parsed<'a>>,
    /// The expression that does it.
    pub(crate) node: NodeId,
    pub(crate) operation: Operation,
    pub(crate) trust: Trust,
}

const MAX_DEPTH: u8 = 8;
const MAX_TASKS: usize = 20_000;

/// The walk's state.
pub(crate) struct Follower<'a, 'w> {
    pub(crate) workspace: &'w Workspace<'a>,
    tasks: Vec<Task<'a>>,
    seen: FxHashSet<(u32, Start, Steps)>,
    pub(crate) uses: Vec<Use<'a>>,
    pub(crate) exported: FxHashSet<(u32, Steps)>,
}

impl<'a, 'w> Follower<'a, 'w> {
    pub(crate) fn new(workspace: &'w Workspace<'a>) -> Self {
        Self {
            workspace,
            tasks: Vec::new(),
            seen: FxHashSet::default(),
            uses: Vec::new(),
            exported: FxHashSet::default(),
        }
    }

    /// Adds a value to follow, unless it is known or too far away.
    pub(crate) fn push(&mut self, task: Task<'a>) {
        let key = (task.parsed.id, task.start, task.steps.clone());
        if task.depth <= MAX_DEPTH && self.seen.len() < MAX_TASKS && self.seen.insert(key) {
            self.tasks.push(task);
        }
    }

    /// Follows everything and gives the uses found.
    pub(crate) fn run(mut self) -> Vec<Use<'a>> {
        while let Some(task) = self.tasks.pop() {
            match task.start {
                Start::Symbol(symbol) => self.follow_symbol(&task, symbol),
                Start::Expression(node) => self.climb(&task, node),
            }
        }
        self.uses
    }

    fn follow_symbol(&mut self, task: &Task<'a>, symbol: SymbolId) {
        let parsed = &task.parsed;
        for reference in parsed.scoping().get_resolved_references(symbol) {
            self.climb(task, reference.node_id());
        }
        self.follow_exported_declaration(task, symbol);
    }

    /// A task that goes on from `task` at another place.
    pub(crate) fn next(task: &Task<'a>, start: Start, steps: Steps, trust: Trust) -> Task<'a> {
        Task {
            parsed: Rc::clone(&task.parsed),
            start,
            steps,
            trust: trust.min(task.trust),
            depth: task.depth + 1,
        }
    }

    pub(crate) fn record(&mut self, task: &Task<'a>, node: NodeId, operation: Operation) {
        self.uses.push(Use { parsed: Rc::clone(&task.parsed), node, operation, trust: task.trust });
    }

    /// Goes on with every name that a pattern binds to the followed value.
    pub(crate) fn bind(
        &mut self,
        task: &Task<'a>,
        pattern: &BindingPattern<'a>,
        steps: &Steps,
        trust: Trust,
    ) {
        match pattern {
            BindingPattern::BindingIdentifier(id) => {
                if let Some(symbol) = id.symbol_id.get() {
                    self.push(Self::next(task, Start::Symbol(symbol), steps.clone(), trust));
                }
            }
            BindingPattern::AssignmentPattern(with_default) => {
                self.bind(task, &with_default.left, steps, trust);
            }
            BindingPattern::ObjectPattern(object) => {
                let Some(Segment::Name(wanted)) = steps.last() else { return };
                let mut rest = steps.clone();
                rest.pop();
                for property in &object.properties {
                    if property_name(&property.key).as_ref() == Some(wanted) {
                        self.bind(task, &property.value, &rest, trust);
                    }
                }
                if let Some(others) = &object.rest {
                    self.bind(task, &others.argument, steps, trust);
                }
            }
            BindingPattern::ArrayPattern(array) => {
                if steps.last() != Some(&Segment::Element) {
                    return;
                }
                let mut rest = steps.clone();
                rest.pop();
                for element in array.elements.iter().flatten() {
                    self.bind(task, element, &rest, Trust::Flow);
                }
            }
        }
    }

    /// Goes on at every call of a function that returns the followed value.
    pub(crate) fn follow_return(&mut self, task: &Task<'a>, function: NodeId, steps: &Steps) {
        let parsed = &task.parsed;
        let symbol = match (parsed.kind(function), parsed.nodes().parent_kind(function)) {
            (AstKind::Function(node), _) if node.id.is_some() => {
                node.id.as_ref().and_then(|id| id.symbol_id.get())
            }
            (_, AstKind::VariableDeclarator(variable)) => {
                variable.id.get_binding_identifier().and_then(|id| id.symbol_id.get())
            }
            (_, AstKind::MethodDefinition(method)) => {
                if let Some(name) = property_name(&method.key) {
                    self.follow_method_calls(task, &name, steps);
                }
                None
            }
            _ => None,
        };
        let Some(symbol) = symbol else { return };
        let references: Vec<NodeId> =
            parsed.scoping().get_resolved_references(symbol).map(|reference| reference.node_id()).collect();
        for reference in references {
            let parent = parsed.nodes().parent_id(reference);
            if let AstKind::CallExpression(call) = parsed.kind(parent)
                && call.callee.span() == parsed.span(reference)
            {
                self.push(Self::next(task, Start::Expression(parent), steps.clone(), Trust::Flow));
            }
        }
    }

    /// Goes on at calls (or reads of a getter) of a method that returns the followed value, in the same script.
    fn follow_method_calls(&mut self, task: &Task<'a>, name: &str, steps: &Steps) {
        let parsed = Rc::clone(&task.parsed);
        for node in parsed.nodes().iter() {
            let AstKind::StaticMemberExpression(member) = node.kind() else { continue };
            if member.property.name.as_str() != name {
                continue;
            }
            let parent = parsed.nodes().parent_id(node.id());
            let called = matches!(parsed.kind(parent), AstKind::CallExpression(call)
                if call.callee.span() == member.span);
            let start = if called { parent } else { node.id() };
            self.push(Self::next(task, Start::Expression(start), steps.clone(), Trust::Name));
        }
    }
}
