//! The shell: mdb's and llnode's commands on real cores of every version, on a snapshot and on a running process.
//!
//! `shell/lines.txt` has a line for each command and option; `shell/node-N.txt` what it answers on each version, with
//! addresses and long numbers masked. `UPDATE_GOLDEN=1` writes them anew. What the answers say is asserted here, against
//! what the program wrote down.

mod common;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use regex::Regex;
use serde_json::{Deserializer, Value};
use test_heaps::cores::{Core, How, core};
use test_heaps::nodes::{SUPPORTED, V22, V24, binary};

/// Lines of an answer that are kept.
const KEPT: usize = 12;

fn known(version: &str) -> Core {
    let arguments = ["facts.json", "--snapshot", "known.heapsnapshot", "--abort"];
    core(version, "known.cjs", &arguments, How::Abort).expect("a core")
}

fn facts(made: &Core) -> Value {
    serde_json::from_slice(&std::fs::read(made.file("facts.json")).unwrap()).unwrap()
}

/// The shell with a script on its standard input.
fn script(target: &str, options: &[&str], lines: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_heapdowse"));
    command.arg("shell").arg(target).args(options);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    child.stdin.take().unwrap().write_all(lines.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

/// The answers of lines that must all have one.
fn answers(target: &str, lines: &[&str]) -> Vec<Value> {
    let ended = script(target, &["--json"], &lines.join("\n"));
    let errors = String::from_utf8_lossy(&ended.stderr);
    assert!(ended.status.success(), "{errors}");
    let answers: Vec<Value> =
        Deserializer::from_slice(&ended.stdout).into_iter().collect::<Result<_, _>>().expect("JSON");
    assert_eq!(answers.len(), lines.len(), "{errors}");
    for (answer, line) in answers.iter().zip(lines) {
        assert_eq!(answer["line"], *line);
    }
    answers
}

fn answer(target: &str, line: &str) -> Value {
    answers(target, &[line]).remove(0)
}

/// The object `known`.
fn address_of_known(path: &str) -> String {
    let found = answer(path, "::findjsobjects -c Known -p alphas");
    let rows = found["sections"][0]["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 1);
    rows[0]["representative"].as_str().unwrap().to_owned()
}

/// Text without what differs from one run to the next.
fn masked(text: &str, made: &Core) -> String {
    let root = test_heaps::cache_dir();
    let root = root.parent().unwrap().to_string_lossy();
    let folder = made.folder.to_string_lossy();
    let text = text.replace(&*folder, "CORE").replace(&*root, "ROOT");
    let masks = [
        (r"0x[0-9a-f]{7,}", "ADDRESS"),
        (r"(?m)^([0-9a-f]{7,}|ADDRESS): .*$", "ADDRESS: BYTES"),
        (r"\b[0-9a-f]{7,16}: ", "ADDRESS: "),
        (r"\b[0-9a-f]{40}\b", "BUILD-ID"),
        // Places in the program's own source stay.
        (r"(cjs(?::\d+)*)|\b\d+\b", "${1}N"),
        (r"cjs((?::\d+)*)N", "cjs$1"),
        (r" +", " "),
    ];
    let mut text = text;
    for (pattern, mask) in masks {
        text = Regex::new(pattern).unwrap().replace_all(&text, mask).into_owned();
    }
    text
}

/// The first lines of each answer; of lines that are alike one after another, the first.
fn shortened(text: &str) -> String {
    let mut short = String::new();
    let (mut kept, mut last) = (0, "");
    for line in text.lines().map(str::trim) {
        if line.starts_with("> ") {
            kept = 0;
        } else if line == last {
            continue;
        } else {
            kept += 1;
        }
        last = line;
        match kept {
            0..=KEPT => short.extend([line, "\n"]),
            _ if kept == KEPT + 1 => short.push_str("...\n"),
            _ => {}
        }
    }
    short
}

fn golden(version: &str) -> PathBuf {
    let major = version.split('.').next().unwrap();
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/shell/node-{major}.txt"))
}

#[test]
fn every_command_answers_on_every_version() {
    let lines = include_str!("shell/lines.txt");
    for version in SUPPORTED {
        let made = known(version);
        let path = made.path().to_string_lossy().into_owned();
        let address = address_of_known(&path);
        let ended = script(&path, &["--echo"], &lines.replace("KNOWN", &address));
        let errors = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success(), "{version}: {errors}");
        let text = masked(&String::from_utf8(ended.stdout).unwrap(), &made);
        let short = shortened(&text);
        let golden = golden(version);
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&golden, &short).unwrap();
            continue;
        }
        let before = std::fs::read_to_string(&golden).unwrap_or_default();
        for (line, (is, was)) in short.lines().zip(before.lines()).enumerate() {
            assert_eq!(is, was, "{}:{}", golden.display(), line + 1);
        }
        assert_eq!(short.lines().count(), before.lines().count(), "{version}");
        // The same as JSON: a document for each line.
        let ended = script(&path, &["--json"], &lines.replace("KNOWN", &address));
        let documents: Vec<Value> =
            Deserializer::from_slice(&ended.stdout).into_iter().collect::<Result<_, _>>().expect("JSON");
        let asked = lines.lines().filter(|line| !line.starts_with('#')).count();
        assert_eq!(documents.len(), asked, "{version}");
        assert!(documents.iter().all(|document| document["sections"].is_array()));
    }
}

