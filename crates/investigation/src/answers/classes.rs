//! Classes: DevTools' Summary view.

use heap_graph::{ClassRow, Filter};
use serde::Serialize;

use super::{AnswerError, Place, View};
use crate::open::{Heap, Progress};

/// Which objects to count, as DevTools' filters name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Only {
    /// Held by nothing but closures' scopes.
    RetainedByContexts,
    /// Held by nothing but detached DOM nodes.
    RetainedByDetachedDom,
    /// Held by nothing but the DevTools console.
    RetainedByConsole,
    /// Held by nothing but event handlers of the DOM.
    RetainedByEventHandlers,
    /// Strings that exist more than once.
    DuplicatedStrings,
    /// What several realms reach.
    SharedNativeContext,
    /// What no realm reaches.
    NoNativeContext,
}

impl Only {
    fn filter(self) -> Filter {
        match self {
            Only::RetainedByContexts => Filter::RetainedByContexts,
            Only::RetainedByDetachedDom => Filter::RetainedByDetachedDom,
            Only::RetainedByConsole => Filter::RetainedByConsole,
            Only::RetainedByEventHandlers => Filter::RetainedByEventHandlers,
            Only::DuplicatedStrings => Filter::DuplicatedStrings,
            Only::SharedNativeContext => Filter::SharedNativeContext,
            Only::NoNativeContext => Filter::NoNativeContext,
        }
    }
}

/// What to sort by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Retained size, the largest first.
    Retained,
    /// Shallow size, the largest first.
    Shallow,
    /// Count, the highest first.
    Count,
    /// Distance, the nearest first.
    Distance,
    /// Name.
    Name,
}

/// What is asked.
#[derive(Clone, Debug)]
pub struct Question {
    /// Count only these.
    pub only: Option<Only>,
    /// Only classes whose name contains this, whatever the case.
    pub matching: Option<String>,
    /// Sorted by this.
    pub order: Order,
    /// At most so many; `None` for all.
    pub top: Option<usize>,
}

/// One class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Class {
    /// Its name; several may share one.
    pub name: String,
    /// How many objects.
    pub count: u64,
    /// Their shallow sizes together.
    pub shallow_size: u64,
    /// What would be freed with all of them.
    pub retained_size: u64,
    /// Where the constructor stands, for objects that have one.
    pub location: Option<Place>,
    /// The smallest distance.
    pub distance: i32,
}

/// The classes of a heap.
#[derive(Clone, Debug, Serialize)]
pub struct Classes {
    /// The filter.
    pub filter: Option<Only>,
    /// Bytes of the whole heap.
    pub total_size: u64,
    /// Classes that match, those beyond the limit too.
    pub class_count: usize,
    /// The rows.
    pub classes: Vec<Class>,
}

/// Answers which classes there are.
///
/// # Errors
/// If the heap can't be analysed.
pub fn classes(heap: &Heap, question: &Question, progress: Progress<'_>) -> Result<Classes, AnswerError> {
    let graph = heap.graph();
    let analysis = heap.analysis(progress)?;
    let view = View::new(graph, analysis, false);
    let filtered = question.only.map(|only| {
        let nodes = analysis.filter(graph, only.filter());
        analysis.class_rows_of(graph, &nodes)
    });
    let mut rows: Vec<&ClassRow> = filtered.as_deref().unwrap_or(analysis.class_rows()).iter().collect();
    let name = |row: &ClassRow| analysis.class_key(row.class).name.as_str();
    if let Some(wanted) = &question.matching {
        let wanted = wanted.to_lowercase();
        rows.retain(|row| name(row).to_lowercase().contains(&wanted));
    }
    match question.order {
        Order::Retained => rows.sort_by_key(|row| std::cmp::Reverse(row.retained_size)),
        Order::Shallow => rows.sort_by_key(|row| std::cmp::Reverse(row.shallow_size)),
        Order::Count => rows.sort_by_key(|row| std::cmp::Reverse(row.count)),
        Order::Distance => rows.sort_by_key(|row| row.distance),
        Order::Name => rows.sort_by(|a, b| name(a).cmp(name(b))),
    }
    let class_count = rows.len();
    rows.truncate(question.top.unwrap_or(usize::MAX));
    let class = |row: &ClassRow| {
        let key = analysis.class_key(row.class);
        Class {
            name: key.name.clone(),
            count: row.count,
            shallow_size: row.shallow_size,
            retained_size: row.retained_size,
            location: key.location.map(|location| view.place(location)),
            distance: row.distance,
        }
    };
    Ok(Classes {
        filter: question.only,
        total_size: analysis.statistics().total,
        class_count,
        classes: rows.into_iter().map(class).collect(),
    })
}
