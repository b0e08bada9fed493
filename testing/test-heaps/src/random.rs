//! Random heaps for property tests: small, from a seed, full of what makes V8's graphs hard.
//!
//! Weak edges, shortcuts, ephemeron pairs, hidden and array nodes that belong to others, synthetic roots, native
//! nodes that are detached, orphans, unreachable cycles, self edges and parallel edges all occur.

use crate::{Layout, Node, TestHeap};

/// What to make. The same value makes the same heap; fewer nodes make a simpler one, so tests can shrink it.
#[derive(Clone, Debug)]
pub struct RandomHeap {
    /// Of the random numbers.
    pub seed: u64,
    /// How many nodes, from 1.
    pub nodes: usize,
    /// How many edges there are for ten nodes.
    pub edges_per_ten_nodes: usize,
    /// The layout to write.
    pub layout: Layout,
}

impl RandomHeap {
    /// A heap of a few edges a node, in the layout of Node 22.
    pub fn new(seed: u64, nodes: usize) -> Self {
        Self { seed, nodes, edges_per_ten_nodes: 22, layout: Layout::node22() }
    }

    /// Makes it.
    pub fn heap(&self) -> TestHeap {
        let random = Random(self.seed);
        let mut maker = Maker { heap: TestHeap::new(self.layout.clone()), random, roots: 1 };
        maker.roots();
        while maker.heap.node_count() < self.nodes.max(1) {
            maker.any_node();
        }
        maker.root_edges();
        for _ in 0..self.nodes * self.edges_per_ten_nodes / 10 {
            maker.any_edge();
        }
        for _ in 0..self.nodes / 12 {
            maker.ephemeron();
        }
        maker.heap
    }
}

/// Numbers from a seed (SplitMix64).
#[derive(Clone, Debug)]
pub struct Random(pub u64);

impl Random {
    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`, which is at least 1.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next_u64() % limit as u64) as usize
    }

    /// True once in `times`.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// One of `choices`.
    pub fn pick<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }
}

/// Kinds and names of nodes. Names that analyses treat specially stand beside ordinary ones.
const NODES: [(&str, &str); 30] = [
    ("object", "Object"),
    ("object", "Object"),
    ("object", "Foo"),
    ("object", "Bar"),
    ("object", "Array"),
    ("object", "__proto__"),
    ("object", "constructor"),
    ("object", "Map"),
    ("closure", "handler"),
    ("closure", ""),
    ("array", "(object elements)"),
    ("array", "(map descriptors)"),
    ("array", ""),
    ("hidden", "system / NativeContext"),
    ("hidden", "system / Context"),
    ("hidden", "system / PropertyCell"),
    ("object shape", "system / Map"),
    ("string", "a string"),
    ("string", "a string"),
    ("string", "another"),
    ("concatenated string", "(concatenated string)"),
    ("sliced string", "slice"),
    ("code", "(code)"),
    ("regexp", "a+"),
    ("number", "heap number"),
    ("symbol", "symbol"),
    ("bigint", "bigint"),
    ("native", "system / JSArrayBufferData"),
    ("native", "system / ExternalStringData"),
    ("native", "<div id=\"x\">"),
];

const SYNTHETIC: [&str; 6] = [
    "(GC roots)",
    "(Strong roots)",
    "(Handle scope)",
    "(Document DOM trees)",
    "(Global handles)",
    "Node / Environment",
];

const NAMES: [&str; 16] = [
    "a",
    "b",
    "next",
    "items",
    "__proto__",
    "map",
    "native_context",
    "elements",
    "first",
    "second",
    "0",
    "17",
    "sloppy_function_map",
    "x / DevTools console",
    "with, comma",
    "{brace",
];

struct Maker {
    heap: TestHeap,
    random: Random,
    /// How many of the first nodes are the root and the synthetic nodes under it.
    roots: usize,
}

impl Maker {
    fn roots(&mut self) {
        self.heap.node("synthetic", "", 1, 0);
        let count = self.random.below(SYNTHETIC.len() + 1);
        for (index, name) in SYNTHETIC.iter().take(count).enumerate() {
            self.heap.node("synthetic", *name, 3 + 2 * index as u64, 0);
        }
        self.roots = self.heap.node_count();
    }

    fn any_node(&mut self) {
        let ordinal = self.heap.node_count() as u64;
        let (kind, name) = *self.random.pick(&NODES);
        // As in V8: odd for what lives in the heap, even for what does not.
        let id = 2 * ordinal + u64::from(kind != "native");
        let size = match self.random.below(8) {
            0 => 0,
            1 => self.random.below(1 << 20) as u64,
            _ => 8 * (1 + self.random.below(64)) as u64,
        };
        let node = self.heap.node(kind, name, id, size);
        if kind == "native" {
            let state = self.random.below(3) as u64;
            self.heap.detachedness(node, state);
        }
        if matches!(kind, "object" | "closure") && self.random.one_in(3) {
            let (line, column) = (self.random.below(3) as u32, self.random.below(2) as u32);
            self.heap.location(node, 7, line, column);
        }
    }

    fn root_edges(&mut self) {
        let root = Node(0);
        for index in 1..self.roots {
            self.heap.edge(root, "element", index as u32, Node(index));
        }
        let rest = self.heap.node_count() - self.roots;
        if rest > 0 && !self.random.one_in(10) {
            let global = self.ordinary();
            self.heap.edge(root, "shortcut", "global", global);
        }
        for index in 1..self.roots {
            for number in 0..self.random.below(4).min(rest) {
                let to = self.ordinary();
                let kind = *self.random.pick(&["element", "hidden", "weak"]);
                self.labelled(Node(index), kind, number as u32, "root", to);
            }
        }
    }

    fn ordinary(&mut self) -> Node {
        let count = self.heap.node_count();
        if count == self.roots {
            Node(count - 1)
        } else {
            Node(self.roots + self.random.below(count - self.roots))
        }
    }

    fn any_edge(&mut self) {
        let from = self.ordinary();
        // Half of the edges stay near: long chains and small cycles; the others make the graph dense.
        let to = if self.random.one_in(2) {
            Node((from.0 + self.random.below(4)).min(self.heap.node_count() - 1))
        } else {
            self.ordinary()
        };
        let kinds = ["property", "property", "internal", "element", "hidden", "context", "weak", "shortcut"];
        let kind = *self.random.pick(&kinds);
        let mut name = *self.random.pick(&NAMES);
        // No real rope contains itself, and DevTools does not end on one that does.
        if matches!(name, "first" | "second") && self.heap.kind(to) == "concatenated string" {
            name = "a";
        }
        let index = self.random.below(9) as u32;
        self.labelled(from, kind, index, name, to);
    }

    fn labelled(&mut self, from: Node, kind: &str, index: u32, name: &str, to: Node) {
        match kind {
            "element" | "hidden" => self.heap.edge(from, kind, index, to),
            _ => self.heap.edge(from, kind, name, to),
        };
    }

    /// V8 writes an entry of a WeakMap as two edges of the same name: from the key and from the table.
    fn ephemeron(&mut self) {
        let (table, key, value) = (self.ordinary(), self.ordinary(), self.ordinary());
        let id = |node: Node| self.heap.id(node);
        let number = self.random.below(50) + 1;
        let name = format!(
            "{number} / part of key (Key @{}) -> value (Value @{}) pair in WeakMap (table @{})",
            id(key),
            id(value),
            id(table)
        );
        self.heap.edge(key, "internal", name.clone(), value);
        self.heap.edge(table, "internal", name, value);
    }
}
