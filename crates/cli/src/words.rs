//! Objects, places and references in words, for text output.

use std::io::{self, Write};

use investigation::answers::missing::Missing;
use investigation::answers::{NodeRef, Place, Reference, Text};

use crate::output::Output;
use crate::text::{clip, count, plural, safe};

/// Longest name in a line of text.
const NAME: usize = 60;
/// Longest list of keys that stands for an object.
const KEYS: usize = 40;
/// Distances from here on are of what only V8's own roots reach.
const SYSTEM_DISTANCE: i32 = 100_000_000;

/// `Session @123`, `handler() @123`, `"text" @123`.
pub(crate) fn node(node: &NodeRef) -> String {
    format!("{} @{}", name(node), node.id)
}

/// The same without the id.
pub(crate) fn name(node: &NodeRef) -> String {
    if let Some(text) = &node.text {
        return content(text, NAME);
    }
    match (node.kind.as_str(), node.name.as_deref()) {
        ("closure", Some(name)) => format!("{}()", clip(name, NAME)),
        ("closure", None) => "(anonymous function)".to_owned(),
        // The keys of a plain object tell more than its class.
        ("object", Some(name)) if name.starts_with('{') => clip(name, KEYS),
        ("object" | "native", _) => clip(&node.class, NAME),
        ("code", Some(name)) if name != node.class => {
            format!("{} {}", clip(name, NAME), clip(&node.class, NAME))
        }
        ("synthetic", None) => "(root)".to_owned(),
        ("number", _) => "number".to_owned(),
        (_, Some(name)) => clip(name, NAME),
        (_, None) => clip(&node.class, NAME),
    }
}

/// What a string says, or how long it is.
pub(crate) fn content(text: &Text, most: usize) -> String {
    let more = if text.cut { " or more" } else { "" };
    match &text.value {
        Some(value) => format!("\"{}\"", clip(value, most)),
        None => format!("string of {} characters{more}", count(text.length)),
    }
}

/// The place of a script, counted from 1 as editors do.
pub(crate) fn place(place: &Place) -> String {
    let (line, column) = (u64::from(place.line) + 1, u64::from(place.column) + 1);
    match &place.file {
        Some(file) => format!("{}:{line}:{column}", safe(file.strip_prefix("file://").unwrap_or(file))),
        None => format!("script {}:{line}:{column}", place.script_id),
    }
}

/// The place if there is one.
pub(crate) fn place_or_nothing(found: Option<&Place>) -> String {
    found.map(place).unwrap_or_default()
}

/// A path in one line, without the realm that every path through the global object begins with.
pub(crate) fn path(path: &str) -> String {
    let known = "system / NativeContext {global_object} → ";
    safe(path.strip_prefix(known).unwrap_or(path)).into_owned()
}

/// A collection's kind with its article: `an array`, `event listeners`.
pub(crate) fn some(kind: &str) -> String {
    match kind {
        "array" | "AsyncLocalStorage" => format!("an {kind}"),
        "Map" | "Set" | "WeakMap" | "variable" | "field" => format!("a {kind}"),
        "require cache" => format!("the {kind}"),
        plural => plural.to_owned(),
    }
}

/// How one object refers to another.
pub(crate) fn reference(reference: &Reference) -> String {
    clip(&reference.words(), NAME)
}

/// DevTools shows a distance only where the program's roots reach.
pub(crate) fn distance(distance: i32) -> String {
    if (0..SYSTEM_DISTANCE).contains(&distance) { distance.to_string() } else { "–".to_owned() }
}

/// What a cut file lacks, exactly, and what nobody can know for that.
pub(crate) fn missing(output: &mut Output, missing: &Missing) -> io::Result<()> {
    let heading = output.bold("This file is not whole");
    let cut = missing.cut_at.map(|at| format!(": it was cut at byte {}", count(at))).unwrap_or_default();
    writeln!(output, "{heading}{cut}.")?;
    let mut lacks = Vec::new();
    if missing.nodes > 0 {
        lacks.push(plural(missing.nodes, "node", "nodes"));
    }
    if missing.edges > 0 {
        lacks.push(plural(missing.edges, "edge", "edges"));
    }
    if missing.strings {
        lacks.push(format!(
            "strings ({} without a name)",
            plural(missing.nodes_without_name, "node", "nodes")
        ));
    }
    let sections: Vec<String> = missing.sections.iter().map(|section| safe(section).into_owned()).collect();
    writeln!(
        output,
        "  Missing: {}",
        if lacks.is_empty() { "nothing that counts".into() } else { lacks.join(", ") }
    )?;
    if !sections.is_empty() {
        writeln!(output, "  Sections cut or absent: {}", sections.join(", "))?;
    }
    if missing.numbers_exact {
        writeln!(output, "  All nodes, edges and names are there: sizes, distances and classes are exact.")?;
    } else if missing.analysis_possible {
        writeln!(
            output,
            "  All nodes and edges are there, but entries of WeakMaps, and where distances begin, are told by names:\n  \
             some distances and retained sizes are not those of the whole file. Classes lack who has no name."
        )?;
    } else {
        writeln!(
            output,
            "  Without all edges nobody can know distances, dominators, retained sizes or classes."
        )?;
    }
    if missing.strings {
        writeln!(output, "  --names-from FILE takes names by id from a whole snapshot of the same process.")?;
    }
    Ok(())
}
