//! The forms of `--trace-gc-nvp`: `pause=1.1 gc=s ...` up to Node 24, and `GC: {"pause":1.1,"gc":"s",...}` in 26.

use serde::Deserialize;

use super::event::{GcEvent, GcKind, Marking};
use super::header::Header;

fn kind(word: &str) -> Option<GcKind> {
    match word {
        "s" => Some(GcKind::Scavenge),
        "mc" | "ms" => Some(GcKind::MarkCompact),
        "mms" | "mmc" => Some(GcKind::MinorMarkSweep),
        _ => None,
    }
}

/// `pause=1.1 mutator=17.5 gc=s ...`
pub(super) fn read_pairs(header: &Header, message: &str) -> Option<GcEvent> {
    let pairs = Pairs(message);
    let mut event = GcEvent::new(header.isolate, header.milliseconds?, kind(pairs.word("gc")?)?);
    event.pause_milliseconds = Some(pairs.number("pause")?);
    // The names changed with Node 24.
    let bytes = |old: &str, new: &str| pairs.bytes(old).or_else(|| pairs.bytes(new));
    event.before = bytes("total_size_before", "start_object_size");
    event.after = bytes("total_size_after", "end_object_size");
    event.committed_after = pairs.bytes("end_memory_size");
    event.promoted = pairs.bytes("promoted");
    event.allocated = pairs.bytes("allocated");
    if pairs.number("reduce_memory").is_some_and(|flag| flag != 0.0) {
        event.variant = Some("reduce".to_owned());
    }
    let wall = pairs.number("incremental_walltime_duration").filter(|wall| *wall > 0.0);
    if let (true, Some(wall)) = (event.kind.is_full(), wall) {
        event.incremental = true;
        event.marking = Some(Marking {
            milliseconds: pairs.number("incremental").unwrap_or(0.0),
            steps: pairs.bytes("incremental_steps_count").unwrap_or(0),
            wall_milliseconds: Some(wall),
        });
    }
    event.cut = event.after.is_none();
    Some(event)
}

/// `key=value key=value ...`. One version forgets a space, so keys are looked for with the space before them.
struct Pairs<'a>(&'a str);

impl<'a> Pairs<'a> {
    fn value(&self, key: &str) -> Option<&'a str> {
        let mut from = 0;
        loop {
            let at = from + self.0.get(from..)?.find(key)?;
            let end = at + key.len();
            let begins = at == 0 || self.0.as_bytes()[at - 1] == b' ';
            if let Some(value) = self.0.get(end..).filter(|_| begins).and_then(|rest| rest.strip_prefix('='))
            {
                return Some(value);
            }
            from = end;
        }
    }

    fn word(&self, key: &str) -> Option<&'a str> {
        self.value(key)?.split(' ').next()
    }

    fn number(&self, key: &str) -> Option<f64> {
        let value = self.value(key)?;
        let length = value.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        value.get(..length)?.parse().ok()
    }

    fn bytes(&self, key: &str) -> Option<u64> {
        self.number(key).map(|number| number as u64)
    }
}

#[derive(Deserialize)]
struct Json {
    pause: f64,
    gc: String,
    #[serde(default)]
    reduce_memory: bool,
    reason: Option<String>,
    collector_reason: Option<String>,
    start_object_size: Option<f64>,
    end_object_size: Option<f64>,
    end_memory_size: Option<f64>,
    allocated: Option<f64>,
    promoted: Option<f64>,
    #[serde(default)]
    is_incremental: bool,
    incremental: Option<f64>,
    incremental_steps_count: Option<f64>,
    incremental_walltime_duration: Option<f64>,
}

/// `{"pause":1.1,"gc":"s",...}`
pub(super) fn read_json(header: &Header, text: &str) -> Option<GcEvent> {
    // The program may print on the same line after it.
    let json = serde_json::Deserializer::from_str(text).into_iter::<Json>().next()?.ok()?;
    let mut event = GcEvent::new(header.isolate, header.milliseconds?, kind(&json.gc)?);
    let bytes = |value: Option<f64>| value.map(|value| value as u64);
    let word = |text: Option<String>| text.filter(|text| !text.is_empty());
    event.pause_milliseconds = Some(json.pause);
    event.before = bytes(json.start_object_size);
    event.after = bytes(json.end_object_size);
    event.committed_after = bytes(json.end_memory_size);
    event.promoted = bytes(json.promoted);
    event.allocated = bytes(json.allocated);
    event.reason = word(json.reason);
    event.collector_reason = word(json.collector_reason);
    event.variant = json.reduce_memory.then(|| "reduce".to_owned());
    event.incremental = json.is_incremental;
    if let (true, Some(milliseconds)) = (json.is_incremental, json.incremental) {
        event.marking = Some(Marking {
            milliseconds,
            steps: bytes(json.incremental_steps_count).unwrap_or(0),
            wall_milliseconds: json.incremental_walltime_duration,
        });
    }
    Some(event)
}

#[cfg(test)]
mod tests {
    use super::super::event::IsolateId;
    use super::*;

    fn header() -> Header {
        let isolate = IsolateId { pid: 1, isolate: 1, is_thread: false };
        Header { start: 0, end: 0, isolate, milliseconds: Some(7.0) }
    }

    #[test]
    fn pairs_are_found_by_their_whole_key() {
        let text = "pause=6.1 gc=mc reduce_memory=1 scavenge.pause=9 a=0.0promoted=1 start_object_size=10 \
                    end_object_size=4 promoted=3 allocated=2";
        let event = read_pairs(&header(), text).unwrap();
        assert_eq!(
            (event.pause_milliseconds, event.promoted, event.allocated),
            (Some(6.1), Some(3), Some(2))
        );
        assert_eq!((event.before, event.after), (Some(10), Some(4)));
        assert_eq!(event.variant.as_deref(), Some("reduce"));
        assert!(read_pairs(&header(), "pause= gc=s").is_none());
        assert!(read_pairs(&header(), "pause=1 gc=q").is_none());
    }

    #[test]
    fn json_may_be_followed_by_other_output() {
        let text = r#"{"pause":0.8,"gc":"mms","start_object_size":9,"end_object_size":5,"reason":""} hello"#;
        let event = read_json(&header(), text).unwrap();
        assert_eq!((event.kind, event.after, event.reason), (GcKind::MinorMarkSweep, Some(5), None));
        assert!(read_json(&header(), r#"{"pause":0.8,"gc""#).is_none());
    }
}
