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

#[test]
fn a_running_process_is_listened_to_and_left_as_it_was() {
    use test_heaps::server::{Client, Server, programs};
    let files = || std::fs::read_dir(programs()).unwrap().count();
    let before = files();
    // A port of its own: other tests open inspectors at the same time.
    let arguments = ["--inspect-port=0", "--max-semi-space-size=1", "serves.cjs"];
    let server = Server::start(std::path::Path::new("node"), &arguments);
    let client = Client::of(&server);
    let grower = std::thread::spawn({
        let port = server.port;
        move || (0..12).for_each(|_| test_heaps::server::get(port, "/grow").unwrap())
    });
    let output = heapdowse(&[&server.pid().to_string(), "--for", "3s", "--json"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{said}"));
    // Three seconds decide nothing.
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(json["collections"].as_u64().unwrap() >= 3, "{json}");
    let isolate = &json["isolates"][0];
    assert_eq!(isolate["isolate"]["pid"], server.pid());
    let kinds = isolate["kinds"].as_array().unwrap();
    let scavenges = kinds.iter().find(|kind| kind["kind"] == "scavenge").unwrap();
    assert!(scavenges["pauses"]["p50_milliseconds"].as_f64().unwrap() > 0.0, "{json}");
    assert!(isolate["timeline"][0]["before"].as_u64().unwrap() > 1_000_000, "{json}");
    assert_eq!(json["skipped"]["unparsed"], 0, "{json}");
    let reasons = scavenges["reasons"].as_array().unwrap();
    assert!(reasons.iter().any(|reason| reason["meaning"] == "new space was full"), "{json}");
    // None was forced.
    let of_all = || kinds.iter().flat_map(|kind| kind["reasons"].as_array().unwrap());
    assert!(
        of_all().all(|reason| reason["reason"] != "testing" && reason["reason"] != "heap profiler"),
        "{json}"
    );
    grower.join().unwrap();
    client.finish();
    server.assert_closes_within(std::time::Duration::from_secs(12));
    assert_eq!(*server.printed.lock().unwrap(), "");
    assert_eq!(files(), before, "the process wrote a file");
}

#[test]
fn digits_are_a_process() {
    let none = heapdowse(&["4194999", "--for", "1s"]);
    assert_eq!(none.status.code(), Some(4));
    let file = heapdowse(&["./4194999"]);
    assert_eq!(file.status.code(), Some(5));
    let usage = heapdowse(&["./4194999", "--for", "1s"]);
    assert_eq!(usage.status.code(), Some(2));
}
