//! Values that leave their file: what a module exports, and who imports it.

use std::rc::Rc;

use oxc_ast::AstKind;
use oxc_ast::ast::{Expression, ImportDeclarationSpecifier};
use oxc_semantic::SymbolId;
use oxc_span::GetSpan;

use crate::follow::{Follower, Segment, Start, Steps, Task, Trust};
use crate::functions::member_parts;
use crate::locations::{import_keyword, specifier_names};
use crate::parsed::Parsed;

impl<'a> Follower<'a, '_> {
    /// The followed value is exported under `name`.
    pub(crate) fn follow_named_export(&mut self, here: &Task<'a>, name: &str) {
        let mut steps = here.steps.clone();
        steps.push(Segment::Name(name.to_owned()));
        self.follow_own_exports(here, &steps);
        self.follow_namespace(here, &steps);
    }

    /// `exports.name` used in the module itself.
    fn follow_own_exports(&mut self, here: &Task<'a>, steps: &Steps) {
        for (start, extra) in exports_objects(&here.parsed) {
            let mut steps = steps.clone();
            steps.extend(extra);
            self.push(Self::next(here, start, steps, Trust::Flow));
        }
    }

    /// The steps lead from the module's namespace (or `module.exports`) to the value: go on in the importers.
    pub(crate) fn follow_namespace(&mut self, here: &Task<'a>, steps: &Steps) {
        if !self.exported.insert((here.parsed.id, steps.clone())) || here.depth >= 6 {
            return;
        }
        let target = here.parsed.url.clone();
        for importer in self.workspace.related(&target, &import_keyword(&target)) {
            self.follow_importer(here, &importer, steps);
        }
    }

    fn follow_importer(&mut self, here: &Task<'a>, importer: &Rc<Parsed<'a>>, steps: &Steps) {
        let target = here.parsed.url.as_str();
        let there = Task { parsed: Rc::clone(importer), ..here.clone() };
        let names = |specifier: &str| specifier_names(&importer.url, specifier, target);
        for node in importer.nodes().iter() {
            match node.kind() {
                AstKind::CallExpression(call) if required(importer, call).is_some_and(names) => {
                    let start = Start::Expression(node.id());
                    self.push(Self::next(&there, start, steps.clone(), Trust::Flow));
                }
                AstKind::ImportExpression(import) => {
                    if matches!(&import.source, Expression::StringLiteral(text) if names(&text.value)) {
                        let start = Start::Expression(node.id());
                        self.push(Self::next(&there, start, steps.clone(), Trust::Flow));
                    }
                }
                AstKind::ImportDeclaration(import) if names(&import.source.value) => {
                    for specifier in import.specifiers.iter().flatten() {
                        self.follow_import(&there, specifier, steps);
                    }
                }
                AstKind::ExportAllDeclaration(export) if names(&export.source.value) => {
                    self.follow_namespace(
                        &Self::next(&there, there.start, steps.clone(), Trust::Flow),
                        steps,
                    );
                }
                AstKind::ExportFromDeclaration(export) if names(&export.source.value) => {
                    for specifier in &export.specifiers {
                        let wanted = Segment::Name(specifier.local.name().to_string());
                        if steps.last() == Some(&wanted) {
                            let mut renamed = steps.clone();
                            renamed.pop();
                            renamed.push(Segment::Name(specifier.exported.name().to_string()));
                            let next = Self::next(&there, there.start, renamed.clone(), Trust::Flow);
                            self.follow_namespace(&next, &renamed);
                        }
                    }
                }
                _ => {}
            }
        }
    }

    fn follow_import(&mut self, there: &Task<'a>, specifier: &ImportDeclarationSpecifier<'a>, steps: &Steps) {
        let symbol = specifier.local().symbol_id.get();
        let Some(symbol) = symbol else { return };
        let wanted = match specifier {
            ImportDeclarationSpecifier::ImportSpecifier(named) => named.imported.name().to_string(),
            ImportDeclarationSpecifier::ImportDefaultSpecifier(_) => "default".to_owned(),
            ImportDeclarationSpecifier::ImportNamespaceSpecifier(_) => {
                self.push(Self::next(there, Start::Symbol(symbol), steps.clone(), Trust::Flow));
                return;
            }
        };
        let mut rest = steps.clone();
        if rest.last() == Some(&Segment::Name(wanted.clone())) {
            rest.pop();
        } else if wanted != "default" {
            return;
        }
        // The default import of a CommonJS module is its whole module.exports.
        self.push(Self::next(there, Start::Symbol(symbol), rest, Trust::Flow));
    }

    /// `export const seen = []`: the declaration itself exports.
    pub(crate) fn follow_exported_declaration(&mut self, task: &Task<'a>, symbol: SymbolId) {
        let parsed = Rc::clone(&task.parsed);
        let declaration = parsed.scoping().symbol_declaration(symbol);
        for kind in parsed.nodes().ancestor_kinds(declaration).take(3) {
            match kind {
                AstKind::ExportDeclaration(_) => {
                    let name = parsed.scoping().symbol_name(symbol).to_owned();
                    self.follow_named_export(task, &name);
                    return;
                }
                AstKind::ExportDefaultDeclaration(_) => {
                    self.follow_named_export(task, "default");
                    return;
                }
                AstKind::VariableDeclaration(_) | AstKind::VariableDeclarator(_) => {}
                _ => return,
            }
        }
    }

    /// The value is a property of the global object: go on wherever that name is free.
    pub(crate) fn follow_global(&mut self, here: &Task<'a>, name: &str) {
        let mut scripts = self.workspace.related(&here.parsed.url, name);
        scripts.push(Rc::clone(&here.parsed));
        for parsed in scripts {
            for start in global_uses(&parsed, name) {
                let there = Task { parsed: Rc::clone(&parsed), ..here.clone() };
                self.push(Self::next(&there, start, here.steps.clone(), Trust::Flow));
            }
        }
    }
}

