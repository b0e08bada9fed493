//! Names carry no meaning: a program whose variables are all renamed gives the same lines.

mod support;

use source_culprit::CollectionKind as Kind;
use support::Program;

/// Programs with `@1`, `@2`, … for names; the slot is `@1` and the probe function `@2`.
const PROGRAMS: [(Kind, &str, u32, u32); 5] = [
    (
        Kind::Array,
        "const @1 = [];\nfunction @2() { return @1.length; }\nfunction @3(@4) {\n  const @5 = @1;\n  @5.push(@4);\n}\nmodule.exports = { @2, @3 };\n",
        1,
        5,
    ),
    (
        Kind::Map,
        "const @3 = new Map();\nconst @1 = new Map();\nfunction @2(@4) {\n  @3.clear();\n  @1.set(@4.id, @4);\n  return @1.get(@4.id);\n}\nmodule.exports = @2;\n",
        2,
        5,
    ),
    (
        Kind::Dictionary,
        "let @1 = {};\nfunction @2() { return Object.keys(@1); }\nconst @3 = (@4, @5) => {\n  @1 = { ...@1, [@4]: @5 };\n};\nexports.run = @3;\nexports.probe = @2;\n",
        1,
        4,
    ),
    (
        Kind::LinkedList,
        "let @1 = null;\nfunction @2() { return @1; }\nexports.run = function (@3) {\n  const @4 = @3;\n  @1 = { next: @1, value: @4 };\n};\n",
        1,
        5,
    ),
    (
        Kind::Text,
        "let @3 = '';\nlet @1 = '';\nfunction @2() { return @1 + @3; }\nexports.run = (@4) => {\n  @1 += @4;\n};\n",
        2,
        5,
    ),
];

fn named(text: &str, names: &[&str; 5]) -> String {
    let mut text = text.to_owned();
    for (name, at) in names.iter().zip(1..) {
        text = text.replace(&format!("@{at}"), name);
    }
    text
}

#[test]
fn renaming_everything_changes_no_line() {
    let vocabularies = [
        ["seen", "probe", "record", "item", "alias"],
        ["get", "push", "set", "add", "on"],
        ["a", "b", "c", "d", "e"],
        ["$", "_", "$_", "_0", "ünïcode"],
        ["items", "itemsOf", "items2", "_items", "itemS"],
        ["cache", "clear", "remove", "filter", "slice"],
    ];
    for (kind, template, declared, adds) in PROGRAMS {
        for names in &vocabularies {
            let text = named(template, names);
            let program = Program::new(&[("a.js", &text)]);
            let probe = format!("function {}", names[1]);
            let found = program.locate(kind, vec![program.slot(1, names[0], &probe)]);
            let owner = found.owner.as_ref().expect("an owner");
            assert_eq!((owner.line, owner.symbol.as_str()), (declared, names[0]), "{text}");
            assert_eq!(found.added_at.as_ref().map(|at| at.line), Some(adds), "{kind:?} {text}");
        }
    }
}
