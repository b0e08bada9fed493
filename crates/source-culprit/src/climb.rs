//! From an expression that is the followed value, outwards through the expressions around it.

use std::rc::Rc;

use oxc_ast::AstKind;
use oxc_ast::ast::{Argument, CallExpression, Expression, ForStatementLeft};
use oxc_semantic::NodeId;
use oxc_span::{GetSpan, Span};

use crate::follow::{Follower, Segment, Steps, Task, Trust};
use crate::functions::{enclosing_function, member_parts, property_name};
use crate::operation::{Operation, is_adding_method};
use crate::parsed::Parsed;

/// What the next expression outwards means.
pub(crate) enum Outward {
    /// It is the followed value too, or the next step towards it.
    On(NodeId),
    /// The walk ends here.
    Stop,
}

impl<'a> Follower<'a, '_> {
    /// Walks outwards from `node` until something is done to the value or it goes elsewhere.
    pub(crate) fn climb(&mut self, task: &Task<'a>, node: NodeId) {
        let mut here = task.clone();
        let mut at = node;
        loop {
            let parent = here.parsed.nodes().parent_id(at);
            if parent == at {
                return;
            }
            match self.outward(&mut here, at, parent) {
                Outward::On(next) => at = next,
                Outward::Stop => return,
            }
        }
    }

    fn outward(&mut self, here: &mut Task<'a>, at: NodeId, parent: NodeId) -> Outward {
        let parsed = Rc::clone(&here.parsed);
        let span = parsed.span(at);
        match parsed.kind(parent) {
            AstKind::TSAsExpression(_)
            | AstKind::TSNonNullExpression(_)
            | AstKind::TSSatisfiesExpression(_)
            | AstKind::TSTypeAssertion(_)
            | AstKind::TSInstantiationExpression(_)
            | AstKind::ChainExpression(_)
            | AstKind::ParenthesizedExpression(_)
            | AstKind::LogicalExpression(_) => Outward::On(parent),
            AstKind::ConditionalExpression(choice) if choice.test.span() != span => Outward::On(parent),
            AstKind::SequenceExpression(sequence) => match sequence.expressions.last() {
                Some(last) if last.span() == span => Outward::On(parent),
                _ => Outward::Stop,
            },
            AstKind::AwaitExpression(_) => self.awaited(here, at, parent),
            AstKind::StaticMemberExpression(_)
            | AstKind::ComputedMemberExpression(_)
            | AstKind::PrivateFieldExpression(_) => self.member(here, &parsed, span, parent),
            AstKind::AssignmentExpression(_) => self.assignment(here, at, parent),
            AstKind::VariableDeclarator(variable)
                if variable.init.as_ref().is_some_and(|i| i.span() == span) =>
            {
                let steps = here.steps.clone();
                self.bind(here, &variable.id, &steps, Trust::Binding);
                Outward::Stop
            }
            AstKind::CallExpression(call) => self.argument(here, call, span, parent),
            AstKind::NewExpression(_) => {
                if !matches!(parsed.kind(parent), AstKind::NewExpression(new) if new.callee.span() == span) {
                    self.record(here, parent, Operation::Passed);
                }
                Outward::Stop
            }
            AstKind::ObjectProperty(property) if property.value.span() == span => {
                let Some(name) = property_name(&property.key) else { return Outward::Stop };
                here.steps.push(Segment::Name(name));
                Outward::On(parsed.nodes().parent_id(parent))
            }
            AstKind::ArrayExpression(_) => {
                here.steps.push(Segment::Element);
                Outward::On(parent)
            }
            _ => {
                self.leave(here, &parsed, span, parent);
                Outward::Stop
            }
        }
    }

    /// The value leaves the expression: into a class, a caller, a loop or another module.
    fn leave(&mut self, here: &Task<'a>, parsed: &Parsed<'a>, span: Span, parent: NodeId) {
        match parsed.kind(parent) {
            AstKind::PropertyDefinition(property) => {
                if let Some(name) = property_name(&property.key) {
                    self.follow_field_named(here, &name);
                }
            }
            AstKind::ReturnStatement(_) => {
                if let Some(function) = enclosing_function(parsed, parent) {
                    let steps = here.steps.clone();
                    self.follow_return(here, function, &steps);
                }
            }
            AstKind::ArrowFunctionExpression(_) => {
                let steps = here.steps.clone();
                self.follow_return(here, parent, &steps);
            }
            AstKind::ForOfStatement(each)
                if each.right.span() == span && here.steps.last() == Some(&Segment::Element) =>
            {
                let mut rest = here.steps.clone();
                rest.pop();
                if let ForStatementLeft::VariableDeclaration(left) = &each.left {
                    for variable in &left.declarations {
                        self.bind_entry(here, &variable.id, &rest);
                    }
                }
            }
            AstKind::ExportSpecifier(specifier) => {
                let exported = specifier.exported.name().to_string();
                self.follow_named_export(here, &exported);
            }
            AstKind::ExportDefaultDeclaration(_) => {
                self.follow_named_export(here, "default");
            }
            AstKind::TSExportAssignment(_) => {
                let steps = here.steps.clone();
                self.follow_namespace(here, &steps);
            }
            _ => {}
        }
    }

    fn awaited(&mut self, here: &Task<'a>, at: NodeId, parent: NodeId) -> Outward {
        // `await import('./store')` gives the namespace itself.
        let unwraps =
            matches!(here.parsed.kind(at), AstKind::ImportExpression(_) | AstKind::CallExpression(_));
        if here.steps.is_empty() && !unwraps {
            self.record(here, parent, Operation::Await);
            return Outward::Stop;
        }
        Outward::On(parent)
    }

    /// The value is the object of a member expression.
    fn member(&mut self, here: &mut Task<'a>, parsed: &Parsed<'a>, span: Span, parent: NodeId) -> Outward {
        let Some((object, name)) = member_parts(parsed.kind(parent)) else { return Outward::Stop };
        if object != span {
            return Outward::Stop;
        }
        let outer = parsed.nodes().parent_id(parent);
        let call = match parsed.kind(outer) {
            AstKind::CallExpression(call) if call.callee.span() == parsed.span(parent) => Some(call),
            _ => None,
        };
        let Some(step) = here.steps.last().cloned() else {
            self.operation_on_value(here, parsed, parent, name, call.is_some());
            return Outward::Stop;
        };
        match (&step, &name) {
            (Segment::Name(wanted), Some(found)) if wanted == found => {
                here.steps.pop();
                Outward::On(parent)
            }
            (Segment::Name(_), None) => {
                here.steps.pop();
                here.trust = here.trust.min(Trust::Flow);
                Outward::On(parent)
            }
            (Segment::Element, Some(method)) if call.is_some() => self.element_method(here, method, outer),
            (Segment::Element, _) => {
                here.steps.pop();
                Outward::On(parent)
            }
            (Segment::Name(_), Some(other)) => {
                if call.is_some() {
                    self.record(here, outer, Operation::HolderCall(other.clone()));
                }
                Outward::Stop
            }
        }
    }

    /// A method of a collection whose element is wanted.
    fn element_method(&mut self, here: &mut Task<'a>, method: &str, call: NodeId) -> Outward {
        match method {
            "get" | "at" | "find" | "shift" | "pop" | "findLast" => {
                here.steps.pop();
                here.trust = here.trust.min(Trust::Flow);
                Outward::On(call)
            }
            "values" | "slice" | "filter" | "reverse" | "toReversed" | "entries" => Outward::On(call),
            "forEach" | "map" | "some" | "every" => {
                let parsed = Rc::clone(&here.parsed);
                if let AstKind::CallExpression(node) = parsed.kind(call) {
                    let mut rest = here.steps.clone();
                    rest.pop();
                    if let Some(parameters) = node.arguments.first().and_then(callback_parameters)
                        && let Some(first) = parameters.items.first()
                    {
                        self.bind(here, &first.pattern, &rest, Trust::Flow);
                    }
                }
                Outward::Stop
            }
            other => {
                self.record(here, call, Operation::HolderCall(other.to_owned()));
                Outward::Stop
            }
        }
    }

    /// The value's own member is used: a method that adds, an index that is assigned.
    fn operation_on_value(
        &mut self,
        here: &mut Task<'a>,
        parsed: &Parsed<'a>,
        member: NodeId,
        name: Option<String>,
        called: bool,
    ) {
        let outer = parsed.nodes().parent_id(member);
        match (parsed.kind(outer), name) {
            (_, Some(method)) if called => {
                let known = is_adding_method(&method);
                let operation = if known { Operation::Method(method) } else { Operation::Call(method) };
                self.record(here, outer, operation);
            }
            (AstKind::AssignmentExpression(assignment), name)
                if assignment.left.span() == parsed.span(member) =>
            {
                match name {
                    Some(name) if name == "length" => {}
                    Some(name) => self.record(here, outer, Operation::PropertyAssign(name)),
                    None => self.record(here, outer, Operation::IndexAssign),
                }
            }
            // x.push.apply(x, more) and [].push.call are told by the callee's own member.
            (AstKind::StaticMemberExpression(outer_member), Some(method)) if is_adding_method(&method) => {
                if matches!(outer_member.property.name.as_str(), "apply" | "call") {
                    let call = parsed.nodes().parent_id(outer);
                    self.record(here, call, Operation::Method(method));
                }
            }
            _ => {}
        }
    }

    /// The value is the callee or an argument of a call.
    fn argument(
        &mut self,
        here: &mut Task<'a>,
        call: &CallExpression<'a>,
        span: Span,
        node: NodeId,
    ) -> Outward {
        let Some(index) = call.arguments.iter().position(|argument| argument.span() == span) else {
            return Outward::Stop;
        };
        let callee = here.parsed.slice(call.callee.span());
        let raw = here.steps.is_empty();
        match callee {
            "Object.freeze" | "Object.seal" | "structuredClone" => return Outward::On(node),
            "Object.assign" if index == 0 && raw => self.record(here, node, Operation::Merge),
            "Object.defineProperty" | "Reflect.set" | "Reflect.defineProperty" if index == 0 && raw => {
                self.record(here, node, Operation::IndexAssign);
            }
            "Promise.race" | "Promise.any" | "Promise.all" | "Promise.allSettled" => {
                if here.steps == [Segment::Element] {
                    self.record(here, node, Operation::Race);
                }
            }
            _ if index == 0 && raw && borrowed_method(callee).is_some_and(is_adding_method) => {
                let method = borrowed_method(callee).unwrap_or_default().to_owned();
                self.record(here, node, Operation::Method(method));
            }
            _ => {
                self.record(here, node, Operation::Passed);
                self.follow_parameter(here, call, index);
            }
        }
        Outward::Stop
    }

    /// Goes on inside a function of the same script that gets the value as an argument.
    fn follow_parameter(&mut self, here: &Task<'a>, call: &CallExpression<'a>, index: usize) {
        let parsed = Rc::clone(&here.parsed);
        let Expression::Identifier(callee) = &call.callee else { return };
        let scoping = parsed.scoping();
        let symbol = callee.reference_id.get().and_then(|id| scoping.get_reference(id).symbol_id());
        let Some(symbol) = symbol else { return };
        let declaration = scoping.symbol_declaration(symbol);
        let parameters = match parsed.kind(declaration) {
            AstKind::Function(function) => Some(&*function.params),
            AstKind::VariableDeclarator(variable) => variable.init.as_ref().and_then(parameters_of),
            _ => None,
        };
        let steps: Steps = here.steps.clone();
        if let Some(parameter) = parameters.and_then(|all| all.items.get(index)) {
            self.bind(here, &parameter.pattern, &steps, Trust::Flow);
        }
    }

    /// Binds a `for … of` variable: the element itself, or the value of a map's `[key, value]` entry.
    fn bind_entry(&mut self, here: &Task<'a>, pattern: &oxc_ast::ast::BindingPattern<'a>, rest: &Steps) {
        if let oxc_ast::ast::BindingPattern::ArrayPattern(pair) = pattern {
            if let Some(Some(value)) = pair.elements.get(1) {
                self.bind(here, value, rest, Trust::Flow);
            }
        } else {
            self.bind(here, pattern, rest, Trust::Flow);
        }
    }
}

/// `push` of `Array.prototype.push.apply` and `[].push.call`.
fn borrowed_method(callee: &str) -> Option<&str> {
    let method = callee.strip_suffix(".apply").or_else(|| callee.strip_suffix(".call"))?;
    method.rsplit('.').next()
}

fn parameters_of<'t, 'a>(expression: &'t Expression<'a>) -> Option<&'t oxc_ast::ast::FormalParameters<'a>> {
    match expression {
        Expression::FunctionExpression(function) => Some(&function.params),
        Expression::ArrowFunctionExpression(arrow) => Some(&arrow.params),
        _ => None,
    }
}

fn callback_parameters<'t, 'a>(argument: &'t Argument<'a>) -> Option<&'t oxc_ast::ast::FormalParameters<'a>> {
    argument.as_expression().and_then(parameters_of)
}
