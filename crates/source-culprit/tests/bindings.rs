//! Variables held by contexts: the right binding, the right statement.

mod support;

use source_culprit::CollectionKind as Kind;
use source_culprit::{Confidence, Hop};
use support::{Program, added, owner, plain};

const LOG: &str = "'use strict';

const visits = [];
const index = new Map();

function note(req) {
  const started = Date.now();
  visits.push({ url: req.url, started });
}

function recent() {
  const agents = [];
  for (const v of visits.slice(-10)) agents.push(v.url);
  return agents;
}

module.exports = { note, recent };
";

#[test]
fn a_module_level_array() {
    let program = Program::new(&[("log.js", LOG)]);
    let found = program.locate(Kind::Array, vec![program.slot(1, "visits", "function recent")]);
    assert_eq!(owner(&found), "log.js:3 visits");
    assert_eq!(added(&found), "log.js:8 visits.push({ url: req.url, started });");
    assert_eq!(found.confidence, Confidence::Exact);
    assert_eq!(found.added_at.unwrap().function.as_deref(), Some("note"));
}

#[test]
fn same_named_variables_in_other_scopes_are_told_apart() {
    let text = "
function first() {
  const list = [];
  return (x) => { list.push(x); };
}
function second() {
  const list = [];
  return function keep(x) { list.push(x, 1); };
}
const list = [];
exports.third = (x) => list.push(x, 2);
";
    let program = Program::new(&[("a.js", text)]);
    let inner = program.locate(Kind::Array, vec![program.slot(1, "list", "function keep")]);
    assert_eq!((owner(&inner), added(&inner)), ("a.js:7 list".into(), "a.js:8 list.push(x, 1);".into()));
    let arrow = program.locate(Kind::Array, vec![program.slot(1, "list", "(x) => { list.push(x); }")]);
    assert_eq!((owner(&arrow), added(&arrow)), ("a.js:3 list".into(), "a.js:4 list.push(x);".into()));
    let top = program.locate(Kind::Array, vec![program.slot(1, "list", "(x) => list.push(x, 2)")]);
    assert_eq!((owner(&top), added(&top)), ("a.js:10 list".into(), "a.js:11 list.push(x, 2)".into()));
}

#[test]
fn a_shadowing_parameter_is_not_the_binding() {
    let text = "
const cache = new Map();
function warm(cache) { cache.set('warm', 1); }
function look(key, value) {
  cache.set(key, value);
}
module.exports = { warm, look };
";
    let program = Program::new(&[("a.js", text)]);
    let found = program.locate(Kind::Map, vec![program.slot(1, "cache", "function warm")]);
    assert_eq!(
        (owner(&found), added(&found)),
        ("a.js:2 cache".into(), "a.js:5 cache.set(key, value);".into())
    );
    assert_eq!(found.also, []);
}

/// A program with one growing variable `held`; gives what is found for it.
fn one(kind: Kind, text: &str) -> (String, String) {
    let program = Program::new(&[("a.js", text)]);
    let found = program.locate(kind, vec![program.slot(1, "held", "function probe")]);
    (owner(&found), added(&found))
}

#[test]
fn every_way_to_add_is_seen() {
    let ways = [
        (Kind::Array, "held.push(v);"),
        (Kind::Array, "held.unshift(v);"),
        (Kind::Array, "held.splice(0, 0, v);"),
        (Kind::Array, "held[held.length] = v;"),
        (Kind::Array, "held = [...held, v];"),
        (Kind::Array, "held = held.concat(v);"),
        (Kind::Array, "held = held.concat([v, 1]);"),
        (Kind::Array, "Array.prototype.push.apply(held, v);"),
        (Kind::Array, "held.push.apply(held, v);"),
        (Kind::Array, "held?.push(v);"),
        (Kind::Array, "(held ||= []).push(v);"),
        (Kind::Map, "held.set(v.id, v);"),
        (Kind::Map, "held = new Map([...held, [v.id, v]]);"),
        (Kind::Set, "held.add(v);"),
        (Kind::Weak, "held.set(v, 1);"),
        (Kind::Dictionary, "held[v.id] = v;"),
        (Kind::Dictionary, "held[v.id] ??= v;"),
        (Kind::Dictionary, "(held[v.id] ||= []).push(v);"),
        (Kind::Dictionary, "held = { ...held, [v.id]: v };"),
        (Kind::Dictionary, "held = Object.assign({}, held, { [v.id]: v });"),
        (Kind::Dictionary, "Object.assign(held, v);"),
        (Kind::Dictionary, "Reflect.set(held, v.id, v);"),
        (Kind::Dictionary, "Object.defineProperty(held, v.id, { value: v });"),
        (Kind::Listeners, "held.on('tick', () => v);"),
        (Kind::Listeners, "held.once('tick', () => v);"),
        (Kind::Listeners, "held.addEventListener('tick', () => v);"),
        (Kind::Text, "held += v.line;"),
        (Kind::Text, "held = held + v.line;"),
        (Kind::Text, "held = `${held}${v.line}`;"),
        (Kind::LinkedList, "held = { next: held, v };"),
        (Kind::LinkedList, "held = new Node(v, held);"),
        (Kind::Promise, "held.then(() => v);"),
        (Kind::Promise, "await held;"),
        (Kind::Promise, "return Promise.race([v, held]);"),
        (Kind::Instance, "held.add(v);"),
    ];
    for (kind, statement) in ways {
        let text = format!(
            "let held = make();\nlet other = make();\nfunction probe() {{ return held.size; }}\n\
             async function grow(v) {{\n  other.push(v);\n  {statement}\n}}\nmodule.exports = {{ probe, grow }};\n"
        );
        let (owner, added) = one(kind, &text);
        assert_eq!(owner, "a.js:1 held", "{statement}");
        assert_eq!(added, format!("a.js:6 {statement}"), "{kind:?}");
    }
}