/// All texts of an answer, one a line.
fn said(answer: &Value) -> String {
    let sections = answer["sections"].as_array().unwrap().iter();
    sections.filter_map(|section| section["text"].as_str()).collect::<Vec<_>>().join("\n")
}

fn fields(answer: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let all =
        answer["sections"].as_array().unwrap().iter().filter_map(|section| section["fields"].as_array());
    all.flatten().map(|field| (text(&field["name"]), text(&field["value"]))).collect()
}

#[test]
fn what_commands_print_is_what_the_program_wrote_down() {
    for version in SUPPORTED {
        let made = known(version);
        let facts = facts(&made);
        let path = made.path().to_string_lossy().into_owned();
        let known = address_of_known(&path);
        let of =
            |member: &str, command: &str| answer(&path, &format!("{known}::jsprint {member} | {command}"));
        for (name, text) in facts["strings"].as_object().unwrap() {
            assert_eq!(said(&of(name, "::v8str")), text.as_str().unwrap(), "{version} {name}");
        }
        let rope = said(&of("rope", "::v8str"));
        assert_eq!(rope.chars().count() as u64, facts["rope"]["length"].as_u64().unwrap(), "{version}");
        assert!(rope.ends_with(facts["rope"]["end"].as_str().unwrap()));
        let closure = fields(&of("counter", "::jsclosure"));
        assert!(closure.contains(&("\"count\"".into(), "18".into())), "{version}: {closure:?}");
        let function = said(&of("counter", "::jsfunction"));
        assert!(function.contains("function: increment") && function.contains("known.cjs:26:"), "{function}");
        let bound = said(&of("bound", "::jsfunction"));
        assert!(
            bound.contains("makeCounter") && bound.contains("arg1 = ") && bound.contains("\"first\""),
            "{bound}"
        );
        let makers = of("betas", "::walk jselement | ::jsconstructor -v");
        let made_by = fields(&makers);
        assert_eq!(made_by.len(), 500);
        assert!(made_by.iter().all(|(name, _)| name == "Beta"));
        assert!(makers["sections"][0]["fields"][0]["meaning"].as_str().unwrap().contains("function Beta"));
        let elements = of("olds", "::jsarray");
        assert_eq!(elements["sections"][0]["rows"].as_array().unwrap().len(), 40);
        let bytes = of("bigBuffer", "::nodebuffer | ::dump -l 5");
        assert_eq!(bytes["sections"][0]["bytes"], "7a7a7a7a7a");
        let source = of("counter", "::jssource -n 0");
        let lines = source["sections"][0]["lines"].as_array().unwrap();
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["number"], 26);
        assert!(lines[0]["text"].as_str().unwrap().contains("count++"));
        let info = said(&answer(&path, "v8 nodeinfo"));
        assert!(info.contains(&format!("process id {} ", facts["pid"])), "{version}: {info}");
        assert!(info.contains(facts["version"].as_str().unwrap()) && info.contains("'facts.json'"), "{info}");
        let instances = answer(&path, "v8 findjsinstances Secret");
        assert_eq!(said(&instances).matches("Secret").count(), 50, "{version}");
        let code = of("counter", "::v8function -d");
        let kinds: Vec<&str> = code["sections"]
            .as_array()
            .unwrap()
            .iter()
            .map(|section| section["kind"].as_str().unwrap())
            .collect();
        assert_eq!(kinds, ["fields", "table"]);
        assert!(code["sections"][1]["rows"].as_array().unwrap().len() > 1, "{version}");
        // The object, and where it points back to from.
        let found = answer(&path, &format!("{known}::ugrep"));
        let places = found["sections"][0]["rows"].as_array().unwrap();
        assert!(
            places.iter().any(|row| row["holder"].as_str().is_some_and(|holder| holder.contains("CONTEXT")))
        );
        let inside = u64::from_str_radix(&known[2..], 16).unwrap() + 16;
        let whole = said(&answer(&path, &format!("{inside:x}::v8whatis")));
        assert!(whole.contains(&known) && whole.contains("Known"), "{whole}");
    }
}

