//! Values that cross files: CommonJS and ECMAScript exports, globals.

mod support;

use source_culprit::CollectionKind as Kind;
use source_culprit::Hop;
use support::{Program, added, owner, plain};

#[test]
fn common_js_exports_are_followed_to_their_users() {
    let store = "const seen = [];
const total = () => seen.length;
module.exports = { seen, total };
";
    for user in [
        "const { seen } = require('./store');\nexports.handle = (req) => { seen.push(req); };\n",
        "const { seen: kept } = require('./store.js');\nexports.handle = (req) => { kept.push(req); };\n",
        "const store = require('./store');\nexports.handle = (req) => { store.seen.push(req); };\n",
        "const kept = require('./store').seen;\nexports.handle = (req) => { kept.push(req); };\n",
        "import { seen } from './store.js';\nexport const handle = (req) => { seen.push(req); };\n",
        "import * as all from './store.js';\nexport const handle = (req) => { all.seen.push(req); };\n",
        "import store from './store.js';\nexport const handle = (req) => { store.seen.push(req); };\n",
    ] {
        let program = Program::new(&[("store.js", store), ("user.js", user)]);
        let found = program.locate(Kind::Array, vec![program.slot(1, "seen", "() => seen.length")]);
        assert_eq!(owner(&found), "store.js:1 seen");
        assert!(added(&found).starts_with("user.js:2 "), "{user}: {}", added(&found));
    }
}

#[test]
fn exported_variables_of_es_modules() {
    let store = "export const seen = [];
const hidden = new Map();
export function add(x) { hidden.set(x.id, x); }
export { hidden as shown };
export default new Set();
";
    let user = "import keep, { seen, shown } from './store.mjs';
export function a(x) { seen.push(x); }
export function b(x) { keep.add(x); }
";
    let again = "export { seen as renamed } from './store.mjs';\n";
    let program = Program::new(&[("store.mjs", store), ("user.mjs", user), ("again.mjs", again)]);
    let variable = |export: &str| Hop::ModuleVariable {
        export: export.into(),
        functions: vec![program.function(1, "function add")],
    };
    let seen = program.locate(Kind::Array, vec![variable("seen")]);
    assert_eq!((owner(&seen), added(&seen)), ("store.mjs:1 seen".into(), "user.mjs:2 seen.push(x);".into()));
    let hidden = program.locate(Kind::Map, vec![variable("shown")]);
    assert_eq!(owner(&hidden), "store.mjs:2 hidden");
    assert_eq!(added(&hidden), "store.mjs:3 hidden.set(x.id, x);");
    let default = program.locate(Kind::Set, vec![variable("default")]);
    assert_eq!(owner(&default), "store.mjs:5 default");
    assert_eq!(added(&default), "user.mjs:3 keep.add(x);");
}

#[test]
fn properties_of_exports_and_compiled_typescript() {
    let store = "exports.seen = [];\nexports.note = (x) => { exports.seen.push(x); };\n";
    let program = Program::new(&[("store.js", store)]);
    let chain = vec![plain("seen"), program.slot(1, "exports", "(x) => { exports")];
    let found = program.locate(Kind::Array, chain);
    assert_eq!(
        (owner(&found), added(&found)),
        ("store.js:1 seen".into(), "store.js:2 exports.seen.push(x);".into())
    );

    let compiled = "const store_1 = require(\"./store\");\nfunction handle(x) { store_1.list.push(x); }\n";
    let literal = "module.exports = { list: [] };\n";
    let program = Program::new(&[("store.js", literal), ("user.js", compiled)]);
    let chain = vec![plain("list"), Hop::ModuleExports { file: "/srv/app/store.js".into() }];
    let found = program.locate(Kind::Array, chain);
    assert_eq!(owner(&found), "store.js:1 list");
    assert_eq!(added(&found), "user.js:2 store_1.list.push(x);");
}

#[test]
fn globals_are_declared_where_they_are_first_assigned() {
    let main = "require('./metrics');\nglobalThis.samples ??= [];\n";
    let metrics = "exports.note = (ms) => { samples.push(ms); };\n";
    let program = Program::new(&[("main.js", main), ("metrics.js", metrics)]);
    let found = program.locate(Kind::Array, vec![Hop::GlobalProperty { name: "samples".into() }]);
    assert_eq!(owner(&found), "main.js:2 samples");
    assert_eq!(added(&found), "metrics.js:1 samples.push(ms);");
}

#[test]
fn listeners_lead_to_the_emitter_and_the_listener() {
    let text = "const { EventEmitter } = require('node:events');
const bus = new EventEmitter();
bus.on('ready', () => start());
exports.handle = (req, res) => {
  bus.on('tick', () => res.write('tick'));
};
";
    let program = Program::new(&[("app.js", text)]);
    let emitter = program.field("_events", "EventEmitter", None);
    let chain = vec![plain("tick"), emitter, program.slot(1, "bus", "(req, res) =>")];
    let mut evidence = support::evidence(Kind::Array, chain);
    evidence.growing.functions = vec![program.function(1, "() => res.write")];
    let found = source_culprit::locate(&evidence, &program);
    assert_eq!(owner(&found), "app.js:2 bus");
    assert_eq!(added(&found), "app.js:5 bus.on('tick', () => res.write('tick'));");
}
