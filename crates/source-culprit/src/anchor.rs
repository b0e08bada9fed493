//! A hop of the retaining path, found in source code: its declaration, and where to start following it.

use std::rc::Rc;

use oxc_ast::AstKind;
use oxc_ast::ast::{Declaration, ExportDefaultDeclarationKind, Expression};
use oxc_semantic::{NodeId, ScopeId, SymbolId};
use oxc_span::GetSpan;
use oxc_syntax::scope::ScopeFlags;
use rustc_hash::FxHashMap;

use crate::answer::Note;
use crate::evidence::{FunctionPosition, Hop};
use crate::exports::{exports_objects, global_uses};
use crate::fields::field_anchor;
use crate::follow::{Segment, Start, Steps, Trust};
use crate::functions::{function_at, scope_of};
use crate::locations::to_file;
use crate::parsed::Parsed;
use crate::workspace::Workspace;

/// A declaration that holds the accumulation point.
#[derive(Debug, Clone)]
pub(crate) struct Anchor<'a> {
    pub(crate) parsed: Rc<Parsed<'a>>,
    /// Offset of the declared name; `None` when the first assignment declares it.
    pub(crate) declared: Option<u32>,
    /// The class in front of a field: offset of its name, and the name.
    pub(crate) class: Option<(u32, String)>,
    /// The declared name.
    pub(crate) name: String,
    /// What comes between the declaration and the collection.
    pub(crate) steps: Steps,
    pub(crate) trust: Trust,
    pub(crate) starts: Vec<(Rc<Parsed<'a>>, Start, Steps, Trust)>,
    /// The steps from the module's exports to the collection, when importers see it there.
    pub(crate) exported: Option<Steps>,
}

impl<'a> Anchor<'a> {
    fn new(parsed: &Rc<Parsed<'a>>, name: &str, steps: &Steps, trust: Trust) -> Self {
        Self {
            parsed: Rc::clone(parsed),
            declared: None,
            class: None,
            name: name.to_owned(),
            steps: steps.clone(),
            trust,
            starts: Vec::new(),
            exported: None,
        }
    }

    /// An anchor at a binding.
    pub(crate) fn at_symbol(parsed: &Rc<Parsed<'a>>, symbol: SymbolId, steps: &Steps, trust: Trust) -> Self {
        let mut anchor = Self::new(parsed, parsed.scoping().symbol_name(symbol), steps, trust);
        anchor.declared = Some(parsed.scoping().symbol_span(symbol).start);
        anchor.starts.push((Rc::clone(parsed), Start::Symbol(symbol), steps.clone(), trust));
        anchor
    }
}

/// Finds a hop's declaration. `steps` lead from what the hop holds to the collection.
pub(crate) fn anchor<'a>(workspace: &Workspace<'a>, hop: &Hop, steps: &Steps) -> Option<Anchor<'a>> {
    match hop {
        Hop::ContextSlot { name, closures, activations, nested } => {
            slot_anchor(workspace, name, &[closures, activations, nested], steps)
        }
        Hop::OneOfSlots { names, holds, closures, activations, nested } => {
            let slots = [closures, activations, nested];
            let found = names.iter().filter_map(|name| slot_anchor(workspace, name, &slots, steps));
            that_begins_as(found.collect(), holds)
        }
        Hop::ModuleVariable { export, functions } => module_anchor(workspace, export, functions, steps),
        Hop::Property { name, holder_class, constructor } => {
            field_anchor(workspace, name, holder_class, *constructor, false, steps)
        }
        Hop::StaticProperty { name, function_name, function } => {
            field_anchor(workspace, name, function_name, *function, true, steps)
        }
        Hop::GlobalProperty { name } => global_anchor(workspace, name, steps),
        Hop::ModuleExports { file } => {
            let word = file.rsplit(['/', '\\']).next().unwrap_or(file);
            let parsed = workspace.parsed_file(file)?;
            exports_anchor(&parsed, word, steps)
        }
        Hop::Element | Hop::Internal { .. } => None,
    }
}

/// The one of several variables whose declaration says that it holds such a thing; else the one of which nothing is said.
fn that_begins_as<'a>(anchors: Vec<Anchor<'a>>, class: &str) -> Option<Anchor<'a>> {
    let begins = |anchor: &Anchor<'_>| {
        anchor.starts.iter().find_map(|(parsed, start, ..)| match start {
            Start::Symbol(symbol) => first_class(parsed, *symbol),
            _ => None,
        })
    };
    let (mut same, mut open) = (Vec::new(), Vec::new());
    for anchor in anchors {
        match begins(&anchor) {
            Some(its) if its == class => same.push(anchor),
            Some(_) => {}
            None => open.push(anchor),
        }
    }
    match (same.len(), open.len()) {
        (1, _) => same.pop(),
        (0, 1) => open.pop(),
        _ => None,
    }
}