#[test]
fn handles_and_requests_are_those_that_node_has() {
    for version in SUPPORTED {
        let made = core(version, "handles.cjs", &["facts.json"], How::Abort).expect("a core");
        let facts = facts(&made);
        let path = made.path().to_string_lossy().into_owned();
        for (command, fact) in [("v8 getactivehandles", "handles"), ("v8 getactiverequests", "requests")] {
            let text = said(&answer(&path, command));
            let mut found: Vec<&str> = text
                .lines()
                .map(|line| {
                    line.split_once("<Object: ").and_then(|(_, rest)| rest.strip_suffix('>')).unwrap()
                })
                .collect();
            found.sort_unstable();
            assert_eq!(serde_json::json!(found), facts[fact], "{version} {command}");
        }
    }
}

#[test]
fn stores_of_async_local_storage_are_those_that_the_program_has() {
    for version in SUPPORTED {
        let made = core(version, "stores.cjs", &["facts.json"], How::Abort).expect("a core");
        let facts = facts(&made);
        let path = made.path().to_string_lossy().into_owned();
        let all = answer(&path, "::asyncstores");
        let rows = all["sections"][0]["rows"].as_array().unwrap();
        let of = |class: &str| {
            rows.iter().find(|row| row["class"] == class).unwrap_or_else(|| panic!("{class}: {all}"))
        };
        let sessions = of("Session");
        assert_eq!(sessions["stores"], 5, "{version}: {all}");
        assert_eq!(
            (&of("(number)")["stores"], &of("(string)")["stores"]),
            (&1.into(), &1.into()),
            "{version}"
        );
        assert_eq!(of("no store")["stores"], 0, "{version}");
        assert_eq!(of("(number)")["storage"], of("(string)")["storage"], "{version}");
        assert_ne!(of("(number)")["storage"], sessions["storage"], "{version}");
        // Node.js lets storages have names from 24 on.
        let named = version.split('.').next().unwrap().parse::<u32>().unwrap() >= 24;
        assert_eq!(sessions["name"], if named { "sessions" } else { "-" }, "{version}: {all}");

        let storage = sessions["storage"].as_str().unwrap();
        let each = answer(&path, &format!("{storage}::asyncstores"));
        let stores = each["sections"][0]["rows"].as_array().unwrap();
        let each_user: Vec<String> =
            stores.iter().map(|row| format!("{}::jsprint user", row["store"].as_str().unwrap())).collect();
        let lines: Vec<&str> = each_user.iter().map(String::as_str).collect();
        let mut users: Vec<Value> = answers(&path, &lines)
            .iter()
            .map(|answer| answer["sections"][0]["value"]["text"].clone())
            .collect();
        users.sort_by_key(ToString::to_string);
        // Two timers hold each, and from Node.js 24 on the one context that both have.
        let holders = if named { 1 } else { 2 };
        assert!(stores.iter().all(|row| row["holders"] == holders), "{version}: {each}");
        assert_eq!(serde_json::json!(users), facts["users"], "{version}");
    }
}

