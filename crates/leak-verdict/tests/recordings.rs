//! Recordings of real programs whose truth is known, and series made for one property each.

use leak_verdict::{Floor, GrowthPlace, NativeKind, Recording, Word, WorkUnit, decide};
use proptest::prelude::*;

const MIB: f64 = 1048576.0;

fn recorded(name: &str) -> Recording {
    let path = format!("{}/tests/recordings/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn real_programs_get_the_verdict_they_deserve() {
    for (name, word) in [
        ("node22-leak-slow", Word::Leak),
        ("node26-leak-fast", Word::Leak),
        ("node22-leak-step", Word::Leak),
        ("node22-steady", Word::NoLeak),
        ("node26-steady", Word::NoLeak),
        ("node26-lazy-gc", Word::NoLeak),
        ("node26-lru-fills", Word::BoundedCache),
        ("node22-warmup", Word::BoundedCache),
        ("node26-buffer-leak", Word::OffHeapLeak),
        ("node22-fragment", Word::NativeGrowth),
        ("node22-environment", Word::NativeGrowth),
        ("node22-traffic", Word::NoLeak),
        ("node26-traffic", Word::NoLeak),
        // A snapshot left 670 KB in the heap of a process that only passes messages on.
        ("node22-snapshot-leap", Word::NoLeak),
        // A schema is compiled for each request; V8 drops the code of old ones, at the last floor a third of all.
        ("node20-schemas-code-dropped", Word::Leak),
        ("node20-schemas-code-dropped-thrice", Word::Leak),
    ] {
        let verdict = decide(&recorded(name));
        assert_eq!(verdict.word, word, "{name}: {verdict:#?}");
    }
}

#[test]
fn what_a_snapshot_left_in_the_heap_is_told_and_not_counted() {
    let verdict = decide(&recorded("node22-snapshot-leap"));
    let floor = &verdict.evidence[0].text;
    assert!(floor.ends_with("; snapshots left 644.4 KB of that behind, which is not counted"), "{floor}");
}

#[test]
fn what_went_with_dropped_code_is_told() {
    let verdict = decide(&recorded("node20-schemas-code-dropped"));
    let told =
        verdict.evidence.iter().any(|evidence| evidence.text.contains("counted as if they had stayed"));
    assert!(told, "{:#?}", verdict.evidence);
}

#[test]
fn a_rate_comes_with_its_interval_and_its_place() {
    let growth = decide(&recorded("node26-buffer-leak")).growth.unwrap();
    assert_eq!(growth.place, GrowthPlace::External);
    assert!(growth.low <= growth.bytes_per_unit && growth.bytes_per_unit <= growth.high);
    assert!((growth.bytes_per_unit - 4096.0).abs() < 200.0, "one 4 KiB buffer per request: {growth:?}");
}

#[test]
fn memory_in_use_is_told_although_snapshots_hide_it_in_the_resident_set() {
    let verdict = decide(&recorded("node22-environment"));
    assert_eq!(verdict.native_kind, Some(NativeKind::InUse));
    let growth = verdict.growth.unwrap();
    assert_eq!(growth.place, GrowthPlace::Native);
    assert!((growth.bytes_per_unit - 8080.0).abs() < 200.0, "a value of 8 KB per request: {growth:?}");
}

#[test]
fn a_short_window_of_a_leak_is_not_called_clean() {
    for name in ["node22-leak-slow", "node26-leak-fast", "node22-leak-step"] {
        let mut recording = recorded(name);
        while recording.floors.len() > 1 {
            recording.floors.pop();
            let word = decide(&recording).word;
            assert_ne!(word, Word::NoLeak, "{name} with {} floors", recording.floors.len());
        }
    }
}

fn made(bytes: &[f64]) -> Recording {
    let floors = bytes
        .iter()
        .enumerate()
        .map(|(i, bytes)| Floor {
            work: 499.0 * i as f64,
            seconds: i as f64,
            heap_used: bytes.max(0.0) as u64,
            ..Floor::default()
        })
        .collect();
    Recording { unit: WorkUnit::Request, floors, heap_limit: Some(4 << 30) }
}

#[test]
fn nothing_is_said_about_nothing() {
    for n in 0..5 {
        let verdict = decide(&made(&vec![9e6; n]));
        assert_eq!(verdict.word, Word::Inconclusive);
        assert!(!verdict.advice.is_empty());
    }
}

#[test]
fn a_leak_beside_a_cache_that_fills_is_still_a_leak() {
    let series: Vec<f64> = (0..24)
        .map(|i| {
            12.0 * MIB
                + f64::from(i.min(8)) * 3.0 * MIB
                + f64::from(i) * 0.25 * MIB
                + f64::from((i * 7) % 5) * 9e3
        })
        .collect();
    let verdict = decide(&made(&series));
    assert_eq!(verdict.word, Word::Leak, "{verdict:#?}");
    let growth = verdict.growth.unwrap().bytes_per_unit;
    assert!((growth - 0.25 * MIB / 499.0).abs() < 60.0, "{growth}");
}

#[test]
fn a_cache_that_was_full_before_the_trend_starts_is_seen() {
    let mut recording =
        made(&[4.5, 12.5, 19.3, 25.5, 26.0, 26.0, 26.0, 26.1, 25.9, 26.0, 26.0, 26.0].map(|mb| mb * MIB));
    recording.floors[0].warm_up = true;
    recording.floors[1].warm_up = true;
    let verdict = decide(&recording);
    assert_eq!(verdict.word, Word::BoundedCache, "{verdict:#?}");
}

#[test]
fn modules_loaded_by_the_first_request_are_no_cache() {
    let mut recording =
        made(&[4.5, 25.9, 26.0, 26.0, 26.0, 26.0, 26.1, 25.9, 26.0, 26.0, 26.0].map(|mb| mb * MIB));
    recording.floors[0].warm_up = true;
    recording.floors[1].warm_up = true;
    assert_eq!(decide(&recording).word, Word::NoLeak);
}

#[test]
fn garbage_before_the_collection_makes_it_lazy() {
    let mut recording = made(&[10.0 * MIB; 14]);
    for floor in &mut recording.floors {
        floor.heap_before_collection = Some(190 << 20);
    }
    assert_eq!(decide(&recording).word, Word::LazyGc);
}

proptest! {
    #[test]
    fn noise_around_a_level_is_never_a_leak(
        level in 3.0f64..400.0,
        noise in proptest::collection::vec(-1.0f64..1.0, 6..40),
        width in 0.0f64..0.2,
    ) {
        let series: Vec<f64> = noise.iter().map(|n| (level + n * width) * MIB).collect();
        let word = decide(&made(&series)).word;
        prop_assert!(!word.is_leak(), "{:?}", word);
    }

    #[test]
    fn steady_growth_above_the_gate_is_a_leak(
        level in 3.0f64..40.0,
        step in 0.25f64..8.0,
        noise in proptest::collection::vec(-1.0f64..1.0, 13..30),
    ) {
        let series: Vec<f64> =
            noise.iter().enumerate().map(|(i, n)| (level + i as f64 * step + n * step * 0.3) * MIB).collect();
        prop_assert_eq!(decide(&made(&series)).word, Word::Leak);
    }

    #[test]
    fn a_shrinking_heap_is_never_a_leak(steps in proptest::collection::vec(0.0f64..2.0, 6..30)) {
        let mut level = 200.0;
        let series: Vec<f64> = steps.iter().map(|step| { level -= step; level * MIB }).collect();
        prop_assert!(!decide(&made(&series)).word.is_leak());
    }

    #[test]
    fn any_numbers_give_a_verdict(
        floors in proptest::collection::vec((any::<u64>(), any::<Option<u64>>(), any::<Option<u64>>(), 0.0f64..1e9), 0..12),
    ) {
        let floors = floors.into_iter().map(|(heap_used, external, resident, work)| Floor {
            heap_used, external, resident, work, heap_total: external, code: resident, open_files: external,
            ..Floor::default()
        }).collect();
        let verdict = decide(&Recording { unit: WorkUnit::Round, floors, heap_limit: None });
        serde_json::to_string(&verdict).unwrap();
    }
}
