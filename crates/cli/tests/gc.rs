//! `heapdowse gc` on recorded traces and on what a real Node prints.

use std::process::{Command, Output, Stdio};

fn heapdowse(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_heapdowse"))
        .args(["--color", "never", "gc"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn sample(name: &str) -> String {
    format!("{}/../leak-verdict/tests/gc-samples/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn a_trace_is_explained() {
    let output = heapdowse(&[&sample("v22.23.3--worker.txt"), "--all"]);
    let text = text(&output);
    for part in [
        "in 2 isolates",
        "new space was full",
        "marking ran in steps beside the program",
        "Promoted to old space",
        "scavenge of new space: 4.6 MB → 4.0 MB, 0.88 ms",
        "From the trace alone: inconclusive",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    assert_eq!(output.status.code(), Some(3));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn json_says_the_same() {
    let output = heapdowse(&[&sample("v26.10.0--trace-gc-nvp.txt"), "--json"]);
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(json["schema_version"], 1);
    assert_eq!(json["collections"], 96);
    let isolate = &json["isolates"][0];
    assert_eq!(isolate["isolate"]["isolate"], "0x2cab5000");
    assert_eq!(isolate["promotion"]["exactness"], "exact");
    assert_eq!(isolate["judgement"]["verdict"], "inconclusive");
}

#[test]
fn what_is_no_trace_is_refused_in_one_line() {
    for file in ["Cargo.toml", "no-such-file", "src"] {
        let output = heapdowse(&[file]);
        assert_eq!(output.status.code(), Some(5), "{file}");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(errors.lines().count(), 1, "{errors}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn a_leak_shows_in_what_node_prints() {
    // Eleven seconds, a full collection every quarter of a second, and half a megabyte kept each time.
    let program = "const kept = []; let turns = 0; console.log('up');
        const timer = setInterval(() => {
            for (let i = 0; i < 4000; i++) kept.push({ i, text: 'x' + i });
            gc();
            if (++turns === 44) clearInterval(timer);
        }, 250);";
    let mut node = Command::new("node")
        .args(["--trace-gc", "--expose-gc", "-e", program])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_heapdowse"))
        .args(["--color", "never", "gc", "-"])
        .stdin(node.stdout.take().unwrap())
        .output()
        .unwrap();
    assert!(node.wait().unwrap().success());
    let text = text(&output);
    assert!(
        text.contains("From the trace alone: leak") && text.contains("the program called gc()"),
        "{text}"
    );
    assert!(text.contains("1 line of other output"), "{text}");
    assert_eq!(output.status.code(), Some(1));
}
