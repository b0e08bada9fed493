//! Realms: the main program and the contexts of `vm`.

use heap_graph::NativeContexts;
use serde::Serialize;

use super::{NodeRef, View};

/// One realm.
#[derive(Clone, Debug, Serialize)]
pub struct Realm {
    /// Its native context.
    pub node: NodeRef,
    /// Shallow sizes of all that belongs to it alone.
    pub attributed_size: u64,
}

/// All realms.
#[derive(Clone, Debug, Serialize)]
pub struct Realms {
    /// Each of them, the largest first.
    pub realms: Vec<Realm>,
    /// How many there are.
    pub realm_count: usize,
    /// What several reach.
    pub shared_size: u64,
    /// What none reaches.
    pub unowned_size: u64,
}

/// Attributes memory to realms.
pub(crate) fn realms(view: &View<'_>, top: usize) -> Realms {
    let (mut sizes, shared_size, unowned_size) = NativeContexts::new(view.graph).sizes(view.analysis);
    let realm_count = sizes.len();
    sizes.sort_by_key(|size| (std::cmp::Reverse(size.attributed_size), size.node));
    sizes.truncate(top);
    let realm = |size: &heap_graph::ContextSize| Realm {
        node: view.node(size.node),
        attributed_size: size.attributed_size,
    };
    Realms { realms: sizes.iter().map(realm).collect(), realm_count, shared_size, unowned_size }
}
