//! One script, parsed, with its bindings resolved.

use oxc_allocator::Allocator;
use oxc_ast::AstKind;
use oxc_parser::{ParseOptions, Parser};
use oxc_semantic::{AstNodes, NodeId, Scoping, Semantic, SemanticBuilder};
use oxc_span::{GetSpan, SourceType, Span};

use crate::depth::is_parsable;
use crate::lines::Lines;
use crate::locations::to_file;
use crate::original::Mapping;

/// A parsed script.
#[derive(Debug)]
pub(crate) struct Parsed<'a> {
    pub(crate) id: u32,
    pub(crate) url: String,
    pub(crate) text: &'a str,
    pub(crate) lines: Lines,
    pub(crate) mapping: Option<Mapping>,
    semantic: Box<SemanticHolder<'a>>,
}

/// Keeps `Semantic`, which has no `Debug`, inside a type that has.
struct SemanticHolder<'a>(Semantic<'a>);

impl std::fmt::Debug for SemanticHolder<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Semantic")
    }
}

/// Why a text could not be parsed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ParseFailure {
    TooLarge,
    Syntax,
}

impl<'a> Parsed<'a> {
    /// Parses `text` in the dialect its URL suggests, then in the others.
    pub(crate) fn new(
        allocator: &'a Allocator,
        id: u32,
        url: &str,
        text: &str,
        mapping: Option<Mapping>,
    ) -> Result<Self, ParseFailure> {
        if !is_parsable(text) {
            return Err(ParseFailure::TooLarge);
        }
        let text: &'a str = allocator.alloc_str(text);
        for dialect in dialects(url) {
            let options = ParseOptions {
                allow_return_outside_function: true,
                preserve_parens: false,
                parse_regular_expression: false,
                ..ParseOptions::default()
            };
            let parsed = Parser::new(allocator, text, dialect).with_options(options).parse();
            if parsed.panicked || !parsed.diagnostics.is_empty() {
                continue;
            }
            let program = allocator.alloc(parsed.program);
            let semantic = SemanticBuilder::new().with_build_nodes(true).build(program).semantic;
            return Ok(Self {
                id,
                url: url.to_owned(),
                text,
                lines: Lines::new(text),
                mapping,
                semantic: Box::new(SemanticHolder(semantic)),
            });
        }
        Err(ParseFailure::Syntax)
    }

    /// The tree's nodes.
    pub(crate) fn nodes(&self) -> &AstNodes<'a> {
        self.semantic.0.nodes()
    }

    /// Scopes, symbols and references.
    pub(crate) fn scoping(&self) -> &Scoping {
        self.semantic.0.scoping()
    }

    /// A node's kind.
    pub(crate) fn kind(&self, node: NodeId) -> AstKind<'a> {
        self.nodes().kind(node)
    }

    /// A node's place in the text.
    pub(crate) fn span(&self, node: NodeId) -> Span {
        self.kind(node).span()
    }

    /// The text of a span.
    pub(crate) fn slice(&self, span: Span) -> &'a str {
        self.text.get(span.start as usize..span.end as usize).unwrap_or("")
    }

    /// The script's file, as answers name it.
    pub(crate) fn file(&self) -> String {
        to_file(&self.url)
    }
}

fn dialects(url: &str) -> Vec<SourceType> {
    let file = to_file(url);
    let ends = |ending: &str| file.ends_with(ending);
    let typescript = [SourceType::ts().with_unambiguous(true), SourceType::tsx().with_unambiguous(true)];
    let javascript = [SourceType::unambiguous().with_jsx(true), SourceType::cjs(), SourceType::script()];
    if ends(".ts") || ends(".mts") || ends(".cts") {
        typescript.into_iter().chain(javascript).collect()
    } else if ends(".tsx") {
        typescript.into_iter().rev().chain(javascript).collect()
    } else if ends(".mjs") {
        vec![SourceType::mjs().with_jsx(true), SourceType::unambiguous()]
    } else {
        javascript.into_iter().chain(typescript).collect()
    }
}
