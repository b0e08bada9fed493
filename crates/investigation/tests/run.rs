//! The live loop on real programs.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, atomic::Ordering},
    time::Duration,
};

use investigation::recording::CollectionKind;
use investigation::run::{
    Attribute, Ready, RunError, RunEvent, RunOptions, RunReport, RunStep, ScriptSources, Snapshot, Suspect,
    run,
};
use leak_verdict::{Verdict, Word, WorkUnit};

fn programs() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/programs")
}

/// A run of the program with few, short rounds, and what it printed.
fn options(command: &[&str]) -> (RunOptions, Arc<Mutex<String>>) {
    let printed = Arc::new(Mutex::new(String::new()));
    let into = printed.clone();
    let mut options = RunOptions::new(command.iter().map(ToString::to_string).collect());
    options.folder = Some(programs());
    options.output = Arc::new(move |line| into.lock().unwrap().push_str(&String::from_utf8_lossy(line)));
    options.settle = Duration::from_millis(50);
    options.snapshots = false;
    options.requests = Some(499);
    (options, printed)
}

fn report(options: &RunOptions) -> RunReport {
    run(options, &mut (), &mut ()).unwrap()
}

/// The processes of a run must be gone when it is over, however it ended.
fn assert_gone(pid: u32) {
    assert!(!node_process::is_alive(pid), "process {pid} was left running");
}

/// Remembers what it was asked, and looks up the source of the program.
#[derive(Default)]
struct Asked {
    nodes: Vec<usize>,
    growth_of_seen: bool,
    source: Option<String>,
}

impl Attribute for Asked {
    fn attribute(
        &mut self,
        verdict: &mut Verdict,
        snapshots: Vec<Snapshot>,
        sources: &mut dyn ScriptSources,
    ) -> Vec<Suspect> {
        self.growth_of_seen = verdict.word.is_leak();
        self.nodes = snapshots.iter().map(|snapshot| snapshot.graph.node_count()).collect();
        let script = sources.scripts().into_iter().find(|script| script.url.ends_with("leaky.mjs"));
        let ids: Vec<u32> = script.iter().map(|script| script.script_id).collect();
        self.source = sources.script_sources(&ids).pop().map(|script| script.source);
        Vec::new()
    }
}

/// The collections of the program and those that were forced for the floors, each with its pause.
fn assert_lane(report: &RunReport) {
    let lane = &report.timeline.collections;
    let (forced, own): (Vec<_>, Vec<_>) =
        lane.iter().partition(|gc| gc.cause.as_deref() == Some("asked for, to take the floor"));
    assert!(forced.len() > 2 * report.rounds.len(), "{} for {}", forced.len(), report.rounds.len());
    assert!(lane.iter().all(|gc| gc.pause_ms.is_some_and(|pause| pause > 0.0)), "{lane:#?}");
    for row in &report.rounds {
        assert!(forced.iter().any(|gc| gc.after == Some(row.heap_used)), "the floor of {row:?}");
    }
    assert!(own.iter().any(|gc| gc.kind == CollectionKind::Scavenge), "{own:#?}");
    let end = report.seconds;
    assert!(lane.iter().all(|gc| (0.0..end).contains(&gc.seconds)), "{end}: {lane:#?}");
}

#[test]
fn a_leaky_server_is_called_so_with_its_snapshots_and_sources() {
    let kept = tempfile::tempdir().unwrap();
    let (mut options, printed) = options(&["node", "leaky.mjs"]);
    options.url = Some("/some/path".into());
    options.rounds = Some(8);
    options.snapshots = true;
    options.keep_snapshots = Some(kept.path().to_owned());
    let mut asked = Asked::default();
    let report = run(&options, &mut (), &mut asked).unwrap();

    assert_lane(&report);
    assert_eq!(
        (report.verdict.word, report.verdict.unit),
        (Word::Leak, WorkUnit::Request),
        "{:#?}",
        report.verdict
    );
    let growth = report.verdict.growth.as_ref().unwrap();
    assert!(growth.low > 100.0 && growth.high < 3000.0, "an object with headers per request: {growth:?}");
    assert!(report.rounds.iter().skip(1).all(|row| row.requests == Some(499)), "{:?}", report.rounds);
    assert_eq!(report.rounds.len(), 1 + 2 + 8);
    assert!(printed.lock().unwrap().contains("ready to serve\n"));
    assert!(!printed.lock().unwrap().contains("Debugger"));

    assert_eq!(asked.nodes.len(), 3);
    assert!(asked.growth_of_seen && asked.nodes[2] > asked.nodes[0] + 8 * 499, "{:?}", asked.nodes);
    assert!(asked.source.unwrap().contains("const seen = [];"));
    for snapshot in &report.snapshots {
        let file = snapshot.file.as_ref().unwrap();
        assert_eq!(std::fs::metadata(file).unwrap().len(), snapshot.bytes);
    }
    assert_gone(report.watched.unwrap().pid);
}

#[test]
fn an_innocent_server_is_not_blamed() {
    let (mut options, _) = options(&["node", "innocent.cjs"]);
    options.url = Some("/".into());
    options.rounds = Some(10);
    let report = report(&options);
    assert!(!report.verdict.word.is_leak(), "{:#?}", report.verdict);
    assert_eq!(report.verdict.word, Word::NoLeak, "{:#?}", report.verdict);
    assert_gone(report.watched.unwrap().pid);
}

