//! From the snapshots of a run to suspects: what grew, who holds it, and the file and line.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use heap_graph::{
    AccumulationKind, Analysis, GrowthByOwner, HeapGraph, Moment, NodeIndex, PathStep, Retainers,
    describe_path, suspects,
};
use leak_verdict::{Clues, GraphGrowth, KnownCase, Verdict, Word};
use source_culprit::{Confidence, Culprit, GraphView, Script, ScriptInfo, SourceMapRef, Sources};

use crate::run::{
    Attribute, CodePlace, LARGEST_SOURCE, MissingPart, ProgramFiles, ScriptSource, ScriptSources, Snapshot,
    Suspect,
};

/// Most suspects whose source is searched.
const MAX_SUSPECTS: usize = 6;
/// Scripts of which the source is asked for; a program of more modules than that is searched in part.
const MAX_SCRIPTS: usize = 3000;
/// A suspect below this part of the largest one's bytes is not told.
const MIN_PORTION: u64 = 50;

/// Names suspects from snapshots.
#[derive(Debug, Default)]
pub struct Attributor {
    /// Files below this folder are named relative to it.
    pub folder: Option<PathBuf>,
    /// Leaves out what is known of leaks in libraries: only words are added by it.
    pub without_known_cases: bool,
}

impl Attribute for Attributor {
    fn attribute(
        &mut self,
        verdict: &mut Verdict,
        mut snapshots: Vec<Snapshot>,
        sources: &mut dyn ScriptSources,
    ) -> Vec<Suspect> {
        if snapshots.len() < 2 || matches!(verdict.word, Word::NoLeak | Word::LazyGc | Word::NativeGrowth) {
            return Vec::new();
        }
        // Only ids and marks of the earlier ones are needed; the last one is analysed.
        let marks = snapshots.iter().map(|snapshot| snapshot.work).collect::<Vec<f64>>();
        let Some(last) = snapshots.pop() else { return Vec::new() };
        let Ok(analysis) = Analysis::new(&last.graph, &mut |_| ControlFlow::Continue(())) else {
            return Vec::new();
        };
        let Ok(retainers) = Retainers::new(&last.graph) else { return Vec::new() };
        let moments: Vec<Moment<'_>> =
            snapshots.iter().chain([&last]).map(|snapshot| Moment { graph: &snapshot.graph }).collect();
        let found = suspects(&moments, &analysis, &retainers);
        let largest = found.iter().map(heap_graph::Suspect::total_bytes).max().unwrap_or(0);
        let told: Vec<heap_graph::Suspect> = found
            .into_iter()
            .filter(|suspect| suspect.total_bytes() * MIN_PORTION >= largest)
            .take(MAX_SUSPECTS)
            .collect();
        let since = snapshots[0].graph.max_js_id();
        let heap = Heap { graph: &last.graph, retainers: &retainers, since };
        let texts = Texts::gather(sources);
        let work = marks[marks.len() - 1] - marks[0];
        let answers =
            told.iter().map(|suspect| self.suspect(&heap, &texts, suspect, work)).collect::<Vec<Suspect>>();
        let answers = merged(answers);
        let growth = heap_graph::growth_by_owner(&snapshots[0].graph, &last.graph);
        let held = answers.iter().filter(|answer| answer.grew_every_time).map(|answer| answer.bytes).sum();
        if let Some(text) = not_objects(verdict, growth, held, work) {
            verdict.is_warm_up(text);
            return Vec::new();
        }
        if !goes_on(verdict, &told, &marks) {
            bear_out(verdict, &answers);
        }
        answers
    }
}

struct Heap<'a> {
    graph: &'a HeapGraph,
    retainers: &'a Retainers,
    /// The newest id of the first snapshot.
    since: u64,
}