/// Commands of a script go on behind one that fails, and the exit code tells.
#[test]
fn what_cannot_be_done_is_said_with_what_to_use_instead() {
    let path = known(V22).path().to_string_lossy().into_owned();
    let refused = [
        ("::findleaks", "heapdowse run"),
        ("::umastat", "::findjsobjects -v"),
        ("::v8field JSFunction code 8", "v8 layout"),
        ("::v8load 12", "v8 layout"),
        ("v8 settings set color off", "NO_COLOR"),
        ("plugin load llnode.so", "no plug-in"),
        ("fromCoredump('x')", "--json"),
        ("::nonsense", "::help"),
        ("10::jsprint", "no object"),
        ("zz::jsprint", "no number"),
        ("@4::jsprint", "no live object has the id @4"),
        ("@x::jsprint", "an id is a number"),
        ("::jsprint", "needs an address"),
        ("::findjsobjects -q", "no option -q"),
        ("::findjsobjects -c", "needs a value"),
        ("::status | ", "no command"),
        ("::status ! cat", "prompt only"),
    ];
    for (line, what) in refused {
        let ended = script(&path, &[], &format!("{line}\n::walkers\n"));
        let errors = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{line}: {errors}");
        assert!(errors.contains(what) && errors.trim_end().lines().count() == 1, "{line}: {errors}");
        assert!(String::from_utf8_lossy(&ended.stdout).contains("jselement"), "{line}");
    }
}

#[test]
fn a_snapshot_is_asked_with_ids() {
    let made = known(V24);
    let path = made.file("known.heapsnapshot").to_string_lossy().into_owned();
    let found = answer(&path, "::findjsobjects -c Beta");
    let rows = found["sections"][0]["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["count"] == 500).expect("the class");
    let id = row["representative"].as_str().unwrap();
    let lines = [
        format!("{id}::jsprint"),
        format!("{id}::findjsobjects -r"),
        format!("{id}::jsconstructor"),
        "::jsfunctions -n increment | ::jsclosure".to_owned(),
        "v8 findjsinstances Beta".to_owned(),
        "::status".to_owned(),
    ];
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let all = answers(&path, &lines);
    let members = all[0]["sections"][0]["value"]["members"].as_array().unwrap();
    assert!(members.iter().any(|member| member["name"] == "name"), "{members:?}");
    assert!(!all[1]["sections"][0]["rows"].as_array().unwrap().is_empty());
    assert_eq!(said(&all[2]), "Beta");
    assert!(
        fields(&all[3]).iter().any(|(name, value)| name == "\"label\"" && value.contains("counter from 17"))
    );
    assert_eq!(all[4]["sections"][0]["rows"].as_array().unwrap().len(), 500);
    for (line, what) in
        [("::jsstack", "no stacks"), ("@1::dump", "neither addresses"), ("0x10::jsprint", "ids")]
    {
        let ended = script(&path, &[], line);
        let errors = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(2), "{errors}");
        assert!(errors.contains(what), "{errors}");
    }
}

/// The ids of V8's own snapshot where there was one, else those of ours.
#[test]
fn ids_of_snapshots_lead_to_addresses_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let of_v8 = known(V22);
    let of_none = core(V24, "talk.cjs", &[], How::Abort).expect("a core");
    let ours = folder.path().join("ours.heapsnapshot").to_string_lossy().into_owned();
    let path = of_none.path().to_string_lossy().into_owned();
    let convert =
        Command::new(env!("CARGO_BIN_EXE_heapdowse")).args(["convert", &path, "-o", &ours]).status().unwrap();
    assert!(convert.success());
    for (made, snapshot, class) in [
        (&of_v8, of_v8.file("known.heapsnapshot").to_string_lossy().into_owned(), "Beta"),
        (&of_none, ours, "Request"),
    ] {
        let path = made.path().to_string_lossy().into_owned();
        let found = answer(&snapshot, &format!("v8 findjsinstances {class}"));
        let ids: Vec<&str> = found["sections"][0]["rows"]
            .as_array()
            .unwrap()
            .iter()
            .take(3)
            .map(|row| row["id"].as_str().unwrap())
            .collect();
        assert_eq!(ids.len(), 3);
        for id in ids {
            let lines = [format!("{id}::jsconstructor"), format!("{id}::jsprint")];
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let (there, here) = (answers(&snapshot, &lines), answers(&path, &lines));
            assert_eq!(said(&here[0]), class);
            let names = |answer: &Value| {
                let members = answer["sections"][0]["value"]["members"].as_array().unwrap().clone();
                let mut names: Vec<String> =
                    members.iter().map(|member| member["name"].to_string()).collect();
                names.sort();
                names
            };
            let (there, here) = (names(&there[1]), names(&here[1]));
            // V8 leaves numbers out.
            assert!(!there.is_empty() && there.iter().all(|name| here.contains(name)), "{here:?} {there:?}");
            let back = said(&answer(&path, &format!("{id}::whatis -v")));
            assert!(back.contains(&format!("{id} in heap snapshots")), "{back}");
        }
    }
}

