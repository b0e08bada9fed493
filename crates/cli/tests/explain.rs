//! `heapdowse explain` with a real Node.

use std::process::{Command, Output};

fn explain(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_heapdowse"))
        .args(["--color", "never", "explain"])
        .args(arguments)
        .output()
        .unwrap()
}

#[test]
fn words_and_flags_are_told_with_this_nodes_numbers() {
    let limit = String::from_utf8(explain(&["heap", "limit"]).stdout).unwrap();
    assert!(limit.contains("just started:") && limit.contains("heap_size_limit"), "{limit}");
    let json: serde_json::Value =
        serde_json::from_slice(&explain(&["--max_old_space_size", "--json"]).stdout).unwrap();
    assert_eq!((json["kind"].as_str(), json["flag"].as_str()), (Some("flag"), Some("max-old-space-size")));
    assert_eq!(json["here"]["default"], "0");
    assert!(json["node"]["numbers"]["heap_size_limit"].as_f64().unwrap() > 1e8);
}

#[test]
fn an_unknown_word_is_a_usage_error_with_suggestions() {
    let output = explain(&["retaned", "size"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("retained size"));
}