impl Attributor {
    fn suspect(&self, heap: &Heap<'_>, texts: &Texts, suspect: &heap_graph::Suspect, work: f64) -> Suspect {
        let culprit = locate(heap, texts, suspect);
        let per = |value: u64| (work > 0.0).then(|| value as f64 / work);
        let library = |place: &CodePlace| source_culprit::is_library(&place.file);
        let owner = culprit.owner.as_ref().map(|place| CodePlace {
            file: place.file.clone(),
            line: place.line,
            symbol: Some(place.symbol.clone()),
            text: None,
            excerpt: Vec::new(),
        });
        let statement = |statement: &source_culprit::Statement| CodePlace {
            file: statement.file.clone(),
            line: statement.line,
            symbol: statement.function.clone(),
            text: Some(statement.text.clone()),
            excerpt: Vec::new(),
        };
        let added_at = culprit.added_at.as_ref().map(statement);
        let app_owner = culprit.app_owner.as_ref().map(|place| CodePlace {
            file: place.file.clone(),
            line: place.line,
            symbol: Some(place.symbol.clone()),
            text: None,
            excerpt: Vec::new(),
        });
        let mut answer = Suspect {
            class: suspect.class.clone(),
            in_library: owner.as_ref().is_some_and(library),
            holder: match suspect.kind {
                AccumulationKind::Handles => "V8's roots".to_owned(),
                _ => heap.graph.name(suspect.holder).to_owned(),
            },
            kind: suspect.kind,
            owner: owner.map(|place| self.relative(place)),
            added_at: added_at.map(|place| self.relative(place)),
            app_owner: app_owner.map(|place| self.relative(place)),
            app_statement: culprit.app_statement.as_ref().map(statement).map(|place| self.relative(place)),
            also: culprit.also.iter().take(4).map(statement).map(|place| self.relative(place)).collect(),
            certain: culprit.confidence == Confidence::Exact,
            path: path_words(heap.graph, suspect),
            signature: suspect.signature.clone(),
            count: suspect.count(),
            bytes: suspect.total_bytes(),
            count_per_request: per(suspect.count()),
            bytes_per_request: per(suspect.total_bytes()),
            grew_every_time: suspect.grew_every_time() && !suspect.is_exchange(),
            evidence: Vec::new(),
            missing: missing(&culprit),
            known: None,
            allocated_at: allocated_at(heap.graph, suspect)
                .into_iter()
                .map(|place| self.relative(place))
                .collect(),
        };
        answer.evidence = evidence(suspect, &answer);
        if !self.without_known_cases {
            answer.known = known(&answer);
        }
        answer
    }

    /// Names a file relative to the folder where the program was started.
    fn relative(&self, mut place: CodePlace) -> CodePlace {
        let below =
            self.folder.as_deref().and_then(|folder| Path::new(&place.file).strip_prefix(folder).ok());
        if let Some(below) = below {
            place.file = below.to_string_lossy().into_owned();
        }
        place
    }
}

/// Searches the sources for the suspect's owner and statement.
fn locate(heap: &Heap<'_>, texts: &Texts, suspect: &heap_graph::Suspect) -> Culprit {
    // Below a variable or a field the collection itself is made anew again and again; it is what is searched.
    let through = matches!(suspect.kind, AccumulationKind::Variable | AccumulationKind::Field);
    let (point, steps): (NodeIndex, Vec<&PathStep>) = match suspect.inside.first() {
        Some(first) if through => (first.edge.to, suspect.path.iter().chain([first]).collect()),
        // What only native handles hold has no collection: one of the things themselves is searched.
        _ if suspect.kind == AccumulationKind::Handles => (suspect.top, suspect.path.iter().collect()),
        _ => (suspect.holder, suspect.path.iter().collect()),
    };
    let path: Vec<(NodeIndex, heap_graph::Edge)> =
        steps.into_iter().map(|step| (step.node, step.edge)).collect();
    let retainers = |node| heap.retainers.of(node).iter().map(|&from| NodeIndex(from)).collect();
    let is_library =
        |script| texts.infos.get(&script).is_none_or(|url| url.is_empty() || source_culprit::is_library(url));
    let view = GraphView { graph: heap.graph, retainers: &retainers, is_library: &is_library };
    let mut evidence = source_culprit::from_graph(&view, point, &path);
    let kept = source_culprit::kept_functions(&view, suspect.top, heap.since);
    // What the newest thing keeps is nearer to the matter than what all of them have.
    evidence.growing.functions.splice(0..0, kept);
    evidence.growing.brought_by = source_culprit::brought_by(&view, suspect.top, heap.since);
    source_culprit::locate(&evidence, texts)
}

/// The path as a list of steps, for people.
fn path_words(graph: &HeapGraph, suspect: &heap_graph::Suspect) -> Vec<String> {
    let whole: Vec<PathStep> = suspect.path.iter().chain(&suspect.inside).copied().collect();
    let mut words: Vec<String> = describe_path(graph, &whole).split(" → ").map(str::to_owned).collect();
    if suspect.kind == AccumulationKind::Dictionary {
        hide_keys(&mut words, &suspect.signature);
    }
    words
}