#[test]
fn reading_and_removing_are_not_adding() {
    let text = "const held = [];
function probe() { return held.length; }
exports.a = () => held.shift();
exports.b = (x) => held.filter((y) => y !== x);
exports.c = () => { held.length = 0; };
exports.d = (x) => held.includes(x);
";
    let program = Program::new(&[("a.js", text)]);
    let found = program.locate(Kind::Array, vec![program.slot(1, "held", "function probe")]);
    assert_eq!(owner(&found), "a.js:1 held");
    assert_eq!(added(&found), "none");
    assert!(found.confidence < Confidence::Exact);
}

#[test]
fn aliases_are_followed() {
    let text = "const held = { queue: [], size: 0 };
function probe() { return held.size; }
function plain(v) {
  const mine = held;
  const { queue: waiting } = mine;
  const last = waiting;
  last.push(v);
}
module.exports = { plain, probe };
";
    let program = Program::new(&[("a.js", text)]);
    let chain = vec![plain("queue"), program.slot(1, "held", "function probe")];
    let found = program.locate(Kind::Array, chain);
    assert_eq!((owner(&found), added(&found)), ("a.js:1 held.queue".into(), "a.js:7 last.push(v);".into()));
}

#[test]
fn parameters_and_returns_are_followed() {
    let text = "const held = new Map();
function probe() { return held; }
const put = (target, key, value) => { target.set(key, value); };
exports.handle = (req) => { put(held, req.id, req); };
";
    assert_eq!(one(Kind::Map, text).1, "a.js:3 target.set(key, value);");
    let text = "const held = new Map();
function probe() { return held; }
exports.handle = (req) => { probe().set(req.id, req); };
";
    assert_eq!(one(Kind::Map, text).1, "a.js:3 probe().set(req.id, req);");
}

#[test]
fn elements_of_collections_are_followed() {
    let text = "const held = new Map();
function probe() { return held.size; }
exports.handle = (req) => {
  let list = held.get(req.user);
  if (!list) held.set(req.user, (list = []));
  list.push(req.url);
};
";
    let program = Program::new(&[("a.js", text)]);
    let chain = vec![Hop::Element, program.slot(1, "held", "function probe")];
    let found = program.locate(Kind::Array, chain);
    assert_eq!(owner(&found), "a.js:1 held");
    assert_eq!(added(&found), "a.js:6 list.push(req.url);");
}

#[test]
fn code_that_runs_per_call_wins_over_set_up() {
    let text = "const held = new Map();
for (const name of names) held.set(name, 1);
function probe() { return held.size; }
function warm() { held.set('a', 1); }
warm();
exports.handle = (req) => {
  held.set(req.id, req);
};
";
    assert_eq!(one(Kind::Map, text).1, "a.js:7 held.set(req.id, req);");
}

#[test]
fn block_and_async_contexts() {
    let text = "exports.run = async function main() {
  const batch = [];
  while (true) {
    const batch = [];
    await more(() => batch.length, batch);
    batch.push(1);
  }
};
";
    let program = Program::new(&[("a.js", text)]);
    let found = program.locate(Kind::Array, vec![program.slot(1, "batch", "() => batch.length")]);
    assert_eq!(owner(&found), "a.js:4 batch");
    let hop = Hop::ContextSlot {
        name: "batch".into(),
        closures: vec![],
        activations: vec![program.function(1, "function main")],
        nested: vec![],
    };
    assert!(owner(&program.locate(Kind::Array, vec![hop])).ends_with(" batch"));
}

#[test]
fn what_is_added_decides_between_equals() {
    let text = "const held = [];
function probe() { return held.length; }
exports.a = (x) => { held.push({ kind: 'a', x }); };
exports.b = (x) => { held.push({ id: x.id, body: x.body }); };
exports.c = (x) => { held.push(new Job(x)); };
";
    let program = Program::new(&[("a.js", text)]);
    let mut evidence = support::evidence(Kind::Array, vec![program.slot(1, "held", "function probe")]);
    evidence.growing.fields = vec!["id".into(), "body".into()];
    let found = source_culprit::locate(&evidence, &program);
    assert_eq!(added(&found), "a.js:4 held.push({ id: x.id, body: x.body });");
    assert_eq!(found.confidence, Confidence::Exact);
    evidence.growing.fields = vec![];
    evidence.growing.class_name = Some("Job".into());
    assert_eq!(added(&source_culprit::locate(&evidence, &program)), "a.js:5 held.push(new Job(x));");
    evidence.growing.class_name = None;
    let undecided = source_culprit::locate(&evidence, &program);
    assert_eq!(undecided.confidence, Confidence::Likely);
    assert_eq!(undecided.also.len(), 2);
}
