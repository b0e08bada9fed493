//! The same commands on a heap snapshot, whose objects have ids instead of addresses.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use heap_graph::{Analysis, EdgeKind, HeapGraph, NodeIndex, NodeKind};
use investigation::open::Heap;
use postmortem::answers::{Member, MemberKind, Value, ValueKind};

use crate::CommandError;
use crate::answer::{Answer, Cell, Column, Section, Shown, Style, left, right};
use crate::options::Call;
use crate::wording;

/// A class, the names of its objects' properties, their ids, and their shallow size together.
type ClassRow = (String, Vec<String>, Vec<u64>, u64);

/// A snapshot that is asked again and again.
pub struct SnapshotSession<'d> {
    heap: &'d Heap,
    analysis: &'d Analysis,
    go_on: Box<dyn Fn() -> ControlFlow<()> + 'd>,
}

const ROWS: &[Column] = &[
    right("representative", "OBJECT"),
    right("count", "#OBJECTS"),
    right("property_count", "#PROPS"),
    left("class", "CONSTRUCTOR: PROPS"),
];
const IDS: &[Column] = &[left("id", "")];
const REFERENCES: &[Column] = &[left("from", ""), left("class", ""), left("how", "")];
const FUNCTIONS: &[Column] = &[right("function", "FUNC"), left("name", "NAME"), left("from", "FROM")];
const HISTOGRAM: &[Column] =
    &[right("instances", "Instances"), right("total_size", "Total Size"), left("name", "Name")];
const SHOWN_PROPERTIES: usize = 12;
/// So many objects' classes and properties are completed.
const SAMPLE: usize = 200_000;
const NO_NUMBERS: &str = "a snapshot leaves out properties that hold small integers";

impl<'d> SnapshotSession<'d> {
    /// Over a snapshot. Classes and sizes are computed now.
    ///
    /// # Errors
    /// If it cannot be analysed.
    pub fn new(heap: &'d Heap, go_on: Box<dyn Fn() -> ControlFlow<()> + 'd>) -> Result<Self, CommandError> {
        let analysis = heap.analysis(&mut |_| go_on());
        let analysis = analysis.map_err(|error| CommandError::failed(error.to_string()))?;
        Ok(Self { heap, analysis, go_on })
    }

