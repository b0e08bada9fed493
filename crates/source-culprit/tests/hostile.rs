//! Sources that are broken, missing, changed or huge: a typed answer, in bounded time.

mod support;

use std::time::{Duration, Instant};

use source_culprit::CollectionKind as Kind;
use source_culprit::{Confidence, FunctionPosition, Hop, Note};
use support::{Program, added, owner};

fn slot_at(name: &str, script_id: u32, line: u32, column: u32) -> Hop {
    Hop::ContextSlot {
        name: name.into(),
        closures: vec![FunctionPosition { script_id, line, column }],
        activations: vec![],
        nested: vec![],
    }
}

#[test]
fn missing_and_broken_sources_are_said() {
    let program = Program::new(&[("a.js", "const x = [;\nfunction f( { x.push(1) }")]);
    let broken = program.locate(Kind::Array, vec![slot_at("x", 1, 1, 10)]);
    assert_eq!(broken.owner, None);
    assert!(broken.notes.contains(&Note::CannotParse { file: "/srv/app/a.js".into() }));
    let missing = program.locate(Kind::Array, vec![slot_at("x", 77, 1, 10)]);
    assert!(missing.notes.contains(&Note::SourceMissing { script_id: 77 }));
    assert!(missing.notes.contains(&Note::NothingNamed));
    assert_eq!(missing.confidence, Confidence::Guess);
}

#[test]
fn an_empty_chain_is_no_owner() {
    let program = Program::new(&[("a.js", "const x = [];")]);
    let found = program.locate(Kind::Array, vec![]);
    assert_eq!((found.owner, found.added_at), (None, None));
}

#[test]
fn wrong_positions_fall_back_to_the_only_declaration() {
    let text = "const held = [];\nexports.f = (x) => held.push(x);\n";
    let program = Program::new(&[("a.js", text)]);
    let found = program.locate(Kind::Array, vec![slot_at("held", 1, 900, 3)]);
    assert_eq!(owner(&found), "a.js:1 held");
    assert_eq!(found.confidence, Confidence::Guess);
    assert_eq!(found.notes, [Note::PositionOutside { file: "/srv/app/a.js".into() }]);
    let unknown = program.locate(Kind::Array, vec![slot_at("gone", 1, 1, 12)]);
    assert_eq!(unknown.owner, None);
    assert!(unknown.notes.contains(&Note::NotDeclared { name: "gone".into(), file: "/srv/app/a.js".into() }));
}

#[test]
fn nesting_bombs_are_refused() {
    for bomb in ["[".repeat(200_000), format!("x={}1", "1+".repeat(200_000)), "a=>".repeat(60_000)] {
        let program = Program::new(&[("a.js", &bomb)]);
        let found = program.locate(Kind::Array, vec![slot_at("x", 1, 0, 0)]);
        assert_eq!(found.owner, None);
        let file = "/srv/app/a.js".to_owned();
        let said = [Note::TooLarge { file: file.clone() }, Note::CannotParse { file }];
        assert!(found.notes.iter().any(|note| said.contains(note)), "{:?}", found.notes);
    }
}

#[test]
fn deep_but_legal_code_is_parsed() {
    let nested = format!("{}1{}", "[".repeat(900), "]".repeat(900));
    let sum = "1+".repeat(5_000);
    let text = format!(
        "const held = [];\nconst n = {nested};\nconst s = {sum}1;\nexports.f = (x) => held.push(x);\n"
    );
    let program = Program::new(&[("a.js", &text)]);
    let found = program.locate(Kind::Array, vec![program.slot(1, "held", "(x) => held")]);
    assert_eq!(owner(&found), "a.js:1 held");
}

#[test]
fn a_huge_one_line_bundle_takes_bounded_time() {
    let mut text = String::new();
    for n in 0..20_000 {
        text.push_str(&format!("function f{n}(a,b){{var c=[];c.push(a);return b?c.concat(f{n}):c[0]}}"));
    }
    text.push_str("const held=[];function probe(){return held.length}function grow(x){held.push(x)}");
    let program = Program::new(&[("bundle.js", &text)]);
    let started = Instant::now();
    let found = program.locate(Kind::Array, vec![program.slot(1, "held", "function probe")]);
    assert_eq!(added(&found), "bundle.js:1 held.push(x)");
    // Debug builds on busy machines are slow; a search that is not linear would take minutes.
    assert!(started.elapsed() < Duration::from_secs(30), "{:?}", started.elapsed());
}

#[test]
fn an_endless_circle_of_names_ends() {
    let a = "const b = require('./b');\nlet x = []; let y = x; x = y;\nmodule.exports = { x, b, get: () => x };\n";
    let b = "const a = require('./a');\nmodule.exports = { ...a, x: a.x, again: a };\nexports.f = (v) => a.x.push(v);\n";
    let program = Program::new(&[("a.js", a), ("b.js", b)]);
    let found = program.locate(Kind::Array, vec![program.slot(1, "x", "() => x")]);
    assert_eq!(added(&found), "b.js:3 a.x.push(v)");
}