/// The specifier of a `require` call.
pub(crate) fn required<'t>(
    parsed: &Parsed<'_>,
    call: &'t oxc_ast::ast::CallExpression<'_>,
) -> Option<&'t str> {
    let [oxc_ast::ast::Argument::StringLiteral(specifier)] = call.arguments.as_slice() else { return None };
    (parsed.slice(call.callee.span()) == "require").then_some(specifier.value.as_str())
}

/// Expressions that are the module's own exports object, with the steps they need on top.
pub(crate) fn exports_objects(parsed: &Parsed<'_>) -> Vec<(Start, Option<Segment>)> {
    let free = parsed.scoping().root_unresolved_references();
    let mut found = Vec::new();
    for (name, references) in free {
        let extra = match name.as_str() {
            "exports" => None,
            "module" => Some(Segment::Name("exports".to_owned())),
            _ => continue,
        };
        for reference in references {
            let node = parsed.scoping().get_reference(*reference).node_id();
            found.push((Start::Expression(node), extra.clone()));
        }
    }
    found
}

/// Free uses of a global name: `bag`, `globalThis.bag`, `global.bag`.
pub(crate) fn global_uses(parsed: &Parsed<'_>, name: &str) -> Vec<Start> {
    let mut found = Vec::new();
    for (free, references) in parsed.scoping().root_unresolved_references() {
        if free.as_str() == name {
            let nodes = references.iter().map(|id| parsed.scoping().get_reference(*id).node_id());
            found.extend(nodes.map(Start::Expression));
        }
    }
    for node in parsed.nodes().iter() {
        let Some((object, Some(found_name))) = member_parts(node.kind()) else { continue };
        let holder = parsed.slice(object);
        if found_name == name && matches!(holder, "globalThis" | "global" | "window" | "self" | "root") {
            found.push(Start::Expression(node.id()));
        }
    }
    found
}
