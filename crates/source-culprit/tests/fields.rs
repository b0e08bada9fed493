//! Fields of instances, private fields, prototypes and statics.

mod support;

use source_culprit::CollectionKind as Kind;
use source_culprit::{Confidence, Hop};
use support::{Program, added, owner};

const STORE: &str = "class Other {
  items = [];
  keep(x) { this.items.push(x); }
}
class Store {
  static shared = new Map();
  #index = new Map();
  constructor(limit) {
    this.limit = limit;
    this.items = [];
  }
  remember(item) {
    if (!item) return;
    this.items.push(item);
    this.#index.set(item.id, item);
    Store.shared.set(item.id, 1);
  }
  get all() { return this.items; }
}
module.exports = { Store, Other };
";

#[test]
fn a_field_set_in_the_constructor() {
    let program = Program::new(&[("store.js", STORE)]);
    for marker in ["class Store", "constructor(limit)"] {
        let found = program.locate(Kind::Array, vec![program.field("items", "Store", Some((1, marker)))]);
        assert_eq!(owner(&found), "store.js:10 Store.items");
        assert_eq!(added(&found), "store.js:14 this.items.push(item);");
        assert_eq!(found.confidence, Confidence::Exact);
        assert_eq!(found.added_at.unwrap().function.as_deref(), Some("Store.remember"));
    }
}

#[test]
fn class_elements_private_names_and_statics() {
    let program = Program::new(&[("store.js", STORE)]);
    let other = program.locate(Kind::Array, vec![program.field("items", "Other", Some((1, "class Other")))]);
    assert_eq!(owner(&other), "store.js:2 Other.items");
    assert_eq!(added(&other), "store.js:3 this.items.push(x);");
    let private = program.locate(Kind::Map, vec![program.field("#index", "Store", Some((1, "class Store")))]);
    assert_eq!(owner(&private), "store.js:7 Store.#index");
    assert_eq!(added(&private), "store.js:15 this.#index.set(item.id, item);");
    let hop = Hop::StaticProperty {
        name: "shared".into(),
        function_name: "Store".into(),
        function: Some(program.function(1, "class Store")),
    };
    let shared = program.locate(Kind::Map, vec![hop]);
    assert_eq!(owner(&shared), "store.js:6 Store.shared");
    assert_eq!(added(&shared), "store.js:16 Store.shared.set(item.id, 1);");
}

#[test]
fn without_a_position_the_class_name_is_only_a_guess() {
    let program = Program::new(&[("store.js", STORE)]);
    let found = program.locate(Kind::Array, vec![program.field("items", "Store", None)]);
    assert_eq!(owner(&found), "store.js:10 Store.items");
    assert_eq!(found.confidence, Confidence::Guess);
}

#[test]
fn prototype_methods_of_a_constructor_function() {
    let text = "function Sessions() {
  this.byId = Object.create(null);
}
Sessions.prototype.get = function (id) { return this.byId[id]; };
Sessions.prototype.set = function set(id, data, done) {
  this.byId[id] = JSON.stringify(data);
  setImmediate(done);
};
function Unrelated() { this.byId = {}; }
Unrelated.prototype.set = function (id) { this.byId[id] = 1; };
module.exports = Sessions;
";
    let program = Program::new(&[("sessions.js", text)]);
    let chain = vec![program.field("byId", "Sessions", Some((1, "function Sessions")))];
    let found = program.locate(Kind::Dictionary, chain);
    assert_eq!(owner(&found), "sessions.js:2 Sessions.byId");
    assert_eq!(added(&found), "sessions.js:6 this.byId[id] = JSON.stringify(data);");
    assert_eq!(found.confidence, Confidence::Exact);
    assert_eq!(found.added_at.unwrap().function.as_deref(), Some("Sessions.prototype.set"));
}

#[test]
fn a_field_of_the_base_class() {
    let base = "class Base { constructor() { this.queue = []; } enqueue(x) { this.queue.push(x); } }
module.exports = { Base };
";
    let derived = "const { Base } = require('./base');
class Mailer extends Base { send(m) { this.enqueue(m); } }
module.exports = new Mailer();
";
    let program = Program::new(&[("mailer.js", derived), ("base.js", base)]);
    let chain = vec![program.field("queue", "Mailer", Some((1, "class Mailer")))];
    let found = program.locate(Kind::Array, chain);
    assert_eq!(owner(&found), "base.js:1 Base.queue");
    assert_eq!(added(&found), "base.js:1 this.queue.push(x);");
}

#[test]
fn a_field_that_another_file_fills() {
    let store = "class Store { constructor() { this.items = []; } size() { return this.items.length; } }
module.exports = new Store();
";
    let server = "const store = require('./store');
exports.handle = (req) => { store.items.push(req); };
";
    let program = Program::new(&[("store.js", store), ("server.js", server)]);
    let chain = vec![program.field("items", "Store", Some((1, "class Store")))];
    let found = program.locate(Kind::Array, chain);
    assert_eq!(added(&found), "server.js:2 store.items.push(req);");
    assert!(found.confidence < Confidence::Exact);
}

#[test]
fn library_code_names_the_applications_part() {
    let library = "class Cache { constructor() { this.map = new Map(); } set(k, v) { this.map.set(k, v); } }
module.exports = { Cache };
";
    let server = "const { Cache } = require('tiny-cache');
const pages = new Cache();
function page(req) {
  pages.set(req.url, render(req));
}
module.exports = { page };
";
    let program = Program::new(&[("server.js", server), ("node_modules/tiny-cache/index.js", library)]);
    let field = program.field("map", "Cache", Some((2, "class Cache")));
    let held = program.locate(Kind::Map, vec![field.clone(), program.slot(1, "pages", "function page")]);
    assert_eq!(owner(&held), "node_modules/tiny-cache/index.js:1 Cache.map");
    let app = held.app_owner.unwrap();
    assert_eq!((app.line, app.symbol.as_str()), (2, "pages"));
    assert_eq!(held.app_statement.unwrap().line, 4);
    // The application's variable is not captured: its call into the package is what is left.
    let loose = program.locate(Kind::Map, vec![field]);
    assert_eq!(loose.app_owner.unwrap().line, 2);
}
