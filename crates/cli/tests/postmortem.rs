//! Questions to real cores, as people and scripts ask them.

mod common;

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use test_heaps::cores::{Core, How, core};
use test_heaps::nodes::{SUPPORTED, V20, V22, V24, binary};

fn heapdowse(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapdowse"));
    command.args(arguments);
    if arguments[0] == "findjsobjects" {
        // What another build found must not be believed here.
        command.arg("--no-cache");
    }
    command.output().expect("the program")
}

fn json(arguments: &[&str]) -> Value {
    let output = heapdowse(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {errors}");
    let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(answer["schema_version"], 1);
    answer
}

fn known(version: &str) -> Core {
    core(version, "known.cjs", &["facts.json", "--snapshot", "known.heapsnapshot", "--abort"], How::Abort)
        .expect("a core")
}

/// What a source map says of a frame, if it is one that maps what ran.
#[test]
fn frames_are_told_in_the_source_that_people_wrote() {
    for version in [V20, V24] {
        let folder = tempfile::tempdir().unwrap();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/programs/mapped.cjs");
        let mut node =
            Command::new(binary(version).unwrap()).arg(script).current_dir(&folder).spawn().unwrap();
        let begun = Instant::now();
        while !folder.path().join("ready").exists() {
            assert!(
                begun.elapsed() < Duration::from_secs(20),
                "{version}: it does not come as far as waiting"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        let path = folder.path().join("core").to_string_lossy().into_owned();
        let captured = heapdowse(&["capture", &node.id().to_string(), "-o", &path, "--mode", "stop"]);
        node.kill().unwrap();
        node.wait().unwrap();
        assert!(captured.status.success(), "{}", String::from_utf8_lossy(&captured.stderr));
        let stacks = json(&["jsstack", &path, "--json"]);
        let frames = stacks["threads"][0]["frames"].as_array().unwrap();
        let of = |name: &str| {
            let it = |frame: &&Value| frame["script"].as_str().is_some_and(|script| script.ends_with(name));
            frames.iter().find(it).unwrap_or_else(|| panic!("{name}: {stacks}"))
        };
        for (name, source) in [("/inline.js", "src/inline.ts"), ("/beside.js", "src/beside.ts")] {
            let frame = of(name);
            assert_eq!((&frame["line"], &frame["column"]), (&2.into(), &3.into()), "{version}: {frame}");
            let file = folder.path().join(source).to_string_lossy().into_owned();
            let original = serde_json::json!({"file": file, "line": 12, "column": 1});
            assert_eq!(frame["original"], original, "{version}: {frame}");
        }
        for name in ["/stale.js", "mapped.cjs"] {
            assert_eq!(of(name).get("original"), None, "{version}");
        }
        let text = String::from_utf8(heapdowse(&["jsstack", &path]).stdout).unwrap();
        assert!(text.contains("src/inline.ts:12:1, compiled to "), "{text}");
        let shell = |line: &str| String::from_utf8(heapdowse(&["shell", &path, "-e", line]).stdout).unwrap();
        let text = shell("::jsstack");
        assert!(text.contains("src/beside.ts:12:1, compiled to ") && !text.contains("stale.ts"), "{text}");
        let text = shell("::jsstack -v -n 1");
        // What the source map has of the source is shown, and what it has not is shown as it ran.
        for (shown, wanted) in [("line 11 as", true), ("line 12 as", true), ("line 14 as", false)] {
            assert_eq!(text.contains(shown), wanted, "{shown}: {text}");
        }
        assert!(text.contains("then();"), "{text}");
    }
}

/// The session of the talk: the core, its objects, one of them, who holds it.
#[test]
fn the_talks_session_works_on_every_version() {
    for version in SUPPORTED {
        let made = known(version);
        let path = made.path().to_string_lossy().into_owned();
        let found = json(&["findjsobjects", &path, "--json"]);
        let rows = found["classes"].as_array().unwrap();
        let alpha = |row: &&Value| {
            row["name"] == "Alpha" && row["properties"] == serde_json::json!(["number", "name", "ratio"])
        };
        let alpha = rows.iter().find(alpha).expect("a row");
        assert_eq!(alpha["count"], 1001);
        assert_eq!(alpha["shallow_size"], 48 * 1001);
        let address = alpha["representative"].as_str().unwrap();
        let printed = json(&["jsprint", &path, address, "--json"]);
        assert_eq!(printed["value"]["class"], "Alpha");
        assert_eq!(printed["live"], true);
        let members = printed["value"]["members"].as_array().unwrap();
        let text = |i: usize| members[i]["value"]["text"].as_str().unwrap();
        assert_eq!(text(1), format!("alpha {}", text(0)));
        assert_eq!(text(2).parse::<f64>().unwrap(), text(0).parse::<f64>().unwrap() + 0.25);
        let references = json(&["findjsobjects", &path, "-r", address, "--json"]);
        let references = references["references"].as_array().unwrap();
        assert!(
            references.iter().any(|row| row["class"] == "Array" || row["class"] == "Map"),
            "{references:?}"
        );
        let stacks = json(&["jsstack", &path, "--json"]);
        let frames = stacks["threads"][0]["frames"].as_array().unwrap();
        let named = |name: &str| frames.iter().find(|frame| frame["function"] == name).expect("a frame");
        let script = named("inner")["script"].as_str().unwrap();
        let lines: Vec<String> = fs::read_to_string(script).unwrap().lines().map(str::to_owned).collect();
        for (name, code) in
            [("inner", "process.abort()"), ("outer", "return inner("), ("finish", "outer(options")]
        {
            let frame = named(name);
            assert_eq!(frame["kind"], "interpreted");
            let line = &lines[frame["line"].as_u64().unwrap() as usize - 1];
            assert!(line.contains(code), "{version} {name}: {line}");
        }
        assert_eq!(stacks["threads"][0]["isolate"], found["isolates"][0]["isolate"]);
        let layout = json(&["v8", "layout", &path, "--json"]);
        assert_eq!(layout["problems"], serde_json::json!([]));
        assert!(layout["rows"].as_array().unwrap().len() > 200);
    }
}

#[test]
fn garbage_is_counted_when_it_is_asked_for() {
    let path = known(V22).path().to_string_lossy().into_owned();
    let count = |arguments: &[&str]| json(arguments)["object_count"].as_u64().unwrap();
    let live = count(&["findjsobjects", &path, "--json"]);
    let all = count(&["findjsobjects", &path, "--json", "--garbage"]);
    assert!(all >= live && live > 9000, "{live} of {all}");
    assert_eq!(count(&["findjsobjects", &path, "--json", "-c", "Beta"]), 500);
    assert_eq!(count(&["findjsobjects", &path, "--json", "-p", "#hidden"]), 50);
}

#[test]
fn workers_have_isolates_and_stacks_of_their_own() {
    for version in SUPPORTED {
        let made =
            core(version, "known.cjs", &["facts.json", "--worker", "--wait"], How::Gcore).expect("a core");
        let path = made.path().to_string_lossy().into_owned();
        let found = json(&["findjsobjects", &path, "--json"]);
        assert_eq!(found["isolates"].as_array().unwrap().len(), 2, "{version}");
        let rows = found["classes"].as_array().unwrap();
        let of =
            |name: &str| rows.iter().find(|row| row["name"] == name && row["count"] != 1).expect("a row");
        assert_eq!(of("InWorker")["count"], 77);
        assert_eq!(of("InWorker")["isolate"], found["isolates"][1]["isolate"]);
        assert_eq!(of("Alpha")["isolate"], found["isolates"][0]["isolate"]);
        let stacks = json(&["jsstack", &path, "--json"]);
        let threads = stacks["threads"].as_array().unwrap();
        let ours = threads.iter().filter(|thread| !thread["isolate"].is_null()).count();
        assert_eq!(ours, 2, "{version}");
        assert!(threads.len() > 6 && threads[1]["isolate"].is_string(), "{version}");
        let runs = |thread: usize, name: &str| {
            threads[thread]["frames"].as_array().unwrap().iter().any(|frame| frame["function"] == name)
        };
        assert!(runs(0, "inner") && runs(0, "outer") && !runs(0, "later"), "{version}");
        assert!(runs(1, "blocked") && runs(1, "later") && !runs(1, "inner"), "{version}");
    }
}

fn refused(arguments: &[&str], code: i32, what: &str) {
    let output = heapdowse(arguments);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}: {errors}");
    assert!(errors.contains(what), "{errors}");
    assert_eq!(errors.trim_end().lines().count(), 1, "{errors}");
    assert_eq!(output.stdout, b"");
}

#[test]
fn what_cannot_be_asked_is_said() {
    let made = known(V22);
    let path = made.path().to_string_lossy().into_owned();
    let snapshot = made.file("known.heapsnapshot").to_string_lossy().into_owned();
    let node = binary(V24).unwrap().to_string_lossy().into_owned();
    refused(&["findjsobjects", "/nowhere/core"], 5, "No such file");
    refused(&["findjsobjects", &snapshot], 5, "a heap snapshot has no addresses");
    refused(&["findjsobjects", &node], 5, "no core: it is a program");
    refused(&["findjsobjects", "/dev/null"], 5, "a core must be a file");
    refused(&["findjsobjects", &path, "--exe", &node], 5, "is not the program that this core is of");
    refused(&["jsprint", &path, "0x10"], 2, "there is no object");
    refused(&["jsprint", &path, "nonsense"], 2, "this is no address");
    let found = json(&["findjsobjects", &path, "--json", "-c", "Beta"]);
    let address = found["classes"][0]["representative"].as_str().unwrap();
    let address = u64::from_str_radix(&address[2..], 16).unwrap();
    refused(
        &["jsprint", &path, &format!("{:x}", address + 8)],
        2,
        &format!("inside of the one at {address:#x}"),
    );
    // The tag of a pointer is no part of the address.
    assert!(heapdowse(&["jsprint", &path, &format!("{:x}", address + 1)]).status.success());
}

/// A core that is packed in frames of a megabyte, with a table of them, is read like any other.
#[test]
fn packed_cores_are_read_from_the_middle() {
    let made = known(V20);
    let content = fs::read(made.path()).unwrap();
    let (mut packed, mut table) = (Vec::new(), Vec::new());
    for part in content.chunks(1 << 20) {
        let frame = zstd::bulk::compress(part, 1).unwrap();
        table.extend_from_slice(&(frame.len() as u32).to_le_bytes());
        table.extend_from_slice(&(part.len() as u32).to_le_bytes());
        packed.extend_from_slice(&frame);
    }
    let folder = tempfile::tempdir().unwrap();
    let plain = folder.path().join("plain.zst");
    fs::write(&plain, &packed).unwrap();
    refused(&["findjsobjects", &plain.to_string_lossy()], 5, "packed without a seek table");
    packed.extend_from_slice(&0x184d_2a5e_u32.to_le_bytes());
    packed.extend_from_slice(&(table.len() as u32 + 9).to_le_bytes());
    packed.extend_from_slice(&table);
    packed.extend_from_slice(&(content.len().div_ceil(1 << 20) as u32).to_le_bytes());
    packed.push(0);
    packed.extend_from_slice(&0x8f92_eab1_u32.to_le_bytes());
    let seekable = folder.path().join("core.zst");
    fs::write(&seekable, &packed).unwrap();
    let rows = |path: &str| json(&["findjsobjects", path, "--json"])["classes"].clone();
    assert_eq!(rows(&seekable.to_string_lossy()), rows(&made.path().to_string_lossy()));
}

/// A core that carries its program is read where the program is not.
#[test]
fn a_core_with_its_program_inside_needs_no_other_file() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let program = at("program");
    fs::copy(binary(V22).unwrap(), &program).unwrap();
    let script = "class Kept {}\nglobalThis.kept = Array.from({ length: 77 }, () => new Kept());\n\
                  setInterval(() => {}, 1000);\nconsole.log('ready')";
    let mut child = Command::new(&program).args(["-e", script]).stdout(Stdio::piped()).spawn().unwrap();
    let mut ready = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut ready).unwrap();
    let pid = child.id().to_string();
    for (name, bundle) in [("bundled", true), ("bundled.zst", true), ("plain", false)] {
        let output = at(name);
        let mut arguments = vec!["capture", &pid, "-o", &output];
        arguments.extend(bundle.then_some("--bundle-exe"));
        assert!(heapdowse(&arguments).status.success());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    fs::remove_file(&program).unwrap();
    for name in ["bundled", "bundled.zst"] {
        let found = json(&["findjsobjects", &at(name), "-c", "Kept", "--json"]);
        assert_eq!(found["classes"][0]["count"], 77, "{name}");
        let layout = json(&["v8", "layout", &at(name), "--json"]);
        assert!(layout["executable"].as_str().unwrap().ends_with("/program (in the core)"), "{layout}");
        // Names of C++ functions come from it, too.
        let stacks = json(&["jsstack", &at(name), "--json"]);
        let frames = stacks["threads"][0]["frames"].as_array().unwrap();
        assert!(frames.iter().any(|frame| frame["function"] == "node::Start"), "{frames:?}");
    }
    let refused = heapdowse(&["findjsobjects", &at("plain")]);
    let errors = String::from_utf8_lossy(&refused.stderr);
    assert_eq!(refused.status.code(), Some(5), "{errors}");
    assert!(errors.contains("was not found; name it with --exe"), "{errors}");
}

#[test]
fn a_second_question_is_answered_from_what_was_kept() {
    let made = known(V22);
    let files = common::Files::new();
    // Another time of change makes another file of it.
    let core = files.path().join("core");
    std::fs::copy(made.path(), &core).unwrap();
    let exe = test_heaps::nodes::binary(V22).unwrap().display().to_string();
    let ask = |options: &[&str]| {
        let arguments = [&["findjsobjects", "core", "--json", "--exe", &exe], options].concat();
        let output = files.command(&arguments).output().unwrap();
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success() && errors.is_empty(), "{errors}");
        serde_json::from_slice::<serde_json::Value>(&output.stdout).unwrap()
    };
    let kept = || -> Vec<std::path::PathBuf> {
        let folder = files.path().join("cache/heapdowse");
        let entries = std::fs::read_dir(folder).into_iter().flatten();
        entries.map(|entry| entry.unwrap().path()).collect()
    };
    let fresh = [&[][..], &["-c", "Beta"], &["-p", "extra"]].map(|o| ask(&[o, &["--no-cache"]].concat()));
    assert_eq!(kept().len(), 0);
    assert_eq!(ask(&[]), fresh[0]);
    assert_eq!(kept().len(), 1);
    assert_eq!([ask(&[]), ask(&["-c", "Beta"]), ask(&["-p", "extra"])], fresh);
    assert!(fresh[1]["object_count"].as_u64().unwrap() < fresh[0]["object_count"].as_u64().unwrap());
    let path = kept().remove(0);
    let bytes = std::fs::read(&path).unwrap();
    let mut damaged = bytes.clone();
    // It can be read still, and says another number.
    let count = b"\"count\":";
    let at = damaged.windows(count.len()).position(|bytes| bytes == count).unwrap() + count.len();
    damaged[at] = if damaged[at] == b'1' { b'2' } else { b'1' };
    std::fs::write(&path, &damaged).unwrap();
    assert_eq!(ask(&[]), fresh[0], "a damaged answer was believed");
    assert_eq!(std::fs::read(&path).unwrap(), bytes, "it was not made anew");
    // Garbage is another question, and a core that changed another core.
    let all = ask(&["--garbage"]);
    assert!(all["object_count"].as_u64().unwrap() > fresh[0]["object_count"].as_u64().unwrap());
    assert_eq!(kept().len(), 2);
    std::fs::File::open(&core).unwrap().set_modified(std::time::SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!(ask(&[]), fresh[0]);
    assert_eq!(kept().len(), 3);
}