/// The keys of an object that is used as a dictionary are data, session ids for one. The signature has `.*` there.
fn hide_keys(words: &mut [String], signature: &str) {
    let Some(before) = signature.split(" .*").next().filter(|before| before.len() < signature.len()) else {
        return;
    };
    let class = before.rsplit(' ').next().unwrap_or_default();
    let is_key = |word: &&mut String| word.strip_prefix(class).is_some_and(|rest| rest.starts_with(" ."));
    if let Some(word) = words.iter_mut().rev().find(is_key) {
        *word = format!("{class} .*");
    }
}

fn missing(culprit: &Culprit) -> Vec<MissingPart> {
    let reason = || {
        let notes: Vec<String> = culprit.notes.iter().map(ToString::to_string).collect();
        if notes.is_empty() { "nothing in the sources matches".to_owned() } else { notes.join("; ") }
    };
    let mut missing = Vec::new();
    for (part, is_known) in [("owner", culprit.owner.is_some()), ("added_at", culprit.added_at.is_some())] {
        if !is_known {
            missing.push(MissingPart { part: part.to_owned(), reason: reason() });
        }
    }
    missing
}

fn evidence(suspect: &heap_graph::Suspect, answer: &Suspect) -> Vec<String> {
    let windows: Vec<String> = suspect.counts.iter().map(u64::to_string).collect();
    let mut lines = vec![format!(
        "{} {} made since the first snapshot still live, by window: {}",
        suspect.count(),
        suspect.class,
        windows.join(", ")
    )];
    if !suspect.with.is_empty() {
        let with: Vec<String> =
            suspect.with.iter().map(|(class, count)| format!("{count} {class}")).collect();
        lines.push(format!("with them: {}", with.join(", ")));
    }
    if suspect.is_exchange() {
        lines.push("about as many were taken out as were put in: it exchanges, it does not grow".to_owned());
    }
    if !answer.grew_every_time {
        lines.push("it did not grow in every window, so it may be no leak".to_owned());
    }
    lines
}

/// The stack that allocated the sample, if the snapshot knows it.
fn allocated_at(graph: &HeapGraph, suspect: &heap_graph::Suspect) -> Vec<CodePlace> {
    const DEEPEST: usize = 12;
    let traces = graph.traces();
    let trace = [suspect.sample, suspect.top]
        .into_iter()
        .filter_map(|node| traces.node_trace.get(node.index()).copied())
        .find(|&trace| trace != 0);
    let Some(trace) = trace else { return Vec::new() };
    let text = |index: u32| graph.strings().get(index).unwrap_or_default().to_owned();
    let place = |position: usize| {
        let function = traces.functions.get(traces.tree.get(position)?.function as usize)?;
        let (name, file) = (text(function.name), text(function.script_name));
        let symbol = (!name.is_empty()).then_some(name);
        // The tree's own root has neither.
        (!file.is_empty()).then(|| CodePlace {
            file: source_culprit::to_file(&file),
            line: function.line.saturating_add(1),
            symbol,
            text: None,
            excerpt: Vec::new(),
        })
    };
    traces.stack(trace).into_iter().filter_map(place).take(DEEPEST).collect()
}

/// Holds a suspect against the known cases.
fn known(suspect: &Suspect) -> Option<KnownCase> {
    let places = [&suspect.owner, &suspect.added_at, &suspect.app_owner, &suspect.app_statement];
    let places: Vec<&CodePlace> = places.into_iter().flatten().chain(&suspect.also).collect();
    let files: Vec<&str> = places.iter().map(|place| place.file.as_str()).collect();
    let texts: Vec<&str> =
        places.iter().flat_map(|place| [place.text.as_deref(), place.symbol.as_deref()]).flatten().collect();
    let kind = suspect.kind.to_string();
    leak_verdict::known_case(&Clues { files: &files, texts: &texts, class: &suspect.class, kind: &kind })
}

/// Puts together what one statement adds to one owner: listeners for three events are one leak, not three.
fn merged(suspects: Vec<Suspect>) -> Vec<Suspect> {
    let mut out: Vec<Suspect> = Vec::new();
    for suspect in suspects {
        let same = |known: &&mut Suspect| {
            known.owner.is_some()
                && known.added_at.is_some()
                && (&known.owner, &known.added_at) == (&suspect.owner, &suspect.added_at)
        };
        let Some(known) = out.iter_mut().find(same) else {
            out.push(suspect);
            continue;
        };
        let also =
            format!("the same statement also adds {} {} by {}", suspect.count, suspect.class, suspect.holder);
        known.bytes += suspect.bytes;
        known.bytes_per_request =
            known.bytes_per_request.zip(suspect.bytes_per_request).map(|(one, other)| one + other);
        known.grew_every_time |= suspect.grew_every_time;
        known.evidence.push(also);
    }
    out
}

