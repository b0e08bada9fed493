//! The text and JSON of every command on the shop, whole. `UPDATE_GOLDEN=1 cargo test` writes them anew; whoever
//! does looks at the difference.

mod common;

use common::{EVIL, Files, SECRET, other_process, shop};

const CASES: [(&str, &[&str]); 20] = [
    ("analyze.txt", &["analyze", "a.heapsnapshot", "--top", "3"]),
    ("analyze.json", &["analyze", "a.heapsnapshot", "--top", "2", "--json"]),
    ("analyze-profile.txt", &["analyze", "p.heapprofile"]),
    ("classes.txt", &["classes", "a.heapsnapshot"]),
    ("classes.json", &["classes", "a.heapsnapshot", "--json", "--match", "s", "--sort", "name"]),
    ("dominators.txt", &["dominators", "a.heapsnapshot", "--top", "3"]),
    ("dominators-id.txt", &["dominators", "a.heapsnapshot", "@9", "--depth", "1", "--top", "2"]),
    ("retainers.txt", &["retainers", "a.heapsnapshot", "@101"]),
    ("retainers.json", &["retainers", "a.heapsnapshot", "101", "--json"]),
    ("paths.txt", &["paths", "a.heapsnapshot", "@103"]),
    ("paths-class.txt", &["paths", "a.heapsnapshot", "--class", "Session"]),
    ("paths-class.json", &["paths", "a.heapsnapshot", "--class", "Session", "--json"]),
    ("object.txt", &["object", "a.heapsnapshot", "@101"]),
    ("object-string.txt", &["object", "a.heapsnapshot", "@103"]),
    ("strings.txt", &["strings", "a.heapsnapshot", "--top", "3"]),
    ("strings-duplicates.txt", &["strings", "a.heapsnapshot", "--duplicates"]),
    ("diff.txt", &["diff", "a.heapsnapshot", "b.heapsnapshot"]),
    ("diff-three.txt", &["diff", "a.heapsnapshot", "b.heapsnapshot", "c.heapsnapshot"]),
    ("capture-help.txt", &["capture", "--help"]),
    ("diff-processes.txt", &["diff", "a.heapsnapshot", "x.heapsnapshot"]),
];

fn shops() -> Files {
    let files = Files::new();
    for (name, sessions) in [("a", 40), ("b", 60), ("c", 80)] {
        files.write(&format!("{name}.heapsnapshot"), &shop(sessions).to_bytes());
    }
    files.write("x.heapsnapshot", &other_process(100).to_bytes());
    files.write(
        "p.heapprofile",
        br#"{"head":{"callFrame":{"functionName":"(root)","scriptId":"0","url":"","lineNumber":-1,"columnNumber":-1},
        "selfSize":0,"id":1,"children":[{"callFrame":{"functionName":"load","scriptId":"9","url":"file:///app/load.js",
        "lineNumber":11,"columnNumber":4},"selfSize":2000,"id":2,"children":[]}]},"samples":[]}"#,
    );
    files
}

#[test]
fn every_command_prints_what_it_should() {
    let files = shops();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let mut wrong = Vec::new();
    for (name, arguments) in CASES {
        let printed = files.stdout(arguments);
        let path = folder.join(name);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&path, &printed).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        if printed != expected {
            wrong.push(format!("{name}: heapdowse {}\n{printed}", arguments.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn no_command_obeys_a_name() {
    let files = shops();
    let more: [&[&str]; 4] = [
        &["object", "a.heapsnapshot", "@13"],
        &["paths", "a.heapsnapshot", "@13"],
        &["paths", "a.heapsnapshot", "--class", "Nobody\u{1b}[31m"],
        &["classes", "gone\u{1b}[31m\n.heapsnapshot"],
    ];
    for arguments in CASES.iter().map(|case| case.1).chain(more) {
        let run = files.run(arguments);
        let all = format!("{}{}", run.stdout, run.stderr);
        let obeyed = all.chars().find(|c| (c.is_control() && *c != '\n') || *c == '\u{202e}');
        assert_eq!(obeyed, None, "{arguments:?}: {all}");
    }
    let shown = files.stdout(&["object", "a.heapsnapshot", "@13"]);
    assert!(shown.contains(r"\u{1b}[31mEvil\u{202e}\u{0}\nName"), "{shown}");
    let named = files.json(&["object", "a.heapsnapshot", "@13", "--json"]);
    assert_eq!(named["node"]["class"], EVIL, "JSON has the name as it is");
}

#[test]
fn strings_are_secret_unless_asked_for() {
    let files = shops();
    for arguments in CASES.iter().map(|case| case.1) {
        let asks = matches!(arguments[0], "object" | "strings");
        assert_eq!(files.stdout(arguments).contains(SECRET), asks, "{arguments:?}");
    }
    let reveal = files.stdout(&["analyze", "a.heapsnapshot", "--reveal"]);
    assert!(reveal.contains(SECRET), "{reveal}");
}
