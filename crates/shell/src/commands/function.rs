//! `jsfunctions`, `jsfunction`, `jsclosure`, `v8function`: functions, where they stand, and what they close over.

use std::collections::BTreeMap;

use postmortem::answers::hex;
use postmortem::object::FunctionInfo;

use super::{row, switch, valued};
use crate::CommandError;
use crate::answer::{Answer, Cell, Column, left, right};
use crate::commands::code;
use crate::commands::print::brief;
use crate::options::Call;
use crate::session::{Opened, Session, pointer};
use crate::snapshot;
use crate::table::{Address, Command, OnSnapshot};

pub(super) const ROWS: &[Command] = &[
    Command {
        address: Address::Optional,
        options: &[
            switch('X', "where the instructions of each are"),
            valued('s', "FILE", "only of scripts with this in their name"),
            valued('n', "NAME", "only with this in their name"),
            valued('x', "ADDRESS", "only the one whose instructions hold this address"),
            switch('l', "only the addresses of all closures; with ADDR, those of the same function"),
        ],
        snapshot: OnSnapshot::Run(snapshot::functions),
        ..row("jsfunctions", "every function of the source, with the number of its closures", functions)
    },
    Command {
        snapshot: OnSnapshot::Run(snapshot::function),
        ..row(
            "jsfunction",
            "the name of a function and where it is defined; what a bound one binds",
            function,
        )
    },
    Command {
        snapshot: OnSnapshot::Run(snapshot::closure),
        ..row("jsclosure", "the variables that a function closes over", closure)
    },
    Command {
        options: &[switch('d', "its instructions, too")],
        ..row("v8function", "a function as V8 keeps it", v8_function)
    },
];

const COLUMNS: &[Column] =
    &[right("function", "FUNC"), right("closures", "#FUNCS"), left("name", "NAME"), left("from", "FROM")];
const WITH_CODE: &[Column] = &[
    right("function", "FUNC"),
    right("closures", "#FUNCS"),
    left("instructions", "INSTRUCTIONS"),
    left("name", "NAME"),
    left("from", "FROM"),
];
const ADDRESSES: &[Column] = &[left("address", "")];

/// How often Ctrl-C is looked for in a walk over objects.
pub(super) const GLANCE: usize = 1 << 18;
/// Scopes around scopes that go on longer are loops.
const DEEPEST: usize = 10_000;

/// All closures of one function of the source.
#[derive(Default)]
struct Closures {
    functions: Vec<u64>,
}

fn closures(
    session: &Session<'_, '_>,
    opened: &Opened<'_, '_>,
    garbage: bool,
) -> Result<BTreeMap<u64, Closures>, CommandError> {
    let mut by_source: BTreeMap<u64, Closures> = BTreeMap::new();
    for (i, object) in session.objects(opened, garbage)?.enumerate() {
        if i % GLANCE == 0 {
            session.go_on("looking at functions")?;
        }
        if let Some(shared) = opened.heap.shared_of(object) {
            by_source.entry(shared).or_default().functions.push(object);
        }
    }
    Ok(by_source)
}

/// `script:line:column`, or the position, or V8's own.
pub(crate) fn from(info: &FunctionInfo) -> String {
    let Some(place) = &info.place else { return "(V8 or C++)".to_owned() };
    let script = place.script.as_deref().unwrap_or("(no name)");
    match (place.line, place.column) {
        (Some(line), Some(column)) => format!("{script}:{line}:{column}"),
        _ => format!("{script} position {}", place.position),
    }
}

/// A function's name, for people.
pub(crate) fn name(info: &FunctionInfo) -> String {
    if info.name.is_empty() { "<anonymous>".to_owned() } else { info.name.clone() }
}

fn functions(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let same = match call.address {
        Some(word) => {
            let (opened, object) = session.object(word)?;
            Some(opened.heap.shared_of(object).ok_or_else(|| no_function(opened, object))?)
        }
        None => None,
    };
    let inside = call.value('x').map(crate::syntax::number).transpose()?;
    let mut answer = Answer::default();
    for opened in &session.isolates {
        let heap = opened.heap;
        let mut rows = Vec::new();
        for (shared, closures) in closures(session, opened, call.garbage)? {
            if same.is_some_and(|same| same != shared) {
                continue;
            }
            let info = heap.shared_function(shared);
            let script = info.place.as_ref().and_then(|place| place.script.as_deref()).unwrap_or_default();
            let wanted = call.value('s').is_none_or(|wanted| script.contains(wanted))
                && call.value('n').is_none_or(|wanted| info.name.contains(wanted));
            let first = closures.functions[0];
            let range = || opened.codes().of(heap.code_of(first)?).map(|code| code.start..code.end);
            let holds = inside.is_none_or(|at| range().is_some_and(|range| range.contains(&at)));
            if wanted && holds {
                let range = call.has('X').then(range).flatten();
                rows.push((first, closures.functions, info, range));
            }
        }
        if call.has('l') {
            let all: Vec<u64> = rows.into_iter().flat_map(|(_, functions, ..)| functions).collect();
            let cells = all.iter().map(|function| vec![Cell::Address(*function)]).collect();
            answer.append(Answer {
                words: all.into_iter().map(pointer).collect(),
                ..Answer::table(ADDRESSES, cells)
            });
            continue;
        }
        rows.sort_by_key(|(_, functions, ..)| std::cmp::Reverse(functions.len()));
        let words = rows.iter().map(|(first, ..)| pointer(*first)).collect();
        let cells = rows.into_iter().map(|(first, functions, info, range)| {
            let mut cells = vec![
                Cell::Address(first),
                Cell::Number(functions.len() as u64),
                name(&info).into(),
                from(&info).into(),
            ];
            if call.has('X') {
                let text = range.map(|range| format!("{:#x}-{:#x}", range.start, range.end));
                cells.insert(2, text.into());
            }
            cells
        });
        let columns = if call.has('X') { WITH_CODE } else { COLUMNS };
        answer.append(Answer { words, ..Answer::table(columns, cells.collect()) });
    }
    Ok(answer)
}