/// The class of what a variable is declared with, as V8 calls it, where that can be seen.
fn first_class(parsed: &Parsed<'_>, symbol: SymbolId) -> Option<String> {
    let declared = parsed.kind(parsed.scoping().symbol_declaration(symbol));
    if matches!(declared, AstKind::Function(_)) {
        return Some("Function".to_owned());
    }
    let AstKind::VariableDeclarator(variable) = declared else { return None };
    let class = match variable.init.as_ref()?.get_inner_expression() {
        Expression::ArrayExpression(_) => "Array",
        Expression::ObjectExpression(_) => "Object",
        Expression::NewExpression(made) => match made.callee.get_inner_expression() {
            Expression::Identifier(class) => class.name.as_str(),
            _ => return None,
        },
        Expression::CallExpression(call) => match call.callee.as_member_expression()?.object() {
            Expression::Identifier(object) if object.name == "Array" => "Array",
            _ => return None,
        },
        Expression::NumericLiteral(_) | Expression::BooleanLiteral(_) | Expression::UnaryExpression(_) => {
            "number"
        }
        Expression::StringLiteral(_) | Expression::TemplateLiteral(_) => "string",
        Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_) => "Function",
        _ => return None,
    };
    Some(class.to_owned())
}

/// A captured variable: the binding of that name which the functions around it see.
fn slot_anchor<'a>(
    workspace: &Workspace<'a>,
    name: &str,
    positions: &[&Vec<FunctionPosition>; 3],
    steps: &Steps,
) -> Option<Anchor<'a>> {
    let [closures, activations, nested] = positions;
    let mut votes: FxHashMap<(u32, SymbolId), usize> = FxHashMap::default();
    let inside = closures.iter().map(|p| (p, false, 4));
    let own = activations.iter().map(|p| (p, true, 4));
    let deeper = nested.iter().map(|p| (p, false, 1));
    for (position, own_scope, weight) in inside.chain(own).chain(deeper).take(64) {
        let Some(parsed) = workspace.parsed(position.script_id) else { continue };
        let Some(offset) = parsed.lines.offset(parsed.text, position.line, position.column) else {
            workspace.note(Note::PositionOutside { file: parsed.file() });
            continue;
        };
        let Some(symbol) = binding_seen_from(&parsed, offset, own_scope, name) else { continue };
        *votes.entry((position.script_id, symbol)).or_default() += weight;
    }
    if let Some(((script, symbol), _)) = votes.into_iter().max_by_key(|(key, votes)| (*votes, key.0, key.1)) {
        return Some(Anchor::at_symbol(&workspace.parsed(script)?, symbol, steps, Trust::Binding));
    }
    let near = positions.iter().flat_map(|all| all.iter()).next();
    let Some(near) = near else { return only_declaration(workspace, name, steps) };
    let parsed = workspace.parsed(near.script_id)?;
    if matches!(name, "exports" | "module") {
        let mut steps = steps.clone();
        if name == "module" && steps.last() == Some(&Segment::Name("exports".to_owned())) {
            steps.pop();
        }
        return exports_anchor(&parsed, name, &steps);
    }
    let anywhere = symbols_named(&parsed, name);
    if let [symbol] = anywhere.as_slice() {
        return Some(Anchor::at_symbol(&parsed, *symbol, steps, Trust::Name));
    }
    workspace.note(Note::NotDeclared { name: name.to_owned(), file: parsed.file() });
    None
}

/// The binding of `name` that the function at `offset` sees from outside, or, for its own activation, has inside.
fn binding_seen_from(parsed: &Parsed<'_>, offset: u32, own_scope: bool, name: &str) -> Option<SymbolId> {
    let scoping = parsed.scoping();
    let top = scoping.get_root_binding(name.into());
    if offset == 0 && own_scope && top.is_some() {
        // An ECMAScript module's own code begins where its text begins.
        return top;
    }
    let function = function_at(parsed, offset);
    let Some(function) = function else {
        // The module's own code: its variables are at the top level.
        return top;
    };
    let scope = scope_of(parsed, function)?;
    if own_scope {
        let inside = block_bindings(parsed, scope, name);
        if let Some(symbol) = inside.first() {
            return Some(*symbol);
        }
        return scoping.find_binding(scope, name.into());
    }
    let is_class = matches!(parsed.kind(function), AstKind::Class(_));
    let outer = if is_class { scope } else { scoping.scope_parent_id(scope)? };
    scoping.find_binding(outer, name.into())
}

/// Bindings of `name` in a function's scope and its blocks, without nested functions.
fn block_bindings(parsed: &Parsed<'_>, function: ScopeId, name: &str) -> Vec<SymbolId> {
    let scoping = parsed.scoping();
    symbols_named(parsed, name)
        .into_iter()
        .filter(|symbol| {
            let own = scoping.symbol_scope_id(*symbol);
            let nearest = scoping.scope_ancestors(own).find(|scope| {
                scoping.scope_flags(*scope).contains(ScopeFlags::Function) || *scope == function
            });
            nearest == Some(function)
        })
        .collect()
}

fn symbols_named(parsed: &Parsed<'_>, name: &str) -> Vec<SymbolId> {
    let scoping = parsed.scoping();
    scoping.symbol_ids().filter(|symbol| scoping.symbol_name(*symbol) == name).collect()
}

