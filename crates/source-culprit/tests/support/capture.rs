//! Real snapshots with the scripts of the program they came from.
#![allow(unreachable_pub, reason = "shared by test files")]

use std::collections::HashMap;
use std::fs::File;
use std::ops::ControlFlow;
use std::path::Path;

use heap_graph::{Edge, EdgeKind, HeapGraph, NodeIndex, ReadOptions, read};
use source_culprit::{
    Evidence, GraphView, Script, ScriptInfo, SourceMapRef, Sources, from_graph, is_library,
};

pub struct Captured {
    pub graph: HeapGraph,
    pub scripts: HashMap<u32, Script>,
    incoming: Vec<Vec<u32>>,
    parents: Vec<Option<(NodeIndex, Edge)>>,
}

impl Sources for Captured {
    fn script(&self, script_id: u32) -> Option<Script> {
        self.scripts.get(&script_id).cloned()
    }
    fn scripts(&self) -> Vec<ScriptInfo> {
        let mut all: Vec<_> =
            self.scripts.iter().map(|(id, script)| ScriptInfo { id: *id, url: script.url.clone() }).collect();
        all.sort_by_key(|info| info.id);
        all
    }
    fn read_file(&self, path_or_url: &str) -> Option<String> {
        std::fs::read_to_string(path_or_url).ok()
    }
}

pub fn load_graph(file: &Path) -> HeapGraph {
    let source = File::open(file).expect("the snapshot was written");
    read(source, &ReadOptions::default(), &mut |_| ControlFlow::Continue(())).expect("a snapshot")
}

impl Captured {
    pub fn load(dir: &Path, name: &str) -> Self {
        let graph = load_graph(&dir.join(format!("{name}.heapsnapshot")));
        let text = std::fs::read_to_string(dir.join("scripts.json")).expect("scripts were written");
        let list: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let mut scripts = HashMap::new();
        for entry in list.as_array().expect("a list") {
            let text = |key: &str| entry[key].as_str().unwrap_or_default().to_owned();
            let map = text("map");
            let source_map = (!map.is_empty()).then_some(SourceMapRef::Url(map));
            let script = Script { url: text("url"), text: text("text"), source_map };
            scripts.insert(entry["id"].as_u64().expect("an id") as u32, script);
        }
        let mut incoming = vec![Vec::new(); graph.node_count()];
        for node in graph.nodes() {
            for edge in graph.edges(node) {
                let list: &mut Vec<u32> = &mut incoming[edge.to.index()];
                if list.last() != Some(&node.0) {
                    list.push(node.0);
                }
            }
        }
        let parents = shortest(&graph);
        Self { graph, scripts, incoming, parents }
    }

    pub fn retaining_path(&self, node: NodeIndex) -> Vec<(NodeIndex, Edge)> {
        let mut path = Vec::new();
        let mut at = node;
        while let Some((from, edge)) = self.parents[at.index()] {
            path.push((from, edge));
            at = from;
        }
        path.reverse();
        path
    }

    pub fn evidence(&self, point: NodeIndex) -> Evidence {
        self.evidence_with(point, &self.retaining_path(point))
    }

    pub fn evidence_without_path(&self, point: NodeIndex) -> Evidence {
        self.evidence_with(point, &[])
    }

    fn evidence_with(&self, point: NodeIndex, path: &[(NodeIndex, Edge)]) -> Evidence {
        let retainers = |node: NodeIndex| self.incoming[node.index()].iter().map(|n| NodeIndex(*n)).collect();
        let library = |id: u32| self.scripts.get(&id).is_none_or(|script| is_library(&script.url));
        let view = GraphView { graph: &self.graph, retainers: &retainers, is_library: &library };
        from_graph(&view, point, path)
    }
}

/// Breadth first from the root, weak edges aside.
fn shortest(graph: &HeapGraph) -> Vec<Option<(NodeIndex, Edge)>> {
    let mut parents = vec![None; graph.node_count()];
    let mut seen = vec![false; graph.node_count()];
    seen[0] = true;
    let mut queue = std::collections::VecDeque::from([NodeIndex::ROOT]);
    while let Some(node) = queue.pop_front() {
        for edge in graph.edges(node).filter(|edge| edge.kind != EdgeKind::Weak) {
            if !std::mem::replace(&mut seen[edge.to.index()], true) {
                parents[edge.to.index()] = Some((node, edge));
                queue.push_back(edge.to);
            }
        }
    }
    parents
}
