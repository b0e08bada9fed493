//! What grows in a process, as far as numbers tell that cost it nothing: heap spaces, memory outside, handles by type.
//!
//! Classes are not among them: all that V8 has to tell of those forces a full collection, which watching never does. They
//! are counted in frozen copies.

use std::collections::BTreeMap;

use investigation::recording::Sample;

use crate::report::bytes;

/// Samples in a third of what was seen; with fewer, nothing is said.
const LEAST: usize = 5;
/// Growth that is worth a word.
const LEAST_BYTES: f64 = 256.0 * 1024.0;
const LEAST_HANDLES: f64 = 5.0;

/// The quantities that grew most, the strongest first: each as words.
pub(super) fn growing(samples: &[&Sample], most: usize) -> Vec<String> {
    // Between collections everything rises; the lowest of a while is near to what is left after them.
    let (mut early, mut late) = (BTreeMap::new(), BTreeMap::new());
    let told: Vec<&&Sample> = samples.iter().filter(|sample| !sample.spaces.is_empty()).collect();
    let third = told.len() / 3;
    if third < LEAST {
        return Vec::new();
    }
    told[..third].iter().for_each(|sample| lowest(&mut early, sample));
    told[told.len() - third..].iter().for_each(|sample| lowest(&mut late, sample));
    let seconds = told[told.len() - 1].seconds - told[0].seconds;
    let mut grown: Vec<(f64, String)> = late
        .into_iter()
        .filter_map(|((is_bytes, name), now)| {
            let before = early.get(&(is_bytes, name.clone())).copied().unwrap_or(0.0);
            let gain = now - before;
            let weight = gain / if is_bytes { LEAST_BYTES } else { LEAST_HANDLES };
            let words = match is_bytes {
                true => format!("{name} +{} (now {})", bytes(gain), bytes(now)),
                false => format!("{name} +{gain:.0} (now {now:.0})"),
            };
            (weight >= 1.0).then_some((weight, words))
        })
        .collect();
    grown.sort_by(|a, b| b.0.total_cmp(&a.0));
    let words = grown.into_iter().take(most).map(|(_, words)| words);
    words.map(|words| format!("{words} in {seconds:.0} s")).collect()
}

type Lowest = BTreeMap<(bool, String), f64>;

fn lowest(into: &mut Lowest, sample: &Sample) {
    let mut note = |is_bytes: bool, name: &str, value: u64| {
        let known = into.entry((is_bytes, name.to_owned())).or_insert(f64::INFINITY);
        *known = known.min(value as f64);
    };
    for space in &sample.spaces {
        // Young objects come and go.
        if !space.name.starts_with("new_") {
            note(true, &space.name.replace('_', " "), space.used);
        }
    }
    let external = sample.external.map(|external| external.saturating_sub(sample.array_buffers.unwrap_or(0)));
    for (name, value) in [
        ("array buffers", sample.array_buffers),
        ("other memory outside the heap", external),
        ("V8's own malloc", sample.malloced),
    ] {
        value.into_iter().for_each(|value| note(true, name, value));
    }
    sample.handles.iter().for_each(|(name, &count)| note(false, name, count));
}

#[cfg(test)]
mod tests {
    use super::*;
    use investigation::recording::Space;

    fn sample(at: u64, old: u64, sockets: u64) -> Sample {
        let space = |name: &str, used| Space { name: name.into(), used, size: used, physical: None };
        Sample {
            seconds: at as f64,
            // Old space as saw teeth above its floor, and a new space that fills and empties.
            spaces: vec![space("old_space", old + at % 5 * 1_000_000), space("new_space", at % 9 * 900_000)],
            array_buffers: Some(5_000_000),
            external: Some(6_000_000),
            handles: BTreeMap::from([("TCPSocketWrap".to_owned(), sockets), ("Timeout".to_owned(), 3)]),
            ..Sample::default()
        }
    }

    #[test]
    fn only_what_grows_is_named_the_strongest_first() {
        let samples: Vec<Sample> = (0..60).map(|i| sample(i, 20_000_000 + i * 20_000, 2 + i)).collect();
        let told = growing(&samples.iter().collect::<Vec<_>>(), 4);
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(told[0], "TCPSocketWrap +40 (now 42) in 59 s");
        assert!(told[1].starts_with("old space +781.2 KB (now 19.8 MB)"), "{told:?}");
    }

    #[test]
    fn what_only_swings_is_not_named() {
        let samples: Vec<Sample> = (0..60).map(|i| sample(i, 20_000_000, 7)).collect();
        assert!(growing(&samples.iter().collect::<Vec<_>>(), 4).is_empty());
        assert!(growing(&samples.iter().take(9).collect::<Vec<_>>(), 4).is_empty());
    }
}
