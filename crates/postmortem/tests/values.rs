//! What the program wrote down before it ended is what its memory says.

mod common;

use postmortem::answers::{Describer, Limits, Member, Value, ValueKind, find_objects, find_references};
use postmortem::heap::Liveness;
use postmortem::object::ClassNames;
use std::ops::ControlFlow;
use test_heaps::cores::How;
use test_heaps::nodes::{V18, V20, V22, V24, V26};

use common::known;

/// The value behind names.
fn at<'v>(value: &'v Value, path: &[&str]) -> &'v Value {
    path.iter().fold(value, |value, name| {
        let member = value.members.iter().find(|member| member.name == *name);
        let names: Vec<_> = value.members.iter().map(|member| &member.name).collect();
        &member.unwrap_or_else(|| panic!("no {name} among {names:?} of {value:?}")).value
    })
}

fn text<'v>(value: &'v Value, path: &[&str]) -> &'v str {
    at(value, path).text.as_deref().unwrap_or_else(|| panic!("{path:?}: {:?}", at(value, path)))
}

fn elements(value: &Value) -> Vec<(String, String)> {
    let text = |member: &Member| member.value.text.clone().unwrap_or_default();
    value.members.iter().map(|member| (member.name.clone(), text(member))).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn values_are_what_was_written_down(version: &str) {
    let opened = known(version, How::Abort);
    let heap = opened.heap();
    let facts = std::fs::read_to_string(opened.made.file("facts.json")).unwrap();
    let facts: serde_json::Value = serde_json::from_str(&facts).unwrap();
    let classes = ClassNames::new(&heap);
    let live = Liveness::mark(&heap);
    let found = find_objects(&heap, &classes, Some(&live), &mut || ControlFlow::Continue(())).unwrap();
    for (name, count) in facts["counts"].as_object().unwrap() {
        let rows = found.classes.iter().filter(|row| row.name == *name && !row.properties.is_empty());
        let ours: u64 = rows.filter(|row| row.properties[0] != "constructor").map(|row| row.count).sum();
        assert_eq!(ours, count.as_u64().unwrap() + u64::from(name == "Alpha"), "{name}");
    }
    let row = found.classes.iter().find(|row| row.name == "Known").expect("the holder");
    let limits = Limits { depth: 4, elements: 4000, string: 1 << 20 };
    let describer = Describer::new(&heap, &classes, limits);
    let known = describer.object(row.representative).unwrap();
    let keys: Vec<_> =
        facts["knownKeys"].as_array().unwrap().iter().map(|key| key.as_str().unwrap()).collect();
    let ours: Vec<_> = known.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(ours, keys);
    strings(&known, &facts);
    numbers(&known, &facts);
    arrays(&known);
    objects(&known, &facts);
    collections(&known);
    binary(&known);
    functions(&known);
    let weak_key = at(&known, &["weakKey"]).address.unwrap();
    let references = find_references(&heap, &classes, Some(&live), weak_key);
    let how = |how: &str, weak| references.iter().any(|row| row.how == how && row.weak == weak);
    assert!(how("weakKey", false), "{references:?}");
    assert!(references.iter().any(|row| row.class == "WeakMap"), "{references:?}");
    let alpha = at(&known, &["alphas", "7"]).address.unwrap();
    let references = find_references(&heap, &classes, Some(&live), alpha);
    assert!(references.iter().any(|row| row.class == "Array" && row.how == "[7]"), "{references:?}");
}

fn strings(known: &Value, facts: &serde_json::Value) {
    for (name, expected) in facts["strings"].as_object().unwrap() {
        assert_eq!(text(known, &[name]), expected.as_str().unwrap(), "{name}");
    }
    let rope = at(known, &["rope"]);
    let content = rope.text.as_deref().unwrap();
    assert_eq!(rope.length, facts["rope"]["length"].as_u64());
    assert!(content.starts_with(facts["rope"]["start"].as_str().unwrap()));
    assert!(content.ends_with(facts["rope"]["end"].as_str().unwrap()));
}

fn numbers(known: &Value, facts: &serde_json::Value) {
    let expected = [
        ("smi", "42"),
        ("negative", "-7"),
        ("double", "3.5"),
        ("big", "9007199254740992"),
        ("tiny", "-0.001"),
        ("nan", "NaN"),
        ("infinite", "-Infinity"),
        ("zero", "-0"),
    ];
    assert_eq!(elements(at(known, &["numbers"])), pairs(&expected));
    for (name, expected) in facts["bigints"].as_object().unwrap() {
        assert_eq!(text(known, &["bigints", name]), expected.as_str().unwrap());
    }
    let kinds = ["undef", "nothing", "yes", "no"].map(|name| at(known, &["oddballs", name]).kind);
    assert_eq!(kinds, [ValueKind::Undefined, ValueKind::Null, ValueKind::Boolean, ValueKind::Boolean]);
    assert_eq!(text(known, &["alphas", "999", "ratio"]), "999.25");
    assert_eq!(text(known, &["betas", "3", "extra", "1"]), "4");
}

fn arrays(known: &Value) {
    let array = |name: &str| elements(at(known, &["arrays", name]));
    assert_eq!(array("packedSmi"), pairs(&[("0", "1"), ("1", "2"), ("2", "3")]));
    assert_eq!(array("holeySmi"), pairs(&[("0", "1"), ("2", "3")]));
    assert_eq!(array("packedDouble"), pairs(&[("0", "1.5"), ("1", "2.5")]));
    assert_eq!(array("holeyDouble"), pairs(&[("0", "1.5"), ("2", "3.5")]));
    assert_eq!(array("packed"), pairs(&[("0", "a"), ("1", ""), ("2", "null")]));
    assert_eq!(array("holey"), pairs(&[("0", "a"), ("2", "c")]));
    assert_eq!(array("frozen"), pairs(&[("0", "1"), ("1", "x")]));
    assert_eq!(array("sealed"), pairs(&[("0", "s"), ("1", "2")]));
    assert_eq!(array("dictionary"), pairs(&[("3", "near"), ("100000", "far")]));
    assert_eq!(at(known, &["arrays", "dictionary"]).length, Some(100_001));
    assert_eq!(elements(at(known, &["elements"])), pairs(&[("named", "n"), ("0", "zero"), ("5", "five")]));
    assert_eq!(elements(at(known, &["args"]))[2..], pairs(&[("0", "1"), ("1", "two")])[..]);
    let strict = elements(at(known, &["strictArgs"]));
    assert!(strict.ends_with(&pairs(&[("0", "3"), ("1", "four")])), "{strict:?}");
}

fn objects(known: &Value, facts: &serde_json::Value) {
    let slow = at(known, &["slow"]);
    assert_eq!(slow.members.len() as u64, facts["slow"]["count"].as_u64().unwrap());
    assert_eq!(text(slow, &["key8"]), "8");
    let order: Vec<_> = slow.members.iter().take(9).map(|member| member.name.as_str()).collect();
    assert_eq!(order, ["key0", "key1", "key2", "key3", "key4", "key5", "key6", "key8", "key9"]);
    assert_eq!(text(known, &["many", "field39"]), "78");
    assert_eq!(text(known, &["secrets", "0", "#hidden"]), "in private");
    assert_eq!(at(known, &["accessor", "computed"]).kind, ValueKind::Accessor);
    assert_eq!(at(known, &["accessor", "computed", "get"]).kind, ValueKind::Function);
    assert_eq!(text(known, &["accessor", "[sym]"]), "by symbol");
    assert_eq!(text(known, &["nullProto", "bare"]), "1");
    assert_eq!(text(known, &["date"]), "2023-11-14T22:13:20.123Z");
    assert_eq!(text(known, &["regexp"]), "/ab+c/gi");
    assert_eq!(text(known, &["error"]), "what went wrong");
    assert_eq!(at(known, &["error"]).class.as_deref(), Some("TypeError"));
    assert_eq!(text(known, &["errorStack"]), facts["errorStack"].as_str().unwrap());
    assert_eq!(text(known, &["boxed", "number", "value"]), "5");
    assert_eq!(text(known, &["boxed", "string", "value"]), "boxed");
    assert_eq!(text(known, &["boxed", "boolean", "value"]), "true");
    assert_eq!(text(known, &["boxed", "symbol", "value"]), "in");
    assert_eq!(text(known, &["symbol"]), "described");
    assert_eq!(text(known, &["proxy", "target", "target"]), "1");
    assert_eq!(at(known, &["self"]).address, known.address);
    assert_eq!(at(known, &["fromAnonymous"]).members[0].name, "unnamed");
}

fn collections(known: &Value) {
    let map = at(known, &["map"]);
    assert_eq!(map.length, Some(3));
    assert_eq!(text(map, &["key 0"]), "one");
    assert_eq!(text(map, &["value 0"]), "1");
    assert_eq!(text(map, &["key 1", "key"]), "1");
    assert_eq!(text(map, &["value 1"]), "object key");
    assert_eq!(text(map, &["value 2", "number"]), "-1");
    assert_eq!(elements(at(known, &["set"])), pairs(&[("0", "x"), ("1", "2"), ("2", "3.5")]));
    assert_eq!(text(known, &["weakMap", "value 0", "ephemeron"]), "value");
    assert_eq!(text(known, &["weakMap", "key 0", "weakKey"]), "true");
    assert_eq!(at(known, &["weakSet"]).length, Some(1));
    assert_eq!(text(known, &["weakRef", "target", "weakKey"]), "true");
    assert_eq!(text(known, &["resolved"]), "fulfilled");
    assert_eq!(text(known, &["resolved", "value"]), "resolved value");
    assert_eq!(text(known, &["rejected"]), "rejected");
    assert_eq!(text(known, &["rejected", "reason"]), "rejected reason");
    assert_eq!(text(known, &["pending"]), "pending");
    assert_eq!(text(known, &["generator"]), "counts (suspended)");
}

fn binary(known: &Value) {
    assert_eq!(elements(at(known, &["typed"])), pairs(&[("0", "1.5"), ("1", "-2.5"), ("2", "1e+300")]));
    assert_eq!(elements(at(known, &["small"])), pairs(&[("0", "1"), ("1", "2"), ("2", "254")]));
    assert_eq!(elements(at(known, &["bigTyped"])), pairs(&[("0", "1"), ("1", "-1")]));
    assert_eq!(at(known, &["arrayBuffer"]).length, Some(100));
    assert_eq!(at(known, &["dataView"]).length, Some(10));
    assert_eq!(text(known, &["buffer"]), "buffer contents");
    let big = at(known, &["bigBuffer"]);
    assert_eq!(big.length, Some(100_000));
    assert_eq!(big.members[0].value.text.as_deref(), Some("122"));
}

fn functions(known: &Value) {
    let counter = text(known, &["counter"]);
    assert!(counter.starts_with("increment at "), "{counter}");
    assert!(counter.ends_with("known.cjs:26:28"), "{counter}");
    assert_eq!(text(known, &["counter", "count"]), "18");
    assert_eq!(text(known, &["counter", "label"]), "counter from 17");
    assert!(text(known, &["arrow"]).starts_with("known.arrow at "), "{}", text(known, &["arrow"]));
    assert!(text(known, &["bound", "target"]).starts_with("makeCounter at "));
    assert_eq!(text(known, &["bound", "this", "self"]), "1");
    assert_eq!(text(known, &["bound", "arguments", "0"]), "first");
    assert!(text(known, &["method"]).starts_with("Alpha at "));
}

#[test]
fn node18() {
    values_are_what_was_written_down(V18);
}

#[test]
fn node20() {
    values_are_what_was_written_down(V20);
}

#[test]
fn node22() {
    values_are_what_was_written_down(V22);
}

#[test]
fn node24() {
    values_are_what_was_written_down(V24);
}

#[test]
fn node26() {
    values_are_what_was_written_down(V26);
}

#[test]
fn odd_versions() {
    for version in ["19.0.0", "19.8.1", "21.7.3", "23.11.1", "25.2.1"] {
        values_are_what_was_written_down(version);
    }
}
