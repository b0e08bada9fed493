//! All objects by class and properties, over all isolates.

use std::ops::ControlFlow;

use postmortem::answers::{self, ClassRow, hex};
use postmortem::heap::{Liveness, WalkReport};
use postmortem::object::ClassNames;
use serde::{Deserialize, Serialize};

use super::{Dead, PostmortemError};
use crate::open::CachePolicy;
use crate::open::cache::{Cache, Entry};

/// Of what is kept; a change of what is found or of how it is written makes another.
const ANSWER_VERSION: u32 = 1;

/// What is asked.
#[derive(Clone, Debug, Default)]
pub struct ObjectsQuestion {
    /// All that the memory holds, not only what is alive.
    pub garbage: bool,
    /// Only this class.
    pub class: Option<String>,
    /// Only objects with a property of this name.
    pub property: Option<String>,
}

/// A row, and the isolate that it is of.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ObjectRow {
    /// Class, count, sizes, representative, properties.
    #[serde(flatten)]
    pub row: ClassRow,
    /// Address of the isolate.
    pub isolate: String,
}

/// What is known of one isolate's heap.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct IsolateNote {
    /// Its address.
    pub isolate: String,
    /// What the walk met.
    #[serde(flatten)]
    pub walk: WalkReport,
    /// Whether V8 was collecting garbage: objects may be missing then, or be there twice.
    #[serde(default)]
    pub collecting: Option<bool>,
    /// What does not fit the layout; empty if all is well.
    pub problems: Vec<String>,
}

/// All rows.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ObjectsAnswer {
    /// Those with most objects first.
    pub classes: Vec<ObjectRow>,
    /// Objects in all rows.
    pub object_count: u64,
    /// Their own sizes together, bytes.
    pub shallow_size: u64,
    /// Whether garbage is counted too.
    pub garbage: bool,
    /// The heaps.
    pub isolates: Vec<IsolateNote>,
}

impl ObjectsAnswer {
    /// The rows that a question asks for, most objects first.
    fn only(mut self, question: &ObjectsQuestion) -> Self {
        self.classes.retain(|ObjectRow { row, .. }| {
            let class = question.class.as_ref().is_none_or(|class| *class == row.name);
            let property = question.property.as_ref();
            class && property.is_none_or(|property| row.properties.contains(property))
        });
        self.object_count = self.classes.iter().map(|row| row.row.count).sum();
        self.shallow_size = self.classes.iter().map(|row| row.row.shallow_size).sum();
        self
    }
}

/// The objects of all isolates, grouped; from the cache if the core was asked before. Beside the answer, why it could
/// not be kept for the next time, if that is so.
///
/// # Errors
/// If `progress` asks to stop.
pub fn find_objects(
    dead: &Dead,
    question: &ObjectsQuestion,
    cache: &CachePolicy,
    progress: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<(ObjectsAnswer, Option<String>), PostmortemError> {
    let kind = if question.garbage { "garbage" } else { "live" };
    let entry = entry(dead, cache);
    let kept = entry.as_ref().and_then(|entry| entry.load_answer(kind, ANSWER_VERSION));
    if let Some(answer) = kept.and_then(|bytes| serde_json::from_slice::<ObjectsAnswer>(&bytes).ok()) {
        return Ok((answer.only(question), None));
    }
    let answer = walk(dead, question.garbage, progress)?;
    let problem = entry.and_then(|entry| {
        let bytes = serde_json::to_vec(&answer).map_err(std::io::Error::other);
        let kept = bytes.and_then(|bytes| entry.keep_answer(kind, ANSWER_VERSION, &bytes));
        kept.err().map(|error| format!("the answer was not kept for the next command: {error}"))
    });
    Ok((answer.only(question), problem))
}

/// The core's place in the cache; a process's copy has none.
fn entry(dead: &Dead, cache: &CachePolicy) -> Option<Entry> {
    let CachePolicy::On(settings) = cache else { return None };
    let file = std::fs::File::open(dead.path.as_ref()?).ok()?;
    Cache::new(settings.clone()).entry(&file).ok()?
}

fn walk(
    dead: &Dead,
    garbage: bool,
    progress: &mut dyn FnMut() -> ControlFlow<()>,
) -> Result<ObjectsAnswer, PostmortemError> {
    let mut classes = Vec::new();
    let mut isolates = Vec::new();
    for isolate in dead.isolates() {
        if progress().is_break() {
            return Err(PostmortemError::Interrupted);
        }
        let heap = dead.heap(isolate);
        let address = hex(isolate.address);
        let problems = heap.roots.check(&heap);
        let collecting = isolate.collecting;
        isolates.push(IsolateNote { isolate: address.clone(), walk: heap.report(), collecting, problems });
        let live = (!garbage).then(|| Liveness::mark(&heap));
        let names = ClassNames::new(&heap);
        let found = answers::find_objects(&heap, &names, live.as_ref(), progress)
            .ok_or(PostmortemError::Interrupted)?;
        classes.extend(found.classes.into_iter().map(|row| ObjectRow { row, isolate: address.clone() }));
    }
    classes.sort_by(|a, b| b.row.count.cmp(&a.row.count).then_with(|| a.row.name.cmp(&b.row.name)));
    Ok(ObjectsAnswer {
        object_count: classes.iter().map(|row| row.row.count).sum(),
        shallow_size: classes.iter().map(|row| row.row.shallow_size).sum(),
        garbage,
        classes,
        isolates,
    })
}
