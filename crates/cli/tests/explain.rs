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
    // What the halves can grow to, not what the first of them is when node has just started.
    let semi: serde_json::Value = serde_json::from_slice(&explain(&["semi-space", "--json"]).stdout).unwrap();
    let largest = semi["number"][1].as_f64().unwrap() / 1_048_576.0;
    assert!((semi["number"][0] == "max_semi_space") && [8.0, 16.0, 32.0, 64.0].contains(&largest), "{semi}");
    let flag = String::from_utf8(explain(&["--max_semi_space_size"]).stdout).unwrap();
    assert!(flag.contains("Without flags it comes to"), "{flag}");
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