#[test]
fn a_process_is_asked_as_it_was_at_a_moment_and_goes_on() {
    for version in SUPPORTED {
        let node = binary(version).unwrap();
        let source = "class Held { constructor(i) { this.i = i; } }
            globalThis.held = Array.from({ length: 321 }, (_, i) => new Held(i));
            let beats = 0;
            setInterval(() => { beats++; }, 5);
            process.stdin.on('data', () => console.log(beats));
            console.log('ready');";
        let mut node = Command::new(node);
        let mut child =
            node.args(["-e", source]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut told = std::io::BufReader::new(child.stdout.take().unwrap());
        let mut line = || {
            let mut line = String::new();
            std::io::BufRead::read_line(&mut told, &mut line).unwrap();
            line.trim().to_owned()
        };
        assert_eq!(line(), "ready");
        let pid = child.id().to_string();
        let ended = script(&pid, &[], "::findjsobjects -c Held\nv8 nodeinfo\n::jsstack\n");
        let (text, errors) = (String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
        assert!(ended.status.success(), "{version}: {errors}");
        assert!(text.contains("321") && text.contains(&format!("process id {pid}")), "{version}: {text}");
        assert!(errors.contains(&format!("process {pid} as it was at ")), "{version}: {errors}");
        let mut input = child.stdin.take().unwrap();
        let mut beats = || {
            input.write_all(b"?").unwrap();
            line().parse::<u64>().unwrap()
        };
        let before = beats();
        while beats() == before {}
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

/// What is on the screen of a program that `script(1)` gives a terminal; what the editor asks of it is answered.
struct Terminal {
    child: std::process::Child,
    keys: Arc<Mutex<ChildStdin>>,
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    fn start(command: &str, home: &Path) -> Terminal {
        let mut terminal = Command::new("script");
        terminal.args(["-qec", command, "/dev/null"]).env("TERM", "xterm").env("XDG_STATE_HOME", home);
        let started = terminal.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut child = started.expect("script(1) is installed");
        let keys = Arc::new(Mutex::new(child.stdin.take().unwrap()));
        let screen = Arc::new(Mutex::new(String::new()));
        let mut output = child.stdout.take().unwrap();
        let (answered, shown) = (Arc::clone(&keys), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = std::io::Read::read(&mut output, &mut buffer) {
                let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
                for _ in text.matches("\u{1b}[6n") {
                    answered.lock().unwrap().write_all(b"\x1b[1;1R").unwrap();
                }
                shown.lock().unwrap().push_str(&text);
            }
        });
        Terminal { child, keys, screen }
    }

    /// Waits until something is on the screen behind what was there before; then forgets what was before.
    fn wait_for(&self, what: &str) {
        let start = Instant::now();
        loop {
            let mut screen = self.screen.lock().unwrap();
            if let Some(at) = screen.find(what) {
                screen.drain(..at + what.len());
                return;
            }
            assert!(start.elapsed() < Duration::from_secs(120), "{what:?} did not come: {screen:?}");
            drop(screen);
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn keys(&self, keys: &str) {
        self.keys.lock().unwrap().write_all(keys.as_bytes()).unwrap();
    }
}

#[test]
fn it_can_be_talked_to() {
    let made = known(V22);
    let program = env!("CARGO_BIN_EXE_heapdowse");
    let home = tempfile::tempdir().unwrap();
    let mut terminal =
        Terminal::start(&format!("'{program}' shell '{}'", made.path().display()), home.path());
    // What the editor writes when it waits for keys.
    let ready = "\u{1b}[?25h";
    terminal.wait_for(ready);
    terminal.keys("::findjsobjects -c Alpha ! wc -l\r");
    terminal.wait_for("\n3\r\n");
    terminal.wait_for(ready);
    // Tab completes the command, and the class that the line before made known.
    terminal.keys("::findjsob\t-c Alp\t! cat -n\r");
    terminal.wait_for("OBJECT  #OBJECTS");
    terminal.wait_for("Alpha: number, name, ratio");
    terminal.wait_for(ready);
    terminal.keys("::nonsense\r");
    terminal.wait_for("there is no command ::nonsense");
    terminal.wait_for(ready);
    terminal.keys("\u{4}");
    assert!(terminal.child.wait().unwrap().success());
    let history = std::fs::read_to_string(home.path().join("heapdowse/shell-history")).unwrap();
    assert!(history.contains("::findjsobjects -c Alpha ! wc -l"), "{history}");
}

/// The page with the talk's session says what really comes, but for addresses and numbers.
#[test]
fn the_page_of_the_talks_session_is_true() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/talk-session.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let made = core(V24, "talk.cjs", &[], How::Abort).expect("a core");
    let path = made.path().to_string_lossy().into_owned();
    let rows = |line: &str| answer(&path, line)["sections"][0]["rows"].as_array().unwrap().clone();
    let request = rows("::findjsobjects -c Request -p url")[0]["representative"].as_str().unwrap().to_owned();
    let array = rows(&format!("{request}::findjsobjects -r"))[0]["from"].as_str().unwrap().to_owned();
    let scope = rows(&format!("{array}::findjsobjects -r"))[0]["from"].as_str().unwrap().to_owned();
    let sessions = [
        "::status".to_owned(),
        "::findjsobjects -c Request".to_owned(),
        format!("{request}::jsprint"),
        format!("{request}::findjsobjects -r"),
        format!("{array}::findjsobjects -r"),
        format!("{scope}::findjsobjects -r"),
        "::jsfunctions -n handle -s talk.cjs".to_owned(),
        "::jsfunctions -n handle -s talk.cjs | ::jssource -n 0".to_owned(),
        "::jsstack".to_owned(),
    ];
    let mut parts = text.split("```");
    let mut renewed = parts.next().unwrap().to_owned();
    let program = Regex::new(r"/\S*/bin/node").unwrap();
    for line in sessions {
        let ended = script(&path, &["--echo"], &line);
        assert!(ended.status.success());
        let shown = String::from_utf8(ended.stdout).unwrap();
        let shown = shown.replace(&*made.folder.to_string_lossy(), "").replace("/core", "core");
        let root = test_heaps::cache_dir().parent().unwrap().to_string_lossy().into_owned();
        let shown = shown.replace(&format!("{root}/testing/test-heaps/fixtures/postmortem"), "/srv");
        let shown = program.replace_all(&shown, "/usr/bin/node").into_owned();
        let was = parts.next().expect("a block of the page").trim_start_matches("console\n");
        let between = parts.next().expect("text behind a block");
        if std::env::var_os("UPDATE_GOLDEN").is_none() {
            assert_eq!(masked(&shown, &made).trim_end(), masked(was, &made).trim_end());
        }
        renewed.push_str(&format!("```console\n{shown}```{between}"));
    }
    assert!(parts.next().is_none(), "a block of the page is not asked");
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&page, renewed).unwrap();
    }
}

/// The table of the documentation has a row for each command.
#[test]
fn every_command_is_documented() {
    let text = include_str!("../../../docs/postmortem.md");
    let path = known(V22).path().to_string_lossy().into_owned();
    let help = answer(&path, "::help");
    let rows = help["sections"][0]["rows"].as_array().unwrap();
    assert!(rows.len() > 40);
    let pattern = Regex::new(r"(::|v8 |^)([a-z0-9]+)").unwrap();
    for row in rows {
        let usage = row["usage"].as_str().unwrap();
        let name = pattern.captures(usage).unwrap();
        let name = format!("{}{}", &name[1], &name[2]);
        assert!(text.contains(&format!("`{name}")) || text.contains(&format!("ADDR{name}")), "{name}");
    }
}