    fn graph(&self) -> &'d HeapGraph {
        self.heap.graph()
    }

    /// Names of classes and properties, for completion.
    pub fn known_names(&self) -> Vec<String> {
        let graph = self.graph();
        let mut names = Vec::new();
        for node in graph.nodes().filter(|node| self.is_object(*node)).take(SAMPLE) {
            names.push(self.class(node));
            names.extend(self.properties(node).into_iter().map(|(name, _)| name));
        }
        names.sort_unstable();
        names.dedup();
        names
    }

    fn check(&self) -> Result<(), CommandError> {
        if (self.go_on)().is_break() { Err(CommandError::Interrupted) } else { Ok(()) }
    }

    /// The id that people write as `@123`, or `123`.
    pub(crate) fn node(&self, text: &str) -> Result<u64, CommandError> {
        text.strip_prefix('@').unwrap_or(text).parse().map_err(|_| {
            CommandError::usage(&format!(
                "{text}: objects of a heap snapshot have ids, such as @12345, no addresses"
            ))
        })
    }

    fn of(&self, call: &Call) -> Result<NodeIndex, CommandError> {
        let id = call.word()?;
        self.graph().find_id(id).ok_or_else(|| CommandError::failed(format!("there is no object @{id}")))
    }

    fn id(&self, node: NodeIndex) -> u64 {
        self.graph().id(node)
    }

    fn is_object(&self, node: NodeIndex) -> bool {
        matches!(self.graph().kind(node), NodeKind::Object | NodeKind::Closure | NodeKind::RegExp)
    }

    fn properties(&self, node: NodeIndex) -> Vec<(String, NodeIndex)> {
        let graph = self.graph();
        let own = graph.edges(node).filter(|edge| edge.kind == EdgeKind::Property);
        let named = own.map(|edge| (graph.edge_name(&edge).to_string(), edge.to));
        named.filter(|(name, _)| name != "__proto__").collect()
    }

    fn class(&self, node: NodeIndex) -> String {
        self.analysis.class_name(node).to_owned()
    }

    /// An object without members, and so many levels of them.
    fn value(&self, node: NodeIndex, depth: u64) -> Value {
        let graph = self.graph();
        let mut value = Value {
            address: None,
            kind: ValueKind::Object,
            class: None,
            text: None,
            length: None,
            members: Vec::new(),
            omitted: 0,
            missing: None,
        };
        match graph.kind(node) {
            NodeKind::String | NodeKind::ConcatenatedString | NodeKind::SlicedString => {
                value.kind = ValueKind::String;
                value.text = Some(self.analysis.display_name(graph, node));
                return value;
            }
            NodeKind::Number => {
                value.kind = ValueKind::Number;
                value.text = Some(graph.name(node).to_owned());
                return value;
            }
            NodeKind::BigInt | NodeKind::Symbol => {
                value.kind = ValueKind::Internal;
                value.class = Some(graph.name(node).to_owned());
                return value;
            }
            NodeKind::Hidden if matches!(graph.name(node), "undefined" | "null" | "true" | "false") => {
                value.kind = ValueKind::Boolean;
                value.text = Some(graph.name(node).to_owned());
                return value;
            }
            NodeKind::Closure => value.kind = ValueKind::Function,
            _ if self.class(node) == "Array" => value.kind = ValueKind::Array,
            NodeKind::Object | NodeKind::RegExp => {}
            _ => value.kind = ValueKind::Internal,
        }
        let name = graph.name(node);
        let id = self.id(node);
        match value.kind {
            ValueKind::Function => value.text = Some(format!("{name} @{id}")),
            _ => value.class = Some(format!("{} @{id}", self.class(node))),
        }
        if depth == 0 {
            return value;
        }
        for edge in graph.edges(node) {
            let kind = match edge.kind {
                EdgeKind::Property => MemberKind::Property,
                EdgeKind::Element => MemberKind::Element,
                EdgeKind::Context => MemberKind::Variable,
                _ => continue,
            };
            let name = graph.edge_name(&edge).to_string();
            if name != "__proto__" {
                value.members.push(Member { name, kind, value: self.value(edge.to, depth - 1) });
            }
        }
        value
    }

    /// Objects by class and names of properties.
    fn rows(&self) -> Result<Vec<ClassRow>, CommandError> {
        let graph = self.graph();
        let mut rows: BTreeMap<(String, Vec<String>), (Vec<u64>, u64)> = BTreeMap::new();
        for (i, node) in graph.nodes().enumerate() {
            if i % (1 << 18) == 0 {
                self.check()?;
            }
            if self.is_object(node) {
                let names = self.properties(node).into_iter().map(|(name, _)| name).collect();
                let row = rows.entry((self.class(node), names)).or_default();
                row.0.push(self.id(node));
                row.1 += self.analysis.shallow_size(node);
            }
        }
        let mut rows: Vec<_> =
            rows.into_iter().map(|((class, names), (ids, size))| (class, names, ids, size)).collect();
        rows.sort_by(|(a, _, n, _), (b, _, m, _)| m.len().cmp(&n.len()).then_with(|| a.cmp(b)));
        Ok(rows)
    }
}

fn id(id: u64) -> Cell {
    Cell::Text(format!("@{id}"))
}

fn ids(found: Vec<u64>) -> Answer {
    let cells = found.iter().map(|found| vec![id(*found)]).collect();
    Answer { words: found, ..Answer::table(IDS, cells) }
}

pub(crate) fn status(session: &SnapshotSession<'_>, _: &Call) -> Result<Answer, CommandError> {
    let graph = session.graph();
    let mut answer = Answer::default();
    answer.field("snapshot", session.heap.name().to_owned());
    answer.field("nodes", Cell::Number(graph.node_count() as u64));
    answer.field("edges", Cell::Number(graph.edge_count()));
    answer.field("bytes", Cell::Number(graph.total_self_size()));
    Ok(answer)
}

