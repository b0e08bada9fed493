//! Generated code is answered in the source people wrote.

mod support;

use source_culprit::CollectionKind as Kind;
use source_culprit::{Note, SourceMapRef};
use sourcemap::{SourceMap, SourceMapBuilder};
use support::{Program, added, owner};

const ORIGINAL: &str = "// Keeps what was asked.
interface Visit { url: string; at: number }

const visits: Visit[] = [];

export function remember(url: string): void {
  if (url.length > 0) {
    visits.push({ url, at: Date.now() });
  }
}

export const recent = (): Visit[] => visits.slice(-5);
";
const MINIFIED: &str =
    "const a=[];function b(t){t.length>0&&a.push({url:t,at:Date.now()})}const c=()=>a.slice(-5);";

/// A map from words of the generated text to words of the original, in order.
fn map(generated: &str, original: &str, words: &[(&str, &str)], names: bool) -> SourceMapBuilder {
    let mut builder = SourceMapBuilder::new(Some("bundle.js"));
    let source = builder.add_source("../src/visits.ts");
    builder.set_source_contents(source, Some(original));
    let (mut from, mut to) = (0, 0);
    for (generated_word, original_word) in words {
        from += generated[from..].find(generated_word).expect("in the generated text");
        to += original[to..].find(original_word).expect("in the original text");
        let before = &original[..to];
        let line = before.matches('\n').count() as u32;
        let column = before.rsplit('\n').next().unwrap_or("").len() as u32;
        let name = names.then_some(*original_word);
        builder.add(0, from as u32, line, column, Some("../src/visits.ts"), name, false);
    }
    builder
}

const WORDS: [(&str, &str); 5] = [
    ("a=", "visits: Visit"),
    ("b(", "remember("),
    ("t.length", "url.length"),
    ("a.push", "visits.push"),
    ("a.slice", "visits.slice"),
];

fn bytes(map: &SourceMap) -> Vec<u8> {
    let mut json = Vec::new();
    map.to_writer(&mut json).expect("a map");
    json
}

fn check(program: &Program) {
    let found = program.locate(Kind::Array, vec![program.slot(1, "a", "()=>a.slice")]);
    assert_eq!(owner(&found), "src/visits.ts:4 visits");
    assert_eq!(added(&found), "src/visits.ts:8 visits.push({ url, at: Date.now() });");
    assert_eq!(found.added_at.unwrap().function.as_deref(), Some("remember"));
    assert_eq!(found.notes, []);
}

#[test]
fn minified_code_with_a_map_beside_it() {
    let map = map(MINIFIED, ORIGINAL, &WORDS, false).into_sourcemap();
    let text = format!("{MINIFIED}\n//# sourceMappingURL=bundle.js.map\n");
    let mut program = Program::new(&[("dist/bundle.js", &text)]);
    program.files.push(("/srv/app/dist/bundle.js.map".into(), String::from_utf8(bytes(&map)).unwrap()));
    check(&program);
}

#[test]
fn an_inline_map_and_one_given_as_bytes() {
    let map = map(MINIFIED, ORIGINAL, &WORDS, false).into_sourcemap();
    let inline = format!("{MINIFIED}\n//# sourceMappingURL={}", map.to_data_url().unwrap());
    check(&Program::new(&[("dist/bundle.js", &inline)]));
    let given = Program::new(&[("dist/bundle.js", MINIFIED)]);
    check(&given.with_map(1, SourceMapRef::Bytes(bytes(&map))));
}

#[test]
fn an_indexed_map() {
    let map = map(MINIFIED, ORIGINAL, &WORDS, false).into_sourcemap();
    let section = String::from_utf8(bytes(&map)).unwrap();
    let indexed = format!(
        "{{\"version\":3,\"sections\":[{{\"offset\":{{\"line\":0,\"column\":0}},\"map\":{section}}}]}}"
    );
    let program = Program::new(&[("dist/bundle.js", MINIFIED)]);
    check(&program.with_map(1, SourceMapRef::Bytes(indexed.into_bytes())));
}

#[test]
fn a_map_without_contents_reads_the_source_file() {
    let mut builder = map(MINIFIED, ORIGINAL, &WORDS, false);
    builder.set_source_contents(0, None);
    let mut program = Program::new(&[("dist/bundle.js", MINIFIED)]);
    program.files.push(("/srv/app/src/visits.ts".into(), ORIGINAL.into()));
    check(&program.with_map(1, SourceMapRef::Bytes(bytes(&builder.into_sourcemap()))));
}

#[test]
fn an_unreadable_map_is_said_and_positions_are_the_generated_ones() {
    for map in [SourceMapRef::Bytes(b"{nonsense".to_vec()), SourceMapRef::Url("gone.map".into())] {
        let program = Program::new(&[("dist/bundle.js", MINIFIED)]).with_map(1, map);
        let found = program.locate(Kind::Array, vec![program.slot(1, "a", "()=>a.slice")]);
        assert_eq!(owner(&found), "dist/bundle.js:1 a");
        let file = "/srv/app/dist/bundle.js".to_owned();
        assert_eq!(found.notes, [Note::SourceMapUnreadable { file }]);
    }
}

#[test]
fn typescript_that_runs_as_it_is() {
    let text = "import type { Req } from './types.ts';
class Registry<T extends object> {
  private readonly entries: Map<string, T> = new Map();
  constructor(readonly name: string) {}
  put(key: string, value: T): this {
    (this.entries as Map<string, unknown>)!.set(key, value satisfies T);
    return this;
  }
}
export const registry = new Registry<Req>('all');
let kept: Req[] = [];
export function keep(r: Req): void { kept = [...kept, r]; }
";
    let program = Program::new(&[("app.ts", text)]);
    let chain = vec![program.field("entries", "Registry", Some((1, "class Registry")))];
    let found = program.locate(Kind::Map, chain);
    assert_eq!(owner(&found), "app.ts:3 Registry.entries");
    assert_eq!(
        added(&found),
        "app.ts:6 (this.entries as Map<string, unknown>)!.set(key, value satisfies T);"
    );
    let spread = program.locate(Kind::Array, vec![program.slot(1, "kept", "function keep")]);
    assert_eq!(owner(&spread), "app.ts:11 kept");
    assert_eq!(added(&spread), "app.ts:12 kept = [...kept, r];");
}
