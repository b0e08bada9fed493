//! Whatever comes in, there is one line of error and the right exit code, or an answer that says what it lacks.

mod common;

use std::io::Write;
use std::time::{Duration, Instant};

use common::{Files, shop};
use test_heaps::{Section, Writing};

#[test]
fn what_is_no_snapshot_is_refused_in_one_line() {
    let files = Files::new();
    std::fs::create_dir(files.path().join("folder")).unwrap();
    files.write("empty", b"");
    files.write("text", b"hello");
    files.write("elf", b"\x7fELF\x02\x01\x01");
    files.write("profile", br#"{"head":{"callFrame":{},"selfSize":1,"children":[]},"samples":[]}"#);
    files.write("broken.heapprofile", br#"{"head":{"callFrame":"#);
    let whole = shop(20).to_bytes();
    files.write("cut", &whole[..whole.len() / 2]);
    let lies = Writing { node_count: Some("999999999999".to_owned()), ..Writing::default() };
    files.write("lies", &shop(20).to_bytes_with(&lies));
    files.write("no-edges", &shop(20).to_bytes_with(&Writing::without(Section::Edges)));
    files.write("outside", &shop(3).to_bytes_with(&Writing::patched(Section::Edges, 2, "99999999")));
    for (file, words) in [
        ("gone", "No such file"),
        ("folder", "folder"),
        ("empty", "empty"),
        ("text", "expected"),
        ("elf", "ELF"),
        ("profile", "only `analyze` reads it"),
        ("cut", "--salvage"),
        ("lies", "node"),
        ("no-edges", "\"edges\" is missing"),
        ("outside", "edges"),
        ("/dev/null", ""),
        ("gone\u{1b}[2J", r"gone\u{1b}[2J"),
    ] {
        files.run(&["classes", file]).must_fail(5, words);
    }
    files.run(&["classes", "2147483000"]).must_fail(4, "there is no process 2147483000");
    files.run(&["analyze", "broken.heapprofile"]).must_fail(5, "byte");
}

#[test]
fn a_file_that_may_not_be_read_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let files = Files::new();
    let path = files.write("secret", &shop(3).to_bytes());
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o000)).unwrap();
    let run = files.run(&["classes", "secret"]);
    // Root may read everything.
    match nix::unistd::geteuid().is_root() {
        true => assert_eq!(run.code, Some(0), "{}", run.stderr),
        false => run.must_fail(5, "ermission denied"),
    }
}

#[test]
fn a_pipe_without_a_writer_is_not_waited_for() {
    let files = Files::new();
    let made = std::process::Command::new("mkfifo").arg(files.path().join("fifo")).status().unwrap();
    assert!(made.success());
    let start = Instant::now();
    files.run(&["classes", "fifo"]).must_fail(5, "nothing came through this pipe");
    assert!(start.elapsed() < Duration::from_secs(20));
}

#[test]
fn packed_files_are_read_and_bombs_are_not() {
    let files = Files::new();
    let bytes = shop(20).to_bytes();
    let gz = |bytes: &[u8]| {
        let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        packer.write_all(bytes).unwrap();
        packer.finish().unwrap()
    };
    files.write("a", &bytes);
    files.write("a.gz", &gz(&bytes));
    files.write("a.zst", &zstd::encode_all(bytes.as_slice(), 3).unwrap());
    let plain = files.stdout(&["nodes", "a"]);
    assert_eq!(files.stdout(&["nodes", "a.gz"]), plain);
    assert_eq!(files.stdout(&["nodes", "a.zst"]), plain);
    let mut bomb = bytes.clone();
    bomb.truncate(bytes.len() - 2);
    bomb.resize(100 << 20, b' ');
    bomb.push(b'}');
    files.write("bomb.gz", &gz(&bomb));
    files.write("bomb.zst", &zstd::encode_all(bomb.as_slice(), 3).unwrap());
    for bomb in ["bomb.gz", "bomb.zst"] {
        files.run(&["classes", bomb]).must_fail(5, "--allow-expansion");
        let allowed = files.run(&["nodes", bomb, "--allow-expansion"]);
        assert!(!allowed.stderr.contains("--allow-expansion"), "{}", allowed.stderr);
    }
}