pub(crate) fn find_objects(session: &SnapshotSession<'_>, call: &Call) -> Result<Answer, CommandError> {
    if call.has('r') {
        return find_references(session, call);
    }
    if call.has('m') {
        return Err(CommandError::failed(
            "objects of a heap snapshot are not marked: use @id::findjsobjects -r",
        ));
    }
    let mut rows = session.rows()?;
    if let Some(wanted) = call.address {
        session.of(call)?;
        let row = rows.into_iter().find(|(.., ids, _)| ids.contains(&wanted));
        let row =
            row.ok_or_else(|| CommandError::failed(format!("@{wanted} is V8's own: it has no class")))?;
        return Ok(ids(row.2));
    }
    rows.retain(|(class, names, ..)| {
        call.value('c').is_none_or(|wanted| wanted == class)
            && call.value('p').is_none_or(|wanted| names.iter().any(|name| name == wanted))
    });
    if call.has('l') {
        return Ok(ids(rows.into_iter().flat_map(|(.., ids, _)| ids).collect()));
    }
    let words = rows.iter().map(|(.., ids, _)| ids[0]).collect();
    let cells = rows.into_iter().map(|(class, names, ids, _)| {
        let mut shown = names.iter().take(SHOWN_PROPERTIES).cloned().collect::<Vec<_>>().join(", ");
        if names.len() > SHOWN_PROPERTIES {
            shown.push_str(", ...");
        }
        let text = if shown.is_empty() { class } else { format!("{class}: {shown}") };
        vec![id(ids[0]), Cell::Number(ids.len() as u64), Cell::Number(names.len() as u64), Cell::Text(text)]
    });
    let remarks = vec![NO_NUMBERS.to_owned()];
    Ok(Answer { words, remarks, ..Answer::table(ROWS, cells.collect()) })
}

pub(crate) fn print(session: &SnapshotSession<'_>, call: &Call) -> Result<Answer, CommandError> {
    let node = session.of(call)?;
    let depth = call.decimal('d')?.unwrap_or(2).min(crate::commands::DEEPEST);
    let style = Style::Mdb { addresses: call.has('a'), base: call.has('b') };
    let mut answer = Answer { remarks: vec![NO_NUMBERS.to_owned()], ..Answer::default() };
    if call.arguments.is_empty() {
        let value = session.value(node, depth);
        answer.sections.push(Section::Value(Shown { value, label: String::new(), style }));
        answer.words = vec![session.id(node)];
        return Ok(answer);
    }
    let properties = session.properties(node);
    for name in &call.arguments {
        let found = properties.iter().find(|(own, _)| own == name);
        let (_, member) = found
            .ok_or_else(|| CommandError::failed(format!("@{} has no property {name}", session.id(node))))?;
        let value = session.value(*member, depth);
        answer.sections.push(Section::Value(Shown { value, label: String::new(), style }));
        answer.words.push(session.id(*member));
    }
    Ok(answer)
}

pub(crate) fn constructor(session: &SnapshotSession<'_>, call: &Call) -> Result<Answer, CommandError> {
    let node = session.of(call)?;
    let mut answer = Answer::line(session.class(node));
    let graph = session.graph();
    // The prototype's property of that name.
    let prototype = graph.child(node, EdgeKind::Property, "__proto__");
    let maker = prototype.and_then(|prototype| graph.child(prototype, EdgeKind::Property, "constructor"));
    answer.words = maker.map(|maker| session.id(maker)).into_iter().collect();
    Ok(answer)
}

pub(crate) fn find_references(session: &SnapshotSession<'_>, call: &Call) -> Result<Answer, CommandError> {
    let node = session.of(call)?;
    let retainers = session.heap.retainers().map_err(|error| CommandError::failed(error.to_string()))?;
    let graph = session.graph();
    let mut answer = Answer::default();
    let mut rows = Vec::new();
    for (from, edge) in retainers.edges(graph, node) {
        let weak = if edge.kind == EdgeKind::Weak { " (weak)" } else { "" };
        let name = graph.edge_name(&edge);
        let how = if edge.kind == EdgeKind::Element { format!("[{name}]") } else { name.to_string() };
        rows.push(vec![id(session.id(from)), session.class(from).into(), format!("{how}{weak}").into()]);
        answer.words.push(session.id(from));
    }
    answer.append(Answer::table(REFERENCES, rows));
    Ok(answer)
}

