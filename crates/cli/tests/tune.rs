//! `heapdowse tune` on real programs: one that a flag helps, one that none does.

use std::process::Command;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::Value;

/// Measured side by side, programs would measure each other.
static ONE: Mutex<()> = Mutex::new(());

fn tune(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_heapdowse"))
        .args(["--color", "never", "tune"])
        .args(arguments)
        .current_dir(test_heaps::server::programs())
        .env_remove("NODE_OPTIONS")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn json(arguments: &[&str]) -> Value {
    let (code, stdout, stderr) = tune(arguments);
    assert_eq!(code, Some(0), "{stderr}");
    serde_json::from_str(&stdout).unwrap_or_else(|error| panic!("{error}: {stdout}"))
}

fn named<'a>(list: &'a Value, name: &str) -> &'a Value {
    let found = list.as_array().unwrap().iter().find(|row| row["name"] == name || row["metric"] == name);
    found.unwrap_or_else(|| panic!("no {name} in {list}"))
}

#[test]
fn a_large_new_space_is_advised_where_much_survives_a_small_one() {
    let _alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let only = "--only=semi-64-fixed,--experimental_new_space_growth_heuristic";
    let (code, _, refused) = tune(&[only, "--", "node", "survivors.js"]);
    assert!(code == Some(2) && refused.contains("semi-64-fixed"), "{refused}");
    assert!(refused.contains("use --min-semi-space-size"), "{refused}");

    let answer = json(&[
        "--only=semi-64-fixed",
        "--try=--experimental_new_space_growth_heuristic",
        "--repeats=4",
        "--requests=500",
        "--json",
        "--",
        "node",
        "survivors.js",
    ]);
    let settings = answer["candidates"].as_array().unwrap();
    assert_eq!(settings.len(), 1, "{answer}");
    let setting = &settings[0];
    assert_eq!((&setting["name"], &setting["starts"]), (&"semi-64-fixed".into(), &4.into()));
    // Node takes --min-semi-space-size on its command line only.
    assert_eq!(setting["delivery"], "command-line");
    let change = |metric: &str| named(&setting["effects"], metric)["change"].as_f64().unwrap();
    let collections = |list: &Value| {
        named(list, "scavenges")["mean"].as_f64().unwrap()
            + named(list, "full-collections")["mean"].as_f64().unwrap()
    };
    let (before, after) = (collections(&answer["baseline"]), collections(&setting["effects"]));
    assert!(after < before * 0.6, "{before} collections, then {after}: {answer}");
    assert!(change("cpu") < -0.2, "{answer}");
    let advised = &answer["recommendations"][0];
    assert_eq!(
        (&advised["candidate"], &advised["goal"]),
        (&"semi-64-fixed".into(), &"speed".into()),
        "{answer}"
    );
    let reason = named(&answer["skipped"], "own-1")["reason"].as_str().unwrap();
    assert!(reason.contains("use --min-semi-space-size"), "{reason}");
}

#[test]
fn nothing_is_advised_for_a_program_that_waits() {
    let _alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let arguments = ["--only=semi-64,no-reducer", "--repeats=3", "--requests=400", "--", "node", "idler.js"];
    let (code, stdout, stderr) = tune(&arguments);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(stdout.contains("Nothing here is outside the noise: keep the defaults."), "{stdout}");
    assert!(stdout.contains("seed 1"), "{stdout}");
    assert!(stdout.contains("--max-semi-space-size=64 (in NODE_OPTIONS)"), "{stdout}");
}

#[test]
fn ctrl_c_ends_the_program_that_is_being_measured() {
    let _alone = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("pid");
    let script = format!(
        "require('fs').writeFileSync({:?}, String(process.pid)); require('./idler.js')",
        mark.to_str().unwrap()
    );
    let mut tune = Command::new(env!("CARGO_BIN_EXE_heapdowse"))
        .args(["tune", "--requests=1000000", "--", "node", "-e", &script])
        .current_dir(test_heaps::server::programs())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let begun = Instant::now();
    let pid = loop {
        let written = std::fs::read_to_string(&mark).ok().and_then(|text| text.parse::<u32>().ok());
        if let Some(pid) = written {
            break pid;
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "the program was not started");
        std::thread::sleep(Duration::from_millis(20));
    };
    std::thread::sleep(Duration::from_millis(800));
    assert!(node_process::is_alive(pid));
    let ours = nix::unistd::Pid::from_raw(tune.id().cast_signed());
    nix::sys::signal::kill(ours, nix::sys::signal::Signal::SIGINT).unwrap();
    let status = tune.wait().unwrap();
    assert_eq!(status.code(), Some(130));
    assert!(!node_process::is_alive(pid), "the program outlived us");
}
