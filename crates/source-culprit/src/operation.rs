//! What a piece of code does to a collection, and how well that explains a kind of growth.

use crate::evidence::CollectionKind;

/// One way to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Operation {
    /// A method that everybody knows adds: `push`, `set`, `add`, `on`, `then`, …
    Method(String),
    /// `x[key] = value`.
    IndexAssign,
    /// `x.name = value`.
    PropertyAssign(String),
    /// `Object.assign(x, …)`.
    Merge,
    /// `x = [...x, v]`, `x = x.concat(v)`, `x = { ...x, k: v }`, `head = { next: head }`.
    Rebuild(Shape),
    /// `x += text`.
    Append,
    /// `x = value`, which replaces; a declaration or a reset.
    Assign,
    /// `await x`.
    Await,
    /// `Promise.race([x, …])` and its siblings.
    Race,
    /// Some other method of the collection.
    Call(String),
    /// A method of an object that holds the collection.
    HolderCall(String),
    /// Given to a function or put into another object that is given away.
    Passed,
}

/// What the right side of a rebuilding assignment looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    /// An array literal or `concat`.
    Array,
    /// An object literal with a spread.
    Dictionary,
    /// An object literal or `new` that points to the old value.
    Node,
    /// A template or a sum.
    Text,
    /// `new Map([...x, …])`, `new Set(…)`.
    Copy,
}

const LISTEN: [&str; 8] = [
    "on",
    "once",
    "addListener",
    "prependListener",
    "prependOnceListener",
    "addEventListener",
    "subscribe",
    "pipe",
];
const REACT: [&str; 3] = ["then", "catch", "finally"];
const ADD_WORDS: [&str; 22] = [
    "add", "append", "cache", "compile", "create", "define", "enqueue", "insert", "intern", "load", "log",
    "push", "put", "record", "register", "remember", "save", "schedule", "set", "store", "track", "write",
];
const READ_WORDS: [&str; 26] = [
    "at",
    "clear",
    "close",
    "delete",
    "each",
    "emit",
    "entries",
    "every",
    "filter",
    "find",
    "forEach",
    "get",
    "has",
    "includes",
    "indexOf",
    "join",
    "keys",
    "map",
    "off",
    "pop",
    "reduce",
    "remove",
    "removeListener",
    "shift",
    "slice",
    "values",
];

/// Whether a method's name adds for sure on some collection of the language or of Node.
pub(crate) fn is_adding_method(name: &str) -> bool {
    matches!(name, "push" | "unshift" | "splice" | "set" | "add" | "append" | "fill" | "concat")
        || LISTEN.contains(&name)
        || REACT.contains(&name)
}

/// How well `operation` explains that a `kind` grows: from 0 (not at all) to 45.
pub(crate) fn fit(operation: &Operation, kind: CollectionKind) -> i32 {
    use CollectionKind as K;
    use Operation as O;
    match (operation, kind) {
        (O::Assign, K::LinkedList | K::Promise) => 12,
        (O::Assign, _) => 0,
        (O::Method(name), _) => method_fit(name, kind),
        (O::IndexAssign, K::Dictionary) => 40,
        (O::IndexAssign, K::Array | K::Unknown) => 32,
        (O::IndexAssign, K::Instance) => 20,
        (O::Merge, K::Dictionary) => 36,
        (O::Merge, K::Unknown | K::Instance) => 25,
        (O::PropertyAssign(_), K::LinkedList) => 34,
        (O::PropertyAssign(_), K::Dictionary) => 15,
        (O::PropertyAssign(_), _) => 8,
        (O::Rebuild(Shape::Array), K::Array | K::Unknown) => 38,
        (O::Rebuild(Shape::Dictionary), K::Dictionary | K::Unknown) => 38,
        (O::Rebuild(Shape::Node), K::LinkedList) => 42,
        (O::Rebuild(Shape::Node), K::Unknown | K::Instance | K::Dictionary) => 34,
        (O::Rebuild(Shape::Text), K::Text) => 38,
        (O::Rebuild(Shape::Text), K::Unknown) => 25,
        (O::Rebuild(Shape::Copy), K::Map | K::Set | K::Unknown) => 38,
        (O::Append, K::Text) => 42,
        (O::Append, K::Unknown) => 30,
        (O::Await, K::Promise) => 40,
        (O::Race, K::Promise) => 45,
        (O::Call(name), K::Instance | K::Unknown | K::Listeners | K::Promise) => word_fit(name),
        (O::Call(name), _) => word_fit(name) / 2,
        (O::HolderCall(name), _) => word_fit(name),
        (O::Passed, K::Listeners | K::Promise | K::Instance) => 12,
        (O::Passed, _) => 6,
        _ => 5,
    }
}

fn method_fit(name: &str, kind: CollectionKind) -> i32 {
    use CollectionKind as K;
    let listens = LISTEN.contains(&name);
    let reacts = REACT.contains(&name);
    match (kind, name) {
        (K::Array, "push" | "unshift") | (K::Map | K::Weak, "set") | (K::Set | K::Weak, "add") => 40,
        (K::Array, "splice") => 30,
        (K::Array, "fill") => 15,
        (K::Listeners, _) if listens => 40,
        (K::Promise, _) if reacts => 40,
        // A subclass of a collection, or a library's own, may keep its things in anything.
        (K::Instance | K::Unknown, "push" | "unshift" | "set" | "add" | "append") => 32,
        (K::Instance | K::Unknown, _) if listens => 20,
        (_, "concat") | (K::Promise, _) => 3,
        _ => 10,
    }
}

/// A name that sounds like adding.
fn word_fit(name: &str) -> i32 {
    if READ_WORDS.iter().any(|word| starts_with_word(name, word)) {
        2
    } else if ADD_WORDS.iter().any(|word| starts_with_word(name, word)) {
        20
    } else {
        9
    }
}

/// Whether a camel-case or snake-case name begins with a whole word.
fn starts_with_word(name: &str, word: &str) -> bool {
    let name = name.trim_start_matches(['_', '#', '$']);
    name.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_lowercase()))
}

impl Operation {
    /// In words, for the reason of a choice.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Method(name) | Self::Call(name) => format!("calls .{name}() on it"),
            Self::IndexAssign => "assigns under a computed key".to_owned(),
            Self::PropertyAssign(name) => format!("assigns its property {name}"),
            Self::Merge => "copies properties into it".to_owned(),
            Self::Rebuild(_) => "replaces it by itself and more".to_owned(),
            Self::Append => "appends to it".to_owned(),
            Self::Assign => "assigns it".to_owned(),
            Self::Await => "waits for it".to_owned(),
            Self::Race => "races it against other promises".to_owned(),
            Self::HolderCall(name) => format!("calls .{name}() of its holder"),
            Self::Passed => "hands it to other code".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_count_only_as_whole_words() {
        assert!(starts_with_word("addSchema", "add"));
        assert!(starts_with_word("_add_schema", "add"));
        assert!(!starts_with_word("address", "add"));
    }

    #[test]
    fn the_right_method_fits_better_than_a_stranger() {
        let push = Operation::Method("push".into());
        let set = Operation::Method("set".into());
        assert!(fit(&push, CollectionKind::Array) > fit(&set, CollectionKind::Array));
        assert!(fit(&set, CollectionKind::Map) > fit(&push, CollectionKind::Map));
    }
}