/// Where a function stands: scripts have numbers in a snapshot.
fn from(session: &SnapshotSession<'_>, node: NodeIndex) -> String {
    session.graph().location(node).map_or_else(
        || "(V8 or C++)".to_owned(),
        |place| format!("script {}:{}:{}", place.script_id, place.line + 1, place.column + 1),
    )
}

pub(crate) fn functions(session: &SnapshotSession<'_>, call: &Call) -> Result<Answer, CommandError> {
    let graph = session.graph();
    let mut answer = Answer::default();
    let mut rows = Vec::new();
    for node in graph.nodes().filter(|node| graph.kind(*node) == NodeKind::Closure) {
        let name = graph.name(node);
        if call.value('n').is_some_and(|wanted| !name.contains(wanted)) {
            continue;
        }
        answer.words.push(session.id(node));
        rows.push(vec![id(session.id(node)), name.into(), from(session, node).into()]);
    }
    answer.append(Answer::table(FUNCTIONS, rows));
    Ok(answer)
}

fn function_of(session: &SnapshotSession<'_>, call: &Call) -> Result<NodeIndex, CommandError> {
    let node = session.of(call)?;
    match session.graph().kind(node) {
        NodeKind::Closure => Ok(node),
        _ => Err(CommandError::failed(format!(
            "@{} is no function, but {}",
            session.id(node),
            session.class(node)
        ))),
    }
}

pub(crate) fn function(session: &SnapshotSession<'_>, call: &Call) -> Result<Answer, CommandError> {
    let node = function_of(session, call)?;
    let name = session.graph().name(node);
    let mut answer =
        Answer::line(format!("function: {}", if name.is_empty() { "<anonymous>" } else { name }));
    answer.say(format!("defined at {}", from(session, node)));
    answer.words = vec![session.id(node)];
    Ok(answer)
}

pub(crate) fn closure(session: &SnapshotSession<'_>, call: &Call) -> Result<Answer, CommandError> {
    let node = function_of(session, call)?;
    let graph = session.graph();
    let mut answer = Answer::default();
    let mut at = graph.child(node, EdgeKind::Internal, "context");
    let mut seen = Vec::new();
    while let Some(scope) = at.filter(|scope| !seen.contains(scope)) {
        seen.push(scope);
        for edge in graph.edges(scope).filter(|edge| edge.kind == EdgeKind::Context) {
            let value = session.value(edge.to, 0);
            answer.field(format!("\"{}\"", graph.edge_name(&edge)), crate::wording::short(&value));
            answer.words.push(session.id(edge.to));
        }
        at = graph.child(scope, EdgeKind::Internal, "previous");
    }
    if answer.words.is_empty() {
        answer.say("it closes over no variable");
    }
    Ok(answer)
}

pub(crate) fn elements(session: &SnapshotSession<'_>, call: &Call) -> Result<Answer, CommandError> {
    let node = session.of(call)?;
    let graph = session.graph();
    let elements = graph.edges(node).filter(|edge| edge.kind == EdgeKind::Element);
    Ok(ids(elements.map(|edge| session.id(edge.to)).collect()))
}

pub(crate) fn string(session: &SnapshotSession<'_>, call: &Call) -> Result<Answer, CommandError> {
    let node = session.of(call)?;
    let value = session.value(node, 0);
    if value.kind != ValueKind::String {
        let text = format!("@{} is no string, but {}", session.id(node), session.class(node));
        return Err(CommandError::failed(text));
    }
    let text = value.text.unwrap_or_default();
    let remarks = vec!["V8 writes 1,024 characters of a string to a snapshot at most".to_owned()];
    Ok(Answer { sections: vec![Section::Text { text }], words: vec![session.id(node)], remarks })
}

pub(crate) fn kind(session: &SnapshotSession<'_>, call: &Call) -> Result<Answer, CommandError> {
    let node = session.of(call)?;
    let text = format!("@{}: {}", session.id(node), session.graph().kind_name(node));
    Ok(Answer { words: vec![session.id(node)], ..Answer::line(text) })
}

