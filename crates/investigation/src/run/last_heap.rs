//! What the snapshot of a process that ran out of memory says by itself.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{
    answers::{
        AnswerError,
        heavy::Heavy,
        missing::{Missing, missing},
        summary::{Summary, summary},
    },
    open::{OpenOptions, open},
};

/// Rows of the lists, and how many of them are told at once.
const TOP: usize = 10;
const TOLD: usize = 5;

/// What was in a heap when memory ran out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastHeap {
    /// Nodes.
    pub nodes: u64,
    /// Their bytes together; `None` when the file does not have all edges.
    pub total_size: Option<u64>,
    /// Who holds a tenth of it or more, the largest first.
    pub suspects: Vec<Holder>,
    /// All that was read of it, for whoever tells more of it: it may have taken long.
    #[serde(skip)]
    pub whole: FirstLook,
}

/// The first look at a snapshot; absent where it comes from a report that was written down.
#[derive(Debug, Clone, Default)]
pub struct FirstLook(pub Option<Arc<(Summary, Option<Missing>)>>);

/// Two looks at the same file show the same: it is the rest that tells heaps apart.
impl PartialEq for FirstLook {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for FirstLook {}

/// Who holds a large part of a heap.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Its class.
    pub class: String,
    /// How many objects: one that holds, or all of a class that hold as much together.
    pub count: u64,
    /// Bytes that would be free without it.
    pub retained_size: u64,
    /// How the roots reach it, in words; `None` for all objects of a class.
    pub path: Option<String>,
}

/// Reads a snapshot and says what is in it. `goes_on` is asked now and then.
pub(super) fn look(path: &Path, goes_on: &dyn Fn() -> bool) -> Result<LastHeap, AnswerError> {
    let go = || if goes_on() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    let heap = open(&path.to_string_lossy(), &OpenOptions::default(), &mut |_| go())?;
    let answer = summary(&heap, TOP, false, &mut |_| go())?;
    let analysed = answer.analysed.as_ref();
    Ok(LastHeap {
        nodes: answer.node_count,
        total_size: analysed.map(|whole| whole.statistics.total),
        suspects: analysed.map_or_else(Vec::new, |whole| holders(&whole.suspects)),
        whole: FirstLook(Some(Arc::new((answer, missing(&heap))))),
    })
}

fn holders(heavy: &Heavy) -> Vec<Holder> {
    let objects = heavy.objects.iter().map(|object| Holder {
        class: object.node.class.clone(),
        count: 1,
        retained_size: object.node.retained_size,
        path: Some(object.path.clone()),
    });
    let classes = heavy.classes.iter().map(|class| Holder {
        class: class.class.clone(),
        count: class.count,
        retained_size: class.retained_size,
        path: None,
    });
    objects.chain(classes).take(TOLD).collect()
}