/// What says that the growth is not the program's objects, if it is so: code alone, or nothing that is reachable.
/// `growth` is what the first and the last snapshot differ by, `held` the bytes that suspects gained, and `work` was
/// done between the two.
fn not_objects(verdict: &Verdict, growth: GrowthByOwner, held: u64, work: f64) -> Option<String> {
    const MOST: f64 = 0.75;
    const LEAST_HELD: f64 = 0.25;
    let (total, engine, held) = (growth.total as f64, growth.engine as f64, held as f64);
    if verdict.word != Word::Leak {
        return None;
    }
    // A used heap also rises by holes that objects of the usual sizes do not fill, more so after a snapshot.
    let risen = verdict.growth.as_ref().map_or(0.0, |growth| growth.bytes_per_unit * work);
    let objects = (total - engine).max(held).max(0.0);
    if risen > 0.0 && objects < LEAST_HELD * risen {
        return Some(format!(
            "of {:.0} KB by which the floor rose between the first and the last snapshot, the program's objects account \
             for {:.0} KB, and what V8 makes of code that gets hot for {:.0} KB: the program holds no more than before",
            risen / 1024.0,
            objects / 1024.0,
            engine.max(0.0) / 1024.0
        ));
    }
    let is_code = total > 0.0 && engine > MOST * total && held < LEAST_HELD * total;
    is_code.then(|| {
        format!(
            "{:.0} % of what grew between the first and the last snapshot is code, feedback and hidden classes that \
             V8 makes while functions get hot; the program's own objects do not account for it",
            (100.0 * engine / total).min(100.0)
        )
    })
}

/// Whether what grew in all windows says that the bound which the floors show is none. `marks` is the work done at each
/// snapshot.
fn goes_on(verdict: &mut Verdict, suspects: &[heap_graph::Suspect], marks: &[f64]) -> bool {
    let growing = |suspect: &&heap_graph::Suspect| suspect.grew_every_time() && !suspect.is_exchange();
    let Some(largest) = suspects.iter().find(growing) else { return false };
    let bytes = |window: usize| suspects.iter().filter(growing).filter_map(|s| s.bytes.get(window)).sum();
    let windows =
        marks.windows(2).enumerate().map(|(window, marks)| (bytes(window), marks[1] - marks[0])).collect();
    let unit = verdict.unit;
    verdict.goes_on(&GraphGrowth { windows }, |rate| {
        format!(
            "the floors seem to reach a bound, but the heap graph shows {rate:.0} bytes more per {} in each window \
             between snapshots, to the last: {} {}",
            unit.singular(),
            largest.count(),
            largest.class
        )
    })
}

/// Adds what the graph shows to the verdict's evidence. Only what grew in every window says that something leaks.
fn bear_out(verdict: &mut Verdict, suspects: &[Suspect]) {
    let growing = suspects.iter().find(|suspect| suspect.grew_every_time);
    let Some(told) = growing.or(suspects.first().filter(|_| !verdict.word.is_leak())) else {
        verdict.is_not_borne_out("the heap graph shows nothing that grew in every window between snapshots");
        return;
    };
    let counted =
        told.count_per_request.map(|count| format!(" ({count:.2} per request)")).unwrap_or_default();
    verdict.confirm_by_graph(format!(
        "the heap graph shows {} more {}{counted} held by {} ({})",
        told.count, told.class, told.holder, told.kind
    ));
}

/// Sources of the program, gathered once.
struct Texts {
    infos: BTreeMap<u32, String>,
    scripts: BTreeMap<u32, ScriptSource>,
    files: ProgramFiles,
}

impl Texts {
    fn gather(sources: &mut dyn ScriptSources) -> Texts {
        let infos: BTreeMap<u32, String> =
            sources.scripts().into_iter().map(|script| (script.script_id, script.url)).collect();
        // The application first, then its packages, then Node's own.
        let rank = |url: &str| match url {
            "" => 3,
            url if url.starts_with("node:") => 2,
            url if source_culprit::is_library(url) => 1,
            _ => 0,
        };
        let ordered: BTreeSet<(u8, u32)> = infos.iter().map(|(&id, url)| (rank(url), id)).collect();
        let wanted: Vec<u32> = ordered.into_iter().map(|(_, id)| id).take(MAX_SCRIPTS).collect();
        let scripts =
            sources.script_sources(&wanted).into_iter().map(|script| (script.script_id, script)).collect();
        Texts { infos, scripts, files: sources.files() }
    }
}