fn no_function(opened: &Opened<'_, '_>, object: u64) -> CommandError {
    CommandError::failed(format!("{} is no function, but {}", hex(object), opened.class_of(object)))
}

fn function(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let (opened, object) = session.object(call.word()?)?;
    let heap = opened.heap;
    let mut answer = Answer::default();
    if let Some(info) = heap.function(object) {
        answer.say(format!("function: {}", name(&info)));
        answer.say(match &info.place {
            Some(_) => format!("defined at {}", from(&info)),
            None => "defined in V8 or C++".to_owned(),
        });
        answer.words = vec![pointer(object)];
        return Ok(answer);
    }
    if heap.kind_of(object) != Some(heap.layout.types.js_bound_function) {
        return Err(no_function(opened, object));
    }
    let fields = &heap.layout.fields;
    let word = |offset| heap.field(object, offset).ok();
    let target = word(fields.bound_target).unwrap_or(0);
    answer.say(format!("bound function that wraps: {}", brief(session, opened, target)));
    if let Some(this) = word(fields.bound_this) {
        answer.say(format!("with \"this\" = {}", brief(session, opened, this)));
    }
    let arguments = word(fields.bound_arguments).and_then(|word| heap.target(word));
    for (i, argument) in
        arguments.map(|array| heap.array_words(array)).unwrap_or_default().into_iter().enumerate()
    {
        answer.say(format!("      arg{} = {}", i + 1, brief(session, opened, argument)));
    }
    answer.words = vec![target];
    Ok(answer)
}

/// The scopes of a function or scope, from the innermost outwards, without the one of all scripts.
pub(super) fn scopes(opened: &Opened<'_, '_>, innermost: u64) -> Vec<u64> {
    let heap = opened.heap;
    let mut scopes = Vec::new();
    let mut at = Some(innermost);
    while let Some(scope) =
        at.filter(|scope| heap.map_of(*scope).is_some_and(|map| map.is_context(heap.layout)))
    {
        if scopes.contains(&scope) || scopes.len() > DEEPEST {
            break;
        }
        scopes.push(scope);
        // The scope's description, then the scope around it.
        at = heap.array_words(scope).get(1).and_then(|word| heap.target(*word));
    }
    scopes
}

fn closure(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let (opened, object) = session.object(call.word()?)?;
    let heap = opened.heap;
    heap.shared_of(object).ok_or_else(|| no_function(opened, object))?;
    let context =
        heap.field(object, heap.layout.fields.function_context).ok().and_then(|word| heap.target(word));
    let mut answer = Answer::default();
    for scope in context.map(|context| scopes(opened, context)).unwrap_or_default() {
        for (key, word) in heap.context_variables(scope) {
            let name = heap.key_text(key).unwrap_or_else(|| "?".to_owned());
            answer.field(format!("\"{name}\""), brief(session, opened, word));
            answer.words.push(word);
        }
    }
    if answer.words.is_empty() {
        answer.say("it closes over no variable");
    }
    Ok(answer)
}

fn v8_function(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let (opened, object) = session.object(call.word()?)?;
    let heap = opened.heap;
    let shared = heap.shared_of(object).ok_or_else(|| no_function(opened, object))?;
    let info = heap.shared_function(shared);
    let mut answer = Answer::default();
    answer.field("function", Cell::Address(object));
    answer.field("name", name(&info));
    answer.field("defined at", from(&info));
    answer.field("shared", Cell::Address(shared));
    let context =
        heap.field(object, heap.layout.fields.function_context).ok().and_then(|word| heap.target(word));
    answer.field("context", context.map_or(Cell::Nothing, Cell::Address));
    let bytecode = heap.bytecode_of(shared);
    answer.field("bytecode", bytecode.map_or(Cell::Nothing, Cell::Address));
    let code = heap.code_of(object);
    answer.field("code", code.map_or(Cell::Nothing, Cell::Address));
    answer.words = vec![pointer(object)];
    if let Some(code) = code {
        code::fields(opened, code, &mut answer);
        if call.has('d') {
            code::disassemble(opened, code, &mut answer)?;
        }
    }
    Ok(answer)
}

/// The script of a name. Only V8's own spaces of long life hold scripts; the first that is found is taken.
pub(super) fn script_named(
    session: &Session<'_, '_>,
    opened: &Opened<'_, '_>,
    wanted: &str,
) -> Result<Option<u64>, CommandError> {
    let heap = opened.heap;
    for (i, object) in heap.objects().enumerate() {
        if i % GLANCE == 0 {
            session.go_on("looking for a script")?;
        }
        if heap.kind_of(object) == Some(heap.layout.types.script) {
            let name = heap.field(object, heap.layout.fields.script_name).ok();
            if name.and_then(|word| heap.name_text(heap.target(word)?)).as_deref() == Some(wanted) {
                return Ok(Some(object));
            }
        }
    }
    Ok(None)
}
