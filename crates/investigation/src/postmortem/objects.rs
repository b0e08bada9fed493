//! All objects by class and properties, over all isolates.

use std::ops::ControlFlow;

use postmortem::answers::{self, ClassRow, hex};
use postmortem::heap::{Liveness, WalkReport};
use postmortem::object::ClassNames;
use serde::Serialize;

use super::{Dead, PostmortemError};

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
#[derive(Clone, Debug, Serialize)]
pub struct ObjectRow {
    /// Class, count, sizes, representative, properties.
    #[serde(flatten)]
    pub row: ClassRow,
    /// Address of the isolate.
    pub isolate: String,
}

/// What is known of one isolate's heap.
#[derive(Clone, Debug, Serialize)]
pub struct IsolateNote {
    /// Its address.
    pub isolate: String,
    /// What the walk met.
    #[serde(flatten)]
    pub walk: WalkReport,
    /// What does not fit the layout; empty if all is well.
    pub problems: Vec<String>,
}

/// All rows.
#[derive(Clone, Debug, Serialize)]
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

/// Groups the objects of all isolates.
///
/// # Errors
/// If `progress` asks to stop.
pub fn find_objects(
    dead: &Dead,
    question: &ObjectsQuestion,
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
        isolates.push(IsolateNote { isolate: address.clone(), walk: heap.report(), problems });
        let live = (!question.garbage).then(|| Liveness::mark(&heap));
        let names = ClassNames::new(&heap);
        let found = answers::find_objects(&heap, &names, live.as_ref(), progress)
            .ok_or(PostmortemError::Interrupted)?;
        let wanted = |row: &ClassRow| {
            let class = question.class.as_ref().is_none_or(|class| *class == row.name);
            let property = question.property.as_ref();
            class && property.is_none_or(|property| row.properties.contains(property))
        };
        let rows = found.classes.into_iter().filter(wanted);
        classes.extend(rows.map(|row| ObjectRow { row, isolate: address.clone() }));
    }
    classes.sort_by(|a, b| b.row.count.cmp(&a.row.count).then_with(|| a.row.name.cmp(&b.row.name)));
    Ok(ObjectsAnswer {
        object_count: classes.iter().map(|row| row.row.count).sum(),
        shallow_size: classes.iter().map(|row| row.row.shallow_size).sum(),
        garbage: question.garbage,
        classes,
        isolates,
    })
}
