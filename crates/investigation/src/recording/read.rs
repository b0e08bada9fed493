//! Reads a recording, whatever became of it: a cut last line, lines of later versions and garbage are passed
//! over and counted. Memory stays within a bound for any input.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use leak_verdict::{Recording, WorkUnit};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Map, Value};

use super::{Collection, FloorRecord, Header, Mark, Record, Sample, Timeline, write::SCHEMA_VERSION};
use crate::run::{RoundRow, RunReport, WatchedProcess};

/// A line longer than this is passed over. Reports are the longest, far below.
const LONGEST_LINE: u64 = 16 << 20;
/// A report kept as JSON is read whole.
const LARGEST_REPORT: u64 = 256 << 20;
const PROCESSES: usize = 512;
const FLOORS: usize = 20_000;
const ZSTD_MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// A recording could not be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ReadRecordingError {
    /// The file system says no.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// No line of it is a record.
    #[error("this is no recording: none of its {lines} lines is a record")]
    NotARecording {
        /// Lines that were looked at.
        lines: u64,
    },
}

/// What was passed over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Skipped {
    /// Lines that are no record, the cut last one not counted.
    pub garbage_lines: u64,
    /// Records of kinds that are not known here.
    pub unknown_records: u64,
    /// Fields that are not known here.
    pub unknown_fields: u64,
    /// Whether the last line was cut.
    pub cut_last_line: bool,
}

/// What a recording holds.
#[derive(Debug, Default)]
pub struct Recorded {
    /// The first line, if it is there.
    pub header: Option<Header>,
    /// The processes that were watched.
    pub processes: Vec<WatchedProcess>,
    /// Samples, collections, events.
    pub timeline: Timeline,
    /// The floors.
    pub floors: Vec<FloorRecord>,
    /// The verdict at the end; absent when the recording was cut before it.
    pub report: Option<RunReport>,
    /// What was passed over.
    pub skipped: Skipped,
}

/// Opens a recording, also one packed with zstd.
///
/// # Errors
/// If the file cannot be read, or is no recording.
pub fn open(path: &Path) -> Result<Recorded, ReadRecordingError> {
    let mut file = BufReader::new(File::open(path)?);
    if file.fill_buf()?.starts_with(&ZSTD_MAGIC) {
        return read(BufReader::new(zstd::Decoder::with_buffer(file)?));
    }
    read(file)
}

/// The report of a recording; a report that was kept as JSON is taken as it is.
///
/// # Errors
/// If the file cannot be read, or is neither.
pub fn report_of(path: &Path) -> Result<RunReport, ReadRecordingError> {
    let problem = match open(path) {
        Ok(recorded) => return Ok(recorded.into_report()),
        Err(problem @ ReadRecordingError::NotARecording { .. }) => problem,
        Err(problem) => return Err(problem),
    };
    let mut text = Vec::new();
    File::open(path)?.take(LARGEST_REPORT).read_to_end(&mut text)?;
    serde_json::from_slice(&text).map_err(|_| problem)
}

/// Reads a recording.
///
/// # Errors
/// If the input fails, or holds no record at all.
pub fn read(mut input: impl BufRead) -> Result<Recorded, ReadRecordingError> {
    let mut recorded = Recorded::default();
    let (mut lines, mut known) = (0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let taken = match (&mut input).take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(taken) => taken,
            // A packed recording that was cut gives what it has and then fails.
            Err(error) if known > 0 && error.kind() == io::ErrorKind::UnexpectedEof => {
                recorded.skipped.cut_last_line = true;
                break;
            }
            Err(error) => return Err(error.into()),
        };
        if taken == 0 {
            break;
        }
        lines += 1;
        let is_whole = line.last() == Some(&b'\n');
        if !is_whole && taken as u64 == LONGEST_LINE {
            skip_line(&mut input)?;
            recorded.skipped.garbage_lines += 1;
        } else if recorded.take(&line) {
            known += 1;
        } else if !is_whole {
            recorded.skipped.cut_last_line = true;
        } else if !line.trim_ascii().is_empty() {
            recorded.skipped.garbage_lines += 1;
        }
    }
    if known == 0 {
        return Err(ReadRecordingError::NotARecording { lines });
    }
    recorded.timeline.sort();
    Ok(recorded)
}