#[test]
fn through_npm_the_server_is_watched_and_a_load_command_drives_it() {
    let (mut options, printed) = options(&["npm", "start"]);
    options.folder = Some(programs().join("npm-app"));
    options.load = Some("node ../load.cjs {url}/round/{round} {requests}; test -n \"$HEAPDOWSE_PID\"".into());
    options.rounds = Some(6);
    options.requests = Some(199);
    let report = report(&options);
    let watched = report.watched.unwrap();
    assert!(watched.command_line.iter().any(|word| word.ends_with("leaky.mjs")), "{watched:?}");
    assert!(report.rounds.iter().skip(1).all(|row| row.requests == Some(199)), "{:?}", report.rounds);
    assert!(printed.lock().unwrap().contains(r#"{"requests":199,"failed":0}"#));
    assert_eq!(report.warnings, Vec::<String>::new());
    assert_gone(watched.pid);
}

#[test]
fn in_a_cluster_a_worker_is_watched_by_its_own_requests() {
    let (mut options, _) = options(&["node", "cluster.cjs"]);
    options.url = Some("/".into());
    options.rounds = Some(8);
    options.requests = Some(1499);
    let report = report(&options);
    let watched = report.watched.unwrap();
    assert!(watched.cluster_worker, "{watched:?}");
    let served: u64 = report.rounds.iter().filter(|row| !row.warm_up).filter_map(|row| row.requests).sum();
    assert!(served > 0 && served < 9 * 1499, "a worker gets a part of the requests: {served}");
    assert_eq!(report.verdict.word, Word::Leak, "{:#?}", report.verdict);
    assert_gone(watched.pid);
}

#[test]
fn a_program_that_ends_in_the_middle_gets_a_verdict() {
    let (mut options, _) = options(&["node", "dies.cjs"]);
    options.url = Some("/".into());
    let report = report(&options);
    assert_eq!(report.verdict.word, Word::Inconclusive);
    assert_eq!(report.ended_by_itself.as_deref(), Some("exit status: 9"));
    assert!(
        report.warnings.iter().any(|warning| warning.contains("ended in round 2")),
        "{:?}",
        report.warnings
    );
    assert_gone(report.watched.unwrap().pid);
}

#[test]
fn a_program_without_a_port_is_watched_over_time() {
    let code = "const kept = []; let n = 0; const timer = setInterval(() => { \
                for (let i = 0; i < 500; i++) kept.push({ i, text: 'x' + n + i }); \
                if (++n === 120) clearInterval(timer); }, 30)";
    let (options, _) = options(&["node", "-e", code]);
    let report = report(&options);
    assert_eq!(report.verdict.unit, WorkUnit::Second);
    assert!(report.rounds.len() >= 3, "{:?}", report.rounds);
    assert_eq!(report.ended_by_itself.as_deref(), Some("exit status: 0"));
    assert_ne!(report.verdict.word, Word::NoLeak);
    let watched = report.watched.unwrap();
    assert_eq!(watched.port, None);
    assert_gone(watched.pid);
}

#[test]
fn readiness_can_be_a_text() {
    let code = "require('http').createServer((q, r) => r.end()).listen(process.env.PORT); \
                setTimeout(() => console.log('now'), 600)";
    let (mut options, printed) = options(&["node", "-e", code]);
    options.ready = Ready::Log("now".into());
    options.url = Some("/".into());
    options.rounds = Some(1);
    let mut when_watched = String::new();
    let mut events = |event: &RunEvent| {
        if matches!(event.step, RunStep::Watching(_)) {
            when_watched = printed.lock().unwrap().clone();
        }
    };
    let report = run(&options, &mut events, &mut ()).unwrap();
    assert_eq!(when_watched, "now\n");
    assert_gone(report.watched.unwrap().pid);
}

#[test]
fn failures_before_the_first_round_are_told_apart() {
    let (mut nothing, _) = options(&["node", "-e", "process.exit(3)"]);
    nothing.url = Some("/".into());
    assert!(matches!(run(&nothing, &mut (), &mut ()), Err(RunError::EndedBeforeReady { .. })));

    let (missing, _) = options(&["no-such-program-at-all"]);
    assert!(matches!(run(&missing, &mut (), &mut ()), Err(RunError::Start { .. })));

    let (mut foreign, _) = options(&["sleep", "60"]);
    foreign.url = Some("/".into());
    foreign.ready_timeout = Duration::from_millis(400);
    assert!(matches!(run(&foreign, &mut (), &mut ()), Err(RunError::NotReady { .. })));

    let (mut unloaded, _) = options(&["node", "innocent.cjs"]);
    unloaded.load = Some("exit 7".into());
    assert!(matches!(run(&unloaded, &mut (), &mut ()), Err(RunError::Load { .. })));
}

#[test]
fn an_interrupt_ends_the_program_too() {
    let (mut options, _) = options(&["node", "leaky.mjs"]);
    options.url = Some("/".into());
    let interrupt = options.interrupt.clone();
    let mut pid = None;
    let mut events = |event: &RunEvent| match &event.step {
        RunStep::Watching(watched) => pid = Some(watched.pid),
        RunStep::Round { warm_up: false, .. } => interrupt.store(true, Ordering::Relaxed),
        _ => {}
    };
    assert!(matches!(run(&options, &mut events, &mut ()), Err(RunError::Interrupted)));
    assert_gone(pid.expect("it was watched"));
}
