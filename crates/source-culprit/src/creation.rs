//! Where the application brings a library's object to life: its calls into the package.

use std::rc::Rc;

use oxc_ast::AstKind;
use oxc_ast::ast::Expression;
use oxc_semantic::{NodeId, SymbolId};
use oxc_span::GetSpan;

use crate::exports::required;
use crate::functions::runs_per_call;
use crate::parsed::Parsed;
use crate::workspace::Workspace;

/// A call or `new` of something a package exports.
#[derive(Debug, Clone)]
pub(crate) struct CreationSite<'a> {
    pub(crate) parsed: Rc<Parsed<'a>>,
    pub(crate) node: NodeId,
    /// What is called, as `session` or `http.Agent`.
    pub(crate) callee: String,
    score: i32,
    /// Whether it runs each time that a function is called, not only when its file is loaded.
    repeated: bool,
}

impl CreationSite<'_> {
    /// Whether it runs each time that a function is called.
    pub(crate) fn is_repeated(&self) -> bool {
        self.repeated
    }

    /// Whether the call makes one of the classes that were asked for, by its name.
    pub(crate) fn makes_wanted_class(&self) -> bool {
        self.score >= 50
    }
}

/// The application's calls into `package`, best first: those that make one of `classes`, then those that run
/// per call.
pub(crate) fn creation_sites<'a>(
    workspace: &Workspace<'a>,
    package: &str,
    classes: &[String],
) -> Vec<CreationSite<'a>> {
    let mut sites = Vec::new();
    for parsed in workspace.application(package) {
        for symbol in imported_symbols(&parsed, package) {
            for reference in parsed.scoping().get_resolved_references(symbol) {
                sites.extend(called(&parsed, reference.node_id(), classes));
            }
        }
        for node in parsed.nodes().iter() {
            // require('x')(options)
            if let AstKind::CallExpression(call) = node.kind()
                && required(&parsed, call).is_some_and(|name| names_package(name, package))
            {
                sites.extend(called(&parsed, node.id(), classes));
            }
        }
    }
    sites.sort_by_key(|site| -site.score);
    sites
}

/// The application's `new Class(…)` of its own classes and of anything else with that name.
pub(crate) fn constructions<'a>(workspace: &Workspace<'a>, class: &str) -> Vec<CreationSite<'a>> {
    let mut sites = Vec::new();
    for parsed in workspace.application(class) {
        for node in parsed.nodes().iter() {
            let AstKind::NewExpression(new) = node.kind() else { continue };
            let callee = parsed.slice(new.callee.span());
            if callee.rsplit('.').next() == Some(class) {
                let repeated = runs_per_call(&parsed, node.id());
                let score = if repeated { 30 } else { 0 };
                let site = CreationSite {
                    parsed: Rc::clone(&parsed),
                    node: node.id(),
                    callee: callee.to_owned(),
                    score,
                    repeated,
                };
                sites.push(site);
            }
        }
    }
    sites.sort_by_key(|site| -site.score);
    sites
}

fn names_package(specifier: &str, package: &str) -> bool {
    let bare = specifier.trim_start_matches("node:");
    bare == package || bare.strip_prefix(package).is_some_and(|rest| rest.starts_with('/'))
}

fn imported_symbols(parsed: &Parsed<'_>, package: &str) -> Vec<SymbolId> {
    let mut symbols = Vec::new();
    for node in parsed.nodes().iter() {
        match node.kind() {
            AstKind::ImportDeclaration(import) if names_package(&import.source.value, package) => {
                let specifiers = import.specifiers.iter().flatten();
                symbols.extend(specifiers.filter_map(|specifier| specifier.local().symbol_id.get()));
            }
            AstKind::VariableDeclarator(variable) => {
                let Some(init) = &variable.init else { continue };
                if requires(parsed, init, package) {
                    let names = variable.id.get_binding_identifiers();
                    symbols.extend(names.into_iter().filter_map(|name| name.symbol_id.get()));
                }
            }
            _ => {}
        }
    }
    symbols
}

/// `require('x')`, `require('x').Class`, `await import('x')`, also inside an interop helper.
fn requires(parsed: &Parsed<'_>, init: &Expression<'_>, package: &str) -> bool {
    match init.get_inner_expression() {
        Expression::CallExpression(call) => {
            required(parsed, call).is_some_and(|name| names_package(name, package))
                || call.arguments.first().and_then(|first| first.as_expression()).is_some_and(|inner| {
                    let helper = parsed.slice(call.callee.span());
                    (helper.contains("import") || helper.contains("nterop"))
                        && requires(parsed, inner, package)
                })
        }
        Expression::StaticMemberExpression(member) => requires(parsed, &member.object, package),
        Expression::AwaitExpression(wait) => match &wait.argument {
            Expression::ImportExpression(import) => {
                matches!(&import.source, Expression::StringLiteral(text) if names_package(&text.value, package))
            }
            _ => false,
        },
        _ => false,
    }
}

/// The call or `new` of an expression, or of a member of it.
fn called<'a>(parsed: &Rc<Parsed<'a>>, start: NodeId, classes: &[String]) -> Option<CreationSite<'a>> {
    let mut at = start;
    loop {
        let parent = parsed.nodes().parent_id(at);
        if parent == at {
            return None;
        }
        let span = parsed.span(at);
        match parsed.kind(parent) {
            AstKind::StaticMemberExpression(member) if member.object.span() == span => at = parent,
            AstKind::CallExpression(call) if call.callee.span() == span => break,
            AstKind::NewExpression(new) if new.callee.span() == span => break,
            AstKind::SequenceExpression(_) | AstKind::ParenthesizedExpression(_) => at = parent,
            _ => return None,
        }
    }
    let node = parsed.nodes().parent_id(at);
    let callee = parsed.slice(parsed.span(at)).to_owned();
    let last = callee.rsplit('.').next().unwrap_or(&callee);
    let makes = classes.iter().position(|class| class.eq_ignore_ascii_case(last));
    let constructs = matches!(parsed.kind(node), AstKind::NewExpression(_));
    let repeated = runs_per_call(parsed, node);
    let score = makes.map_or(0, |at| 100 - i32::try_from(at).unwrap_or(50).min(50))
        + if constructs { 5 } else { 0 }
        + if repeated { 10 } else { 0 };
    Some(CreationSite { parsed: Rc::clone(parsed), node, callee, score, repeated })
}
