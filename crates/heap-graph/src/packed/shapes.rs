//! Nodes whose kinds and whose edges' kinds and names are the same, one after the other: most nodes of a heap have one of
//! a few hundred such shapes.
//!
//! They are found as V8 finds the hidden class of an object: each edge leads from one state to the next, and all nodes that
//! have come to the same state have the same shape.

use rustc_hash::FxHashMap;

/// Nodes with more edges have no shape: mostly arrays, each of its own length.
pub(super) const MOST_EDGES: usize = 24;
/// So many states and shapes are told apart: some megabytes.
const MOST_STATES: usize = 1 << 16;
const MOST_SHAPES: usize = 1 << 14;

/// What edges are called: the kind in the lowest three bits, the name's index or the number above.
pub(super) type Label = u64;

/// No label: names have 32 bits.
const NO_LABEL: Label = Label::MAX;

/// A kind of nodes and the labels of their edges.
pub(super) struct Shape {
    pub(super) kind: u8,
    pub(super) labels: Box<[Label]>,
}

/// A number that goes on as it did: from one node of a shape to the next, names and targets are as far apart as the last
/// two were, where objects were made one after the other.
#[derive(Clone, Copy, Default)]
pub(super) struct Course {
    last: u32,
    step: u32,
}

impl Course {
    /// What is expected.
    #[inline]
    pub(super) fn next(self) -> u32 {
        self.last.wrapping_add(self.step)
    }

    /// How far a number is from the last one.
    #[inline]
    pub(super) fn ahead(self, number: u32) -> i64 {
        i64::from(number) - i64::from(self.last)
    }

    /// The number that is so far from the last one.
    #[inline]
    pub(super) fn behind(self, ahead: i64) -> u32 {
        self.last.wrapping_add(ahead as u32)
    }

    #[inline]
    pub(super) fn go_to(&mut self, number: u32) {
        *self = Self { last: number, step: number.wrapping_sub(self.last) };
    }
}

/// What is expected of the next node of a shape.
#[derive(Clone, Default)]
pub(super) struct Expected {
    pub(super) name: Course,
    pub(super) self_size: u64,
    pub(super) targets: Box<[Course]>,
}

impl Expected {
    fn of(shape: &Shape) -> Self {
        Self { targets: vec![Course::default(); shape.labels.len()].into(), ..Self::default() }
    }
}

/// The labels of a node so far.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct StateIndex(u32);

struct State {
    kind: u8,
    /// The last label, and where it led from.
    label: Label,
    before: StateIndex,
    depth: usize,
    /// Where the label led that came here last.
    latest: (Label, StateIndex),
    shape: Option<u32>,
}

/// With nothing expected yet.
pub(super) fn fresh(shapes: &[Shape]) -> Vec<Expected> {
    shapes.iter().map(Expected::of).collect()
}

/// All shapes.
#[derive(Default)]
pub(super) struct Shapes {
    pub(super) list: Vec<Shape>,
    pub(super) expected: Vec<Expected>,
    states: Vec<State>,
    /// Of nodes without edges, by their kind.
    starts: FxHashMap<u8, StateIndex>,
    steps: FxHashMap<(u32, Label), StateIndex>,
}

impl Shapes {
    /// The state of a node that has no edge yet.
    #[inline]
    pub(super) fn start(&mut self, kind: u8) -> StateIndex {
        if let Some(state) = self.starts.get(&kind) {
            return *state;
        }
        let state = self.new_state(kind, NO_LABEL, StateIndex::default(), 0);
        self.starts.insert(kind, state);
        state
    }

    /// The state behind one more edge; `None` if there are too many edges or too many states.
    #[inline]
    pub(super) fn step(&mut self, state: StateIndex, label: Label) -> Option<StateIndex> {
        let (latest, next) = self.states[state.0 as usize].latest;
        if latest == label { Some(next) } else { self.other_step(state, label) }
    }

    fn other_step(&mut self, state: StateIndex, label: Label) -> Option<StateIndex> {
        let next = match self.steps.get(&(state.0, label)) {
            Some(next) => *next,
            None => {
                let State { kind, depth, .. } = self.states[state.0 as usize];
                if depth == MOST_EDGES || self.states.len() >= MOST_STATES {
                    return None;
                }
                let next = self.new_state(kind, label, state, depth + 1);
                self.steps.insert((state.0, label), next);
                next
            }
        };
        self.states[state.0 as usize].latest = (label, next);
        Some(next)
    }

    fn new_state(&mut self, kind: u8, label: Label, before: StateIndex, depth: usize) -> StateIndex {
        let latest = (NO_LABEL, StateIndex::default());
        self.states.push(State { kind, label, before, depth, latest, shape: None });
        StateIndex(self.states.len() as u32 - 1)
    }

    /// The labels that lead to a state.
    pub(super) fn labels(&self, state: StateIndex) -> Box<[Label]> {
        let mut at = &self.states[state.0 as usize];
        let mut labels = vec![0; at.depth];
        for label in labels.iter_mut().rev() {
            *label = at.label;
            at = &self.states[at.before.0 as usize];
        }
        labels.into()
    }

    /// The place in the list of the shape of nodes that end in a state; `None` if there are too many.
    #[inline]
    pub(super) fn place(&mut self, state: StateIndex) -> Option<usize> {
        let shape = self.states[state.0 as usize].shape;
        shape.map(|place| place as usize).or_else(|| self.new_shape(state))
    }

    fn new_shape(&mut self, state: StateIndex) -> Option<usize> {
        let place = self.list.len();
        if place >= MOST_SHAPES {
            return None;
        }
        let labels = self.labels(state);
        let state = &mut self.states[state.0 as usize];
        let shape = Shape { kind: state.kind, labels };
        self.expected.push(Expected::of(&shape));
        self.list.push(shape);
        state.shape = Some(place as u32);
        Some(place)
    }
}
