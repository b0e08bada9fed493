//! Offsets of parsed scripts as places and statements, in the source that people wrote.

use std::rc::Rc;

use oxc_ast::AstKind;
use oxc_semantic::NodeId;
use oxc_span::{GetSpan, Span};

use crate::answer::{Place, Statement};
use crate::functions::{enclosing_function, name_of};
use crate::lines::Lines;
use crate::original::Original;
use crate::parsed::Parsed;
use crate::workspace::Workspace;

const MAX_TEXT: usize = 200;

/// Renders places and statements, through source maps where scripts have them.
pub(crate) struct Renderer<'a, 'w> {
    pub(crate) workspace: &'w Workspace<'a>,
}

impl<'a> Renderer<'a, '_> {
    fn original(&self, parsed: &Parsed<'a>, offset: u32) -> Option<Original> {
        let (line, column) = parsed.lines.position(parsed.text, offset);
        parsed.mapping.as_ref()?.original(line, column, self.workspace.sources)
    }

    /// What people call the thing declared at `offset`.
    pub(crate) fn rename(&self, parsed: &Parsed<'a>, offset: u32, generated: &str) -> String {
        let Some(original) = self.original(parsed, offset) else { return generated.to_owned() };
        let written =
            original.identifier().filter(|word| !matches!(word.as_str(), "this" | "class" | "const"));
        let written = written.filter(|word| !matches!(word.as_str(), "let" | "var" | "function" | "export"));
        original.name.clone().or(written).unwrap_or_else(|| generated.to_owned())
    }

    /// The place of a declaration.
    pub(crate) fn place_of(&self, parsed: &Parsed<'a>, offset: u32, symbol: String) -> Place {
        match self.original(parsed, offset) {
            Some(original) => {
                Place { file: original.file, line: original.line + 1, column: original.column + 1, symbol }
            }
            None => {
                let (line, column) = parsed.lines.position(parsed.text, offset);
                Place { file: parsed.file(), line: line + 1, column: column + 1, symbol }
            }
        }
    }

    /// The statement around an expression.
    pub(crate) fn statement(&self, parsed: &Rc<Parsed<'a>>, node: NodeId, reason: String) -> Statement {
        let start = parsed.span(node).start;
        if let Some(original) = self.original(parsed, start) {
            return self.original_statement(parsed, node, &original, reason);
        }
        let (line, _) = parsed.lines.position(parsed.text, start);
        Statement {
            file: parsed.file(),
            line: line + 1,
            text: one_line(statement_text(parsed, node)),
            function: function_name(parsed, node),
            reason,
        }
    }

    fn original_statement(
        &self,
        parsed: &Rc<Parsed<'a>>,
        node: NodeId,
        original: &Original,
        reason: String,
    ) -> Statement {
        let there = original.text.as_deref().and_then(|text| {
            let reparsed = self.workspace.parse_original(&original.file, text)?;
            let offset = reparsed.lines.offset(reparsed.text, original.line, original.column)?;
            let inside = innermost(&reparsed, offset)?;
            Some((one_line(statement_text(&reparsed, inside)), function_name(&reparsed, inside)))
        });
        let (text, function) = there.unwrap_or_else(|| {
            let line = original.text.as_deref().map(|text| {
                let lines = Lines::new(text);
                one_line(lines.line_text(text, original.line))
            });
            let text = line.unwrap_or_else(|| one_line(statement_text(parsed, node)));
            (text, function_name(parsed, node))
        });
        Statement { file: original.file.clone(), line: original.line + 1, text, function, reason }
    }
}

fn function_name(parsed: &Parsed<'_>, node: NodeId) -> Option<String> {
    let mut at = node;
    while let Some(function) = enclosing_function(parsed, at) {
        if let Some(name) = name_of(parsed, function) {
            return Some(name);
        }
        at = function;
    }
    None
}

/// The smallest node around an offset.
fn innermost(parsed: &Parsed<'_>, offset: u32) -> Option<NodeId> {
    let around = parsed.nodes().iter().filter(|node| {
        let span = node.kind().span();
        span.start <= offset && offset < span.end
    });
    around.min_by_key(|node| node.kind().span().size()).map(|node| node.id())
}

/// The text of the smallest statement around a node; an arrow function's expression counts as one.
fn statement_text<'a>(parsed: &Parsed<'a>, node: NodeId) -> &'a str {
    let mut at = node;
    loop {
        let parent = parsed.nodes().parent_id(at);
        let kind = parsed.kind(at);
        let is_statement = kind.is_statement()
            || matches!(kind, AstKind::VariableDeclaration(_) | AstKind::PropertyDefinition(_));
        if is_statement || parent == at {
            return parsed.slice(kind.span());
        }
        if let AstKind::ArrowFunctionExpression(arrow) = parsed.kind(parent) {
            let body: Span = arrow.body.span();
            if body == kind.span() {
                return parsed.slice(body);
            }
        }
        at = parent;
    }
}

/// A text on one line, cut where it gets long.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for word in text.split_whitespace() {
        if line.chars().count() + word.chars().count() > MAX_TEXT {
            let room = MAX_TEXT.saturating_sub(line.chars().count() + 1);
            if line.is_empty() || room > 20 {
                if !line.is_empty() {
                    line.push(' ');
                }
                line.extend(word.chars().take(room));
            }
            line.push_str(" …");
            return line;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    line
}