pub(crate) fn walk(session: &SnapshotSession<'_>, call: &Call) -> Result<Answer, CommandError> {
    match call.arguments.first().map(String::as_str) {
        Some("jselement") => elements(session, call),
        Some("jsprop") => {
            let node = session.of(call)?;
            Ok(ids(session.properties(node).into_iter().map(|(_, to)| session.id(to)).collect()))
        }
        Some("jsobject") => {
            let all = session.graph().nodes().filter(|node| session.is_object(*node));
            Ok(ids(all.map(|node| session.id(node)).collect()))
        }
        Some(name @ ("jsframe" | "jsscope")) => Err(CommandError::failed(format!(
            "{name} does not work on a heap snapshot: it has neither stacks nor scopes of their own"
        ))),
        _ => Err(CommandError::usage("::walkers lists the walkers")),
    }
}

pub(crate) fn brief(session: &SnapshotSession<'_>, call: &Call) -> Result<Answer, CommandError> {
    let node = session.of(call)?;
    let text = format!("@{}:<{}>", session.id(node), wording::llnode_kind(&session.value(node, 0)));
    Ok(Answer { words: vec![session.id(node)], ..Answer::line(text) })
}

pub(crate) fn inspect(session: &SnapshotSession<'_>, call: &Call) -> Result<Answer, CommandError> {
    let node = session.of(call)?;
    let value = session.value(node, 1);
    let shown = Shown { value, label: String::new(), style: Style::Llnode };
    Ok(Answer {
        sections: vec![Section::Value(shown)],
        words: vec![session.id(node)],
        remarks: vec![NO_NUMBERS.to_owned()],
    })
}

pub(crate) fn histogram(session: &SnapshotSession<'_>, _: &Call) -> Result<Answer, CommandError> {
    let mut sums: BTreeMap<String, (u64, u64)> = BTreeMap::new();
    for (class, _, ids, size) in session.rows()? {
        let sum = sums.entry(class).or_default();
        sum.0 += ids.len() as u64;
        sum.1 += size;
    }
    let mut rows: Vec<_> = sums.into_iter().collect();
    rows.sort_by_key(|(_, (count, _))| *count);
    let cells = rows
        .into_iter()
        .map(|(name, (count, size))| vec![Cell::Number(count), Cell::Number(size), name.into()]);
    Ok(Answer::table(HISTOGRAM, cells.collect()))
}

pub(crate) fn instances(session: &SnapshotSession<'_>, call: &Call) -> Result<Answer, CommandError> {
    let class = call.arguments.join(" ");
    let graph = session.graph();
    let all =
        graph.nodes().filter(|node| session.is_object(*node) && session.analysis.class_name(*node) == class);
    let found: Vec<u64> = all.map(|node| session.id(node)).collect();
    match found.is_empty() {
        true => Err(CommandError::failed(format!("no object of the class {class} was found"))),
        false => Ok(ids(found)),
    }
}

pub(crate) fn references(session: &SnapshotSession<'_>, call: &Call) -> Result<Answer, CommandError> {
    let text = call.arguments.join(" ");
    let graph = session.graph();
    if call.has('n') {
        let mut answer = Answer::default();
        let mut rows = Vec::new();
        for node in graph.nodes() {
            let named = |edge: &heap_graph::Edge| {
                matches!(edge.kind, EdgeKind::Property | EdgeKind::Context)
                    && graph.edge_name(edge) == heap_graph::EdgeName::Name(&text)
            };
            for edge in graph.edges(node).filter(named) {
                rows.push(vec![
                    id(session.id(node)),
                    session.class(node).into(),
                    format!("{text} @{}", session.id(edge.to)).into(),
                ]);
                answer.words.push(session.id(node));
            }
        }
        answer.append(Answer::table(REFERENCES, rows));
        return Ok(answer);
    }
    let wanted: Vec<u64> = if call.has('s') {
        let is_string = |node: &NodeIndex| graph.kind(*node) == NodeKind::String && graph.name(*node) == text;
        graph.nodes().filter(is_string).map(|node| session.id(node)).collect()
    } else {
        vec![session.node(&text)?]
    };
    let mut answer = Answer::default();
    for word in wanted {
        answer.append(find_references(session, &Call { address: Some(word), ..call.clone() })?);
    }
    Ok(answer)
}