fn skip_line(input: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = input.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let used = end.map_or(buffer.len(), |end| end + 1);
        input.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

impl Recorded {
    /// Takes up a line. False if it is no record.
    fn take(&mut self, line: &[u8]) -> bool {
        let Ok(Value::Object(mut fields)) = serde_json::from_slice(line) else { return false };
        let Some(Value::String(kind)) = fields.remove("record") else { return false };
        match kind.as_str() {
            "header" => self.typed(fields, |recorded, header: Header| {
                recorded.timeline.started_unix_ms = header.started_unix_ms;
                recorded.header = Some(header);
            }),
            "process" => self.typed(fields, |recorded, process| {
                if recorded.processes.len() < PROCESSES {
                    recorded.processes.push(process);
                }
            }),
            "sample" => self.typed(fields, |recorded, sample: Sample| recorded.timeline.push_sample(sample)),
            "gc" => self.typed(fields, |recorded, gc: Collection| recorded.timeline.push_collection(gc)),
            "event" => self.typed(fields, |recorded, mark: Mark| recorded.timeline.push_event(mark)),
            "floor" => self.typed(fields, |recorded, floor| {
                if recorded.floors.len() < FLOORS {
                    recorded.floors.push(floor);
                }
            }),
            "report" => self.typed(fields, |recorded, report| recorded.report = Some(report)),
            _ => {
                self.skipped.unknown_records += 1;
                true
            }
        }
    }

    fn typed<T: DeserializeOwned>(
        &mut self,
        fields: Map<String, Value>,
        put: impl FnOnce(&mut Self, T),
    ) -> bool {
        let mut unknown = 0;
        let value = serde_ignored::deserialize(Value::Object(fields), |_| unknown += 1);
        let Ok(value) = value else { return false };
        self.skipped.unknown_fields += unknown;
        put(self, value);
        true
    }

    /// The report: the recorded one, or when the recording was cut before it, what its floors say.
    #[must_use]
    pub fn into_report(self) -> RunReport {
        let Self { header, processes, timeline, floors, report, skipped } = self;
        let header = header.unwrap_or_default();
        let mut report = report.unwrap_or_else(|| from_floors(&header, processes, &floors, &timeline));
        report.timeline = timeline;
        report.warnings.extend(skipped.words());
        if header.schema_version > SCHEMA_VERSION {
            let theirs = header.schema_version;
            report.warnings.push(format!("the recording's form is {theirs}, newer than {SCHEMA_VERSION}"));
        }
        report
    }
}

fn from_floors(
    header: &Header,
    processes: Vec<WatchedProcess>,
    floors: &[FloorRecord],
    timeline: &Timeline,
) -> RunReport {
    // Of several processes, the one of which most is known.
    let mut counts: BTreeMap<(u32, Option<&str>), usize> = BTreeMap::new();
    let isolate = |floor: &'_ FloorRecord| (floor.pid, floor.worker.clone());
    floors.iter().for_each(|floor| *counts.entry((floor.pid, floor.worker.as_deref())).or_default() += 1);
    // The driven one comes last of as many, as it is measured after all others.
    let most = counts.into_iter().max_by_key(|((_, worker), count)| (*count, worker.is_none()));
    let most = most.map(|((pid, worker), _)| (pid, worker.map(str::to_owned)));
    let pid = most.as_ref().map(|(pid, _)| *pid);
    let own: Vec<FloorRecord> = floors.iter().filter(|floor| Some(isolate(floor)) == most).cloned().collect();
    let heap_limit = timeline.samples.iter().rev().find_map(|sample| sample.heap_limit);
    let (recording, rounds) = series(own, heap_limit);
    let watched =
        processes.iter().rev().find(|process| Some(process.pid) == pid).or(processes.last()).cloned();
    let last = timeline.samples.last().map_or(0.0, |sample| sample.seconds);
    RunReport {
        schema_version: 1,
        command: header.program.clone(),
        watched,
        verdict: leak_verdict::decide(&recording),
        rounds,
        snapshots: Vec::new(),
        suspects: Vec::new(),
        ended_by_itself: None,
        last_snapshots: Vec::new(),
        seconds: last,
        warnings: vec!["the recording ends without its report; this one is made from its floors".to_owned()],
        recording,
        isolates: Vec::new(),
        timeline: Timeline::default(),
    }
}

/// The floors of one process as the verdict takes them, with the best axis that they have.
pub(crate) fn series(mut floors: Vec<FloorRecord>, heap_limit: Option<u64>) -> (Recording, Vec<RoundRow>) {
    let counted = floors.iter().all(|floor| floor.row.requests.is_some());
    let served = floors.iter().any(|floor| floor.row.requests.is_some_and(|requests| requests > 0));
    let driven = floors.iter().any(|floor| floor.row.round > 0 && floor.row.load_seconds > 0.0);
    let unit = match (counted && served, driven) {
        (true, _) => WorkUnit::Request,
        (false, true) => WorkUnit::Round,
        (false, false) => WorkUnit::Second,
    };
    for FloorRecord { row, .. } in &mut floors {
        match unit {
            WorkUnit::Request => {}
            WorkUnit::Round => row.work = f64::from(row.round),
            WorkUnit::Second => row.work = row.seconds,
        }
    }
    let recording = Recording { unit, floors: floors.iter().map(FloorRecord::floor).collect(), heap_limit };
    (recording, floors.into_iter().map(|floor| floor.row).collect())
}

impl Skipped {
    /// In words, one sentence for each kind.
    #[must_use]
    pub fn words(self) -> Vec<String> {
        let mut words = Vec::new();
        for (count, what) in [
            (self.garbage_lines, "lines of the recording are no records"),
            (self.unknown_records, "records are of kinds that this version does not know"),
            (self.unknown_fields, "fields are not known to this version"),
        ] {
            if count > 0 {
                words.push(format!("{count} {what}; they were passed over"));
            }
        }
        if self.cut_last_line {
            words.push("the last line of the recording is cut".to_owned());
        }
        words
    }
}

/// So that the reader can be tried without files.
impl TryFrom<&[Record]> for Recorded {
    type Error = ReadRecordingError;

    fn try_from(records: &[Record]) -> Result<Self, Self::Error> {
        let mut text = Vec::new();
        for record in records {
            serde_json::to_writer(&mut text, record).map_err(io::Error::from)?;
            text.push(b'\n');
        }
        read(text.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn floors(count: u32) -> Vec<Record> {
        let mut records = vec![Record::Header(Header {
            schema_version: 1,
            heapdowse: "0.1.0".into(),
            started_unix_ms: 1_700_000_000_000,
            program: vec!["node".into(), "server.js".into()],
        })];
        for round in 0..count {
            let row = format!(
                r#"{{"round":{round},"warm_up":{},"requests":499,"work":{},"seconds":{round},"heap_before_collection":9000000,
                "heap_used":{},"heap_total":9000000,"external":100000,"collection_ms":40,"collections":3,"load_seconds":1}}"#,
                round < 2,
                round * 499,
                5_000_000 + u64::from(round) * 499 * 1000 + u64::from(round % 3) * 500
            );
            let row = serde_json::from_str(&row).unwrap();
            records.push(Record::Floor(Box::new(FloorRecord {
                pid: 7,
                worker: None,
                row,
                after_snapshot: false,
            })));
            let sample =
                Sample { seconds: f64::from(round), pid: 7, resident: Some(50 << 20), ..Sample::default() };
            records.push(Record::Sample(Box::new(sample)));
        }
        records
    }

    fn text(records: &[Record]) -> Vec<u8> {
        records
            .iter()
            .flat_map(|record| [serde_json::to_vec(record).unwrap(), b"\n".to_vec()].concat())
            .collect()
    }

    #[test]
    fn a_recording_cut_anywhere_gives_all_whole_samples() {
        let whole = text(&floors(14));
        let samples = |bytes: &[u8]| {
            let is_whole = |line: &&[u8]| line.starts_with(br#"{"record":"sample""#) && line.ends_with(b"}");
            bytes.split(|&b| b == b'\n').filter(is_whole).count()
        };
        for cut in (200..whole.len()).step_by(37) {
            let recorded = read(&whole[..cut]).unwrap();
            assert_eq!(recorded.timeline.samples.len(), samples(&whole[..cut]), "{cut}");
            assert_eq!(recorded.skipped.garbage_lines, 0, "{cut}");
        }
        let report = read(whole.as_slice()).unwrap().into_report();
        assert_eq!(report.verdict.word, leak_verdict::Word::Leak);
        assert_eq!(report.command, ["node", "server.js"]);
        assert!(report.warnings[0].contains("without its report"), "{:?}", report.warnings);
    }

    #[test]
    fn what_is_not_known_is_counted() {
        let mut bytes = text(&floors(1));
        bytes.extend(b"{\"record\":\"sample\",\"seconds\":1,\"pid\":7,\"mood\":3,\"weather\":{\"a\":1}}\n");
        bytes.extend(b"{\"record\":\"dream\",\"of\":1}\n\xff\xfe\n[1]\n\n{\"record\":\"gc\",\"seconds\":\"x\"}\n{\"rec");
        let skipped = read(bytes.as_slice()).unwrap().skipped;
        let expected =
            Skipped { garbage_lines: 3, unknown_records: 1, unknown_fields: 2, cut_last_line: true };
        assert_eq!(skipped, expected);
        assert_eq!(skipped.words().len(), 4);
    }

    #[test]
    fn recordings_of_real_programs_are_read() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testing/recordings");
        let run = report_of(&folder.join("run.heapdowse")).unwrap();
        assert_eq!((run.verdict.word, run.warnings.len()), (leak_verdict::Word::Leak, 0));
        assert_eq!(run.suspects[0].added_at.as_ref().unwrap().excerpt.len(), 9);
        assert!(run.timeline.samples.len() > 30 && run.timeline.events.len() > 10);
        let cut = open(&folder.join("watch-cut.heapdowse")).unwrap();
        assert!(cut.skipped.cut_last_line && cut.report.is_none());
        let cut = cut.into_report();
        assert_eq!(cut.verdict.word, leak_verdict::Word::Inconclusive);
        assert!(cut.timeline.collection_totals.iter().any(|total| total.pause_ms > 0.0));
    }

    #[test]
    fn a_file_without_any_record_is_none() {
        for other in [&b""[..], b"{\"snapshot\":{}}\n", b"hello\n\n", &[0; 100]] {
            assert!(matches!(read(other), Err(ReadRecordingError::NotARecording { .. })));
        }
    }

    #[test]
    fn an_endless_line_is_passed_over_in_bounded_memory() {
        let start = io::Cursor::new(text(&floors(1)));
        let endless = BufReader::new(io::repeat(b'x').take(3 * LONGEST_LINE));
        let end = io::Cursor::new([b"\n".to_vec(), text(&floors(1))].concat());
        let recorded = read(start.chain(endless).chain(end)).unwrap();
        assert_eq!(recorded.timeline.samples.len(), 2);
        assert_eq!(recorded.skipped.garbage_lines, 1);
    }

    #[test]
    fn packed_recordings_are_read_and_cut_ones_in_part() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.heapdowse.zst");
        let packed = zstd::encode_all(text(&floors(14)).as_slice(), 3).unwrap();
        std::fs::write(&path, &packed).unwrap();
        assert_eq!(open(&path).unwrap().floors.len(), 14);
    }

    proptest! {
        #[test]
        fn mangled_recordings_never_panic(
            edits in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..40),
            cut in any::<prop::sample::Index>(),
        ) {
            let mut bytes = text(&floors(6));
            for (at, byte) in edits {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            bytes.truncate(cut.index(bytes.len()) + 1);
            if let Ok(recorded) = read(bytes.as_slice()) {
                let report = recorded.into_report();
                prop_assert!(report.timeline.samples.len() <= 6);
            }
        }

        #[test]
        fn wild_numbers_never_panic(numbers in prop::collection::vec((any::<u64>(), -1e300..1e300f64), 1..30)) {
            let mut records = floors(1);
            for (big, work) in numbers {
                let Record::Floor(floor) = &floors(1)[1] else { unreachable!() };
                let mut floor = floor.clone();
                floor.row.heap_used = big;
                floor.row.heap_before_collection = big.rotate_left(7);
                floor.row.heap_total = big.rotate_left(31);
                floor.row.resident = Some(big.rotate_left(13));
                floor.row.requests = Some(big);
                floor.row.work = work;
                records.push(Record::Floor(floor));
            }
            let report = Recorded::try_from(records.as_slice()).unwrap().into_report();
            prop_assert!(report.rounds.len() > 1);
        }
    }
}