impl Sources for Texts {
    fn script(&self, script_id: u32) -> Option<Script> {
        let script = self.scripts.get(&script_id)?;
        let map = &script.source_map_url;
        Some(Script {
            url: script.url.clone(),
            text: script.source.clone(),
            source_map: (!map.is_empty()).then(|| SourceMapRef::Url(map.clone())),
        })
    }

    fn scripts(&self) -> Vec<ScriptInfo> {
        self.infos.iter().map(|(&id, url)| ScriptInfo { id, url: url.clone() }).collect()
    }

    fn read_file(&self, path_or_url: &str) -> Option<String> {
        self.files.read(Path::new(&source_culprit::to_file(path_or_url)), LARGEST_SOURCE)
    }
}

#[cfg(test)]
mod tests {
    use leak_verdict::{Grade, Growth, GrowthPlace, WorkUnit};

    use super::*;

    /// A leak of 28 bytes for each of 8000 units of work: 224 kB.
    fn leak() -> Verdict {
        Verdict {
            word: Word::Leak,
            grade: Grade::Moderate,
            unit: WorkUnit::Request,
            growth: Some(Growth {
                place: GrowthPlace::Heap,
                bytes_per_unit: 28.0,
                low: 25.0,
                high: 33.0,
                total_bytes: 340_000.0,
                units_to_heap_limit: None,
            }),
            native_kind: None,
            detection_limit: None,
            floors: None,
            evidence: Vec::new(),
            advice: Vec::new(),
        }
    }

    #[test]
    fn what_no_object_of_the_program_accounts_for_is_no_leak() {
        let says = |total, engine, held| not_objects(&leak(), GrowthByOwner { total, engine }, held, 8000.0);
        // Holes; holes and code, neither of which is most of it; code.
        for (total, engine, held) in [(20_000, 5_000, 0), (90_000, 50_000, 0), (400_000, 330_000, 70_000)] {
            assert!(says(total, engine, held).is_some(), "{total} {engine} {held}");
        }
        // The program's objects; few beside code, but held by one that grows.
        for (total, engine, held) in [(224_000, 40_000, 0), (90_000, 80_000, 60_000)] {
            assert_eq!(says(total, engine, held), None, "{total} {engine} {held}");
        }
        let cache = Verdict { word: Word::BoundedCache, ..leak() };
        assert_eq!(not_objects(&cache, GrowthByOwner { total: 0, engine: 0 }, 0, 8000.0), None);
    }

    fn suspect(class: &str, grew_every_time: bool) -> Suspect {
        Suspect {
            class: class.to_owned(),
            holder: "Array".to_owned(),
            kind: AccumulationKind::Array,
            owner: None,
            added_at: None,
            app_owner: None,
            app_statement: None,
            also: Vec::new(),
            certain: false,
            in_library: false,
            path: Vec::new(),
            signature: String::new(),
            count: 400,
            bytes: 300_000,
            count_per_request: Some(0.33),
            bytes_per_request: None,
            grew_every_time,
            evidence: Vec::new(),
            missing: Vec::new(),
            known: None,
            allocated_at: Vec::new(),
        }
    }

    #[test]
    fn only_what_grew_every_time_bears_a_leak_out() {
        let after = |mut verdict: Verdict, suspects: &[Suspect]| {
            bear_out(&mut verdict, suspects);
            (verdict.word, verdict.evidence.pop().map(|evidence| evidence.text))
        };
        let (word, text) = after(leak(), &[suspect("Buffer", false), suspect("Order", true)]);
        assert_eq!(word, Word::Leak);
        assert!(text.unwrap().contains("400 more Order (0.33 per request)"));
        assert_eq!(after(leak(), &[suspect("Buffer", false)]).0, Word::Inconclusive);
        let cache = Verdict { word: Word::BoundedCache, ..leak() };
        let (word, text) = after(cache, &[suspect("Buffer", false)]);
        assert_eq!(word, Word::BoundedCache);
        assert!(text.unwrap().contains("400 more Buffer"));
    }

    #[test]
    fn keys_of_dictionaries_are_not_told() {
        let mut words = ["Store .sessions", "Object .a-session-id", "string"].map(str::to_owned);
        hide_keys(&mut words, "Store .sessions Object .*");
        assert_eq!(words, ["Store .sessions", "Object .*", "string"]);
        hide_keys(&mut words, "Store .sessions");
        assert_eq!(words[0], "Store .sessions");
    }
}
