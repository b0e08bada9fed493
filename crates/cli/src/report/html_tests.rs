use super::*;

const EVIL: &str = "</script></pre></style><img src=x onerror=alert(1)>\"'`{{ 7*7 }}";

/// A leak of which all texts are `foreign`.
fn leak(foreign: &str) -> RunReport {
    let floor = |round: u64| {
        serde_json::json!({"work": round * 499, "seconds": round, "heap_used": 5_000_000 + round * 499 * 1000,
            "heap_total": 9_000_000, "external": 100_000, "resident": 60_000_000})
    };
    let recording = serde_json::json!({"unit": "request", "heap_limit": 2_000_000_000u64,
        "floors": (0..14).map(floor).collect::<Vec<_>>()});
    let recording = serde_json::from_value(recording).unwrap();
    let verdict = investigation::verdict::decide(&recording);
    let place = serde_json::json!({"file": foreign, "line": 3, "symbol": foreign, "text": foreign,
        "excerpt": [{"line": 3, "text": foreign, "mark": true}]});
    let suspect = serde_json::json!({"class": foreign, "holder": foreign, "kind": "array", "owner": place,
        "added_at": place, "in_library": true, "app_owner": place, "app_statement": null, "also": [],
        "certain": true, "path": [foreign, foreign], "signature": foreign, "count": 5, "bytes": 50,
        "grew_every_time": true, "count_per_request": 1.0, "bytes_per_request": 10.0, "evidence": [foreign],
        "missing": [{"part": foreign, "reason": foreign}]});
    let mut report = serde_json::to_value(&verdict).unwrap();
    let rest = serde_json::json!({"schema_version": 1, "program": ["node", foreign], "rounds": [], "snapshots": [],
        "watched": {"pid": 7, "command_line": [foreign], "node_version": foreign, "port": null, "url": null,
            "cluster_worker": false},
        "suspects": [suspect.clone(), suspect], "ended_by_itself": foreign, "seconds": 3.0, "warnings": [foreign],
        "recording": recording,
        "timeline": {"started_unix_ms": 1_795_375_000_000u64,
            "samples": [{"seconds": 0, "pid": 7, "file": 1000, "anonymous": 2000},
                {"seconds": 9, "pid": 7, "file": 1000, "anonymous": 5000, "heap_used": 300}],
            "collections": [{"seconds": 3, "pid": 7, "kind": "scavenge", "cause": foreign, "pause_ms": 1.5,
                "before": 10, "after": 5}],
            "events": [{"seconds": 2, "until": 3, "pid": 7, "kind": "snapshot", "text": foreign}]}});
    let (Some(report_map), serde_json::Value::Object(rest)) = (report.as_object_mut(), rest) else {
        panic!("both are objects")
    };
    report_map.extend(rest);
    serde_json::from_value(report).unwrap()
}

#[test]
fn nothing_of_the_program_is_obeyed_by_a_browser() {
    let page = page(&leak(EVIL), "0123").unwrap();
    assert!(!page.contains("<img"), "a tag of the heap got through");
    for (tag, times) in
        [("<script", 1), ("</script", 1), ("<style", 1), ("</style", 1), ("onerror=alert(1)>", 0)]
    {
        assert_eq!(page.matches(tag).count(), times, "{tag}");
    }
    assert!(page.contains("&#60;img src=x onerror=alert(1)&#62;"), "the class is shown, as text");
}

#[test]
fn the_page_loads_nothing() {
    let page = page(&leak("Session"), "0123").unwrap();
    for outside in ["src=", "href=", "url(", "@import", "fetch(", "<link", "<iframe"] {
        assert!(!page.contains(outside), "{outside}");
    }
    let addresses: Vec<&str> =
        page.match_indices("http").filter_map(|(at, _)| page.get(at..at + 26)).collect();
    assert!(
        addresses.iter().all(|a| a.starts_with("http-equiv=") || *a == "http://www.w3.org/2000/svg"),
        "{addresses:?}"
    );
}

#[test]
fn the_page_has_what_the_report_has() {
    let page = page(&leak("Session"), "0123").unwrap();
    for part in [
        "This program leaks memory",
        "1000 bytes per request",
        "2026-11-22 ",
        "class=\"trend\"",
        "class=\"band\"",
        "class=\"anonymous\"",
        "class=\"scavenge\"",
        "class=\"snapshot\"",
        "class=\"hit\" data-n=\"3\"",
        "Library.",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("NaN") && !page.contains("inf\""));
}

#[test]
fn markdown_keeps_foreign_words_in_their_place() {
    let markdown = text(&leak(EVIL), Style::Markdown);
    let bare = |line: &&str| !line.trim_start().starts_with(['>', '`']);
    for line in markdown.lines().filter(bare) {
        let outside: String = line.split('`').step_by(2).collect();
        assert!(!outside.contains("<img") || outside.contains("\\<img"), "{line}");
    }
}

#[test]
fn wild_numbers_make_a_page_too() {
    for wild in [0, 1, u64::MAX / 2, u64::MAX] {
        let mut report = leak("x");
        for (i, floor) in report.recording.floors.iter_mut().enumerate() {
            floor.heap_used = wild.rotate_left(i as u32);
            floor.work = (wild as f64).powi(i as i32 % 3) * if i == 3 { f64::NAN } else { 1.0 };
        }
        for sample in &mut report.timeline.samples {
            sample.anonymous = Some(wild);
            sample.seconds = -(wild as f64);
        }
        report.timeline.started_unix_ms = wild;
        report.verdict = investigation::verdict::decide(&report.recording);
        let page = page(&report, "0").unwrap();
        assert!(!page.contains("=\"NaN") && !page.contains("=\"inf"), "{wild}");
    }
}

#[test]
fn dates_are_right() {
    assert_eq!(date(951_782_400_000), "2000-02-29 00:00 UTC");
    assert_eq!((date(0), date(u64::MAX)), (String::new(), String::new()));
    assert_eq!(date(1_798_761_599_000), "2026-12-31 23:59 UTC");
}