/// Without any position: the one declaration of that name in the application, if there is only one.
fn only_declaration<'a>(workspace: &Workspace<'a>, name: &str, steps: &Steps) -> Option<Anchor<'a>> {
    let mut found = None;
    for parsed in workspace.application(name) {
        for symbol in symbols_named(&parsed, name) {
            if found.is_some() {
                return None;
            }
            found = Some((Rc::clone(&parsed), symbol));
        }
    }
    found.map(|(parsed, symbol)| Anchor::at_symbol(&parsed, symbol, steps, Trust::Name))
}

/// An exported variable of an ECMAScript module.
fn module_anchor<'a>(
    workspace: &Workspace<'a>,
    export: &str,
    functions: &[FunctionPosition],
    steps: &Steps,
) -> Option<Anchor<'a>> {
    let Some(first) = functions.first() else { return only_declaration(workspace, export, steps) };
    let parsed = workspace.parsed(first.script_id)?;
    let found = parsed.nodes().iter().find_map(|node| exported_as(&parsed, node.id(), export));
    match found {
        Some(Exported::Symbol(symbol)) => Some(Anchor::at_symbol(&parsed, symbol, steps, Trust::Binding)),
        Some(Exported::Expression(node, at)) => {
            let mut anchor = Anchor::new(&parsed, "default", steps, Trust::Binding);
            anchor.declared = Some(at);
            anchor.starts.push((Rc::clone(&parsed), Start::Expression(node), steps.clone(), Trust::Binding));
            Some(anchor)
        }
        None => {
            workspace.note(Note::NotDeclared { name: export.to_owned(), file: parsed.file() });
            None
        }
    }
}

enum Exported {
    Symbol(SymbolId),
    Expression(NodeId, u32),
}

fn exported_as(parsed: &Parsed<'_>, node: NodeId, export: &str) -> Option<Exported> {
    match parsed.kind(node) {
        AstKind::ExportDeclaration(declaration) => {
            let ids = match &declaration.declaration {
                Declaration::VariableDeclaration(variables) => variables
                    .declarations
                    .iter()
                    .flat_map(|variable| variable.id.get_binding_identifiers())
                    .collect(),
                other => other.id().into_iter().collect::<Vec<_>>(),
            };
            let id = ids.into_iter().find(|id| id.name == export)?;
            id.symbol_id.get().map(Exported::Symbol)
        }
        AstKind::ExportNamedDeclaration(list) => {
            let specifier = list.specifiers.iter().find(|s| s.exported.name() == export)?;
            let local = specifier.local.name();
            parsed.scoping().get_root_binding(local.as_str().into()).map(Exported::Symbol)
        }
        AstKind::ExportDefaultDeclaration(default) if export == "default" => match &default.declaration {
            ExportDefaultDeclarationKind::Identifier(id) => {
                parsed.scoping().get_root_binding(id.name).map(Exported::Symbol)
            }
            ExportDefaultDeclarationKind::FunctionDeclaration(function) => {
                function.id.as_ref().and_then(|id| id.symbol_id.get()).map(Exported::Symbol)
            }
            ExportDefaultDeclarationKind::ClassDeclaration(class) => {
                class.id.as_ref().and_then(|id| id.symbol_id.get()).map(Exported::Symbol)
            }
            other => {
                let span = other.span();
                let value = parsed.nodes().iter().find(|n| n.kind().span() == span && n.id() != node)?;
                Some(Exported::Expression(value.id(), span.start))
            }
        },
        _ => None,
    }
}

/// `module.exports` of a file.
fn exports_anchor<'a>(parsed: &Rc<Parsed<'a>>, name: &str, steps: &Steps) -> Option<Anchor<'a>> {
    let shown = match steps.last() {
        Some(Segment::Name(property)) => property.as_str(),
        _ => name,
    };
    let mut anchor = Anchor::new(parsed, shown, &Vec::new(), Trust::Binding);
    anchor.exported = Some(steps.clone());
    for (start, extra) in exports_objects(parsed) {
        let mut steps = steps.clone();
        steps.extend(extra);
        anchor.starts.push((Rc::clone(parsed), start, steps, Trust::Binding));
    }
    (!anchor.starts.is_empty()).then_some(anchor)
}

/// A property of the global object.
fn global_anchor<'a>(workspace: &Workspace<'a>, name: &str, steps: &Steps) -> Option<Anchor<'a>> {
    let mut anchor: Option<Anchor<'a>> = None;
    for parsed in workspace.application(name) {
        for start in global_uses(&parsed, name) {
            let anchor = anchor.get_or_insert_with(|| Anchor::new(&parsed, name, steps, Trust::Binding));
            anchor.starts.push((Rc::clone(&parsed), start, steps.clone(), Trust::Binding));
        }
    }
    anchor
}

impl<'a> Workspace<'a> {
    /// The script of a file.
    pub(crate) fn parsed_file(&self, file: &str) -> Option<Rc<Parsed<'a>>> {
        let wanted = to_file(file);
        let id = self.scripts().iter().find(|script| to_file(&script.url) == wanted)?.id;
        self.parsed(id)
    }
}