#[test]
fn wrong_questions_are_a_matter_of_usage() {
    let files = Files::new();
    files.write("a", &shop(3).to_bytes());
    files.run(&["object", "a", "@99999"]).must_fail(2, "@99999");
    files.run(&["paths", "a", "--class", "Nobody"]).must_fail(2, "Nobody");
    for arguments in [&["object", "a", "x"][..], &["diff", "a"], &["paths", "a"], &["nonsense"]] {
        let run = files.run(arguments);
        assert_eq!(run.code, Some(2), "{arguments:?}");
        assert!(run.stderr.contains("--help") && run.stdout.is_empty(), "{arguments:?}: {}", run.stderr);
    }
}

#[test]
fn a_salvaged_file_tells_only_what_can_be_known() {
    let files = Files::new();
    let bytes = shop(40).to_bytes();
    files.write("whole", &bytes);
    let find =
        |words: &str| bytes.windows(words.len()).position(|window| window == words.as_bytes()).unwrap();
    files.write("no-strings", &bytes[..find("\"strings\"")]);
    files.write("no-edges", &bytes[..find("\"edges\":[") + 40]);

    let named = files.json(&["classes", "no-strings", "--names-from", "whole", "--json"]);
    assert!(named["warnings"][0].as_str().unwrap().contains("named by their ids"), "{named}");
    assert!(named["classes"].as_array().unwrap().iter().any(|row| row["name"] == "Session"), "{named}");
    let unnamed = files.json(&["classes", "no-strings", "--salvage", "--json"]);
    assert_eq!(unnamed["missing"][0]["strings"], true);
    assert_eq!(unnamed["missing"][0]["numbers_exact"], false);
    assert!(!unnamed.to_string().contains("Session"));

    let cut = files.json(&["analyze", "no-edges", "--salvage", "--json"]);
    let missing = &cut["missing"][0];
    assert_eq!(missing["analysis_possible"], false);
    assert!(missing["edges"].as_u64().unwrap() > 0);
    assert_eq!(cut.get("statistics"), None);
    let types = cut["types"].as_array().unwrap();
    let strings = types.iter().find(|row| row["type"] == "string").unwrap();
    assert_eq!((&strings["count"], &strings["raw_self_size"]), (&41.into(), &(9000 + 40 * 40).into()));
    let text = files.stdout(&["analyze", "no-edges", "--salvage"]);
    assert!(text.contains("This file is not whole") && !text.contains("Retained Size"), "{text}");
    files.run(&["dominators", "no-edges", "--salvage"]).must_fail(5, "edges");
    files.run(&["diff", "whole", "no-edges", "--salvage"]).must_fail(5, "edges");
    let rows = files.stdout(&["nodes", "no-edges", "--salvage"]);
    assert!(rows.contains("\n101,object,,,,\n"), "{rows}");
}

#[test]
fn a_cache_that_cannot_be_written_does_no_harm() {
    let files = Files::new();
    // Small files are not cached at all.
    let bytes = shop(40_000).to_bytes();
    assert!(bytes.len() > 4 << 20, "{} bytes", bytes.len());
    files.write("a", &bytes);
    files.write("file", b"no folder");
    let ask = |cache: &str| {
        let mut command = files.command(&["classes", "a", "--json"]);
        let run = common::Run::of(command.env("XDG_CACHE_HOME", cache).output().unwrap());
        assert_eq!(run.code, Some(0), "{}", run.stderr);
        run
    };
    let here = files.path().to_str().unwrap();
    let first = ask(&format!("{here}/cache"));
    assert_eq!(first.stderr, "");
    let second = ask(&format!("{here}/cache"));
    assert_eq!(second.stdout, first.stdout, "from the index");
    let blocked = ask(&format!("{here}/file"));
    assert_eq!(blocked.stdout, first.stdout);
    assert!(blocked.stderr.contains("was not kept"), "{}", blocked.stderr);

    // As on a full disk: no file may grow beyond a megabyte.
    let program = env!("CARGO_BIN_EXE_heapdowse");
    let limited = format!("trap '' XFSZ; ulimit -f 1024; exec '{program}' classes a --json");
    let mut shell = std::process::Command::new("bash");
    shell.args(["-c", &limited]).current_dir(here).env("XDG_CACHE_HOME", format!("{here}/full"));
    let full = common::Run::of(shell.output().unwrap());
    assert_eq!((full.code, &full.stdout), (Some(0), &first.stdout), "{}", full.stderr);
    assert!(full.stderr.contains("was not kept"), "{}", full.stderr);
    let left = std::fs::read_dir(files.path().join("full/heapdowse")).unwrap().count();
    assert_eq!(left, 0, "nothing half-written stays");
}
