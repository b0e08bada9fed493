//! llnode's commands, `v8 NAME`, on what mdb's do.

use std::collections::BTreeSet;

use postmortem::answers::{Describer, Limits, find_references, hex};
use postmortem::object::PropertyValue;

use super::objects::matching;
use super::print::{limits, value_of};
use postmortem::stack::Frame;

use super::{NO_STACKS, row, source, stack, switch, valued};
use crate::CommandError;
use crate::answer::{Answer, Cell, Column, Section, Shown, Style, left, right};
use crate::options::Call;
use crate::session::{Opened, Session, pointer};
use crate::snapshot;
use crate::syntax::{Form, number};
use crate::table::{Address, Command, OnSnapshot, Run};
use crate::wording;

/// A row of llnode's.
const fn llnode(name: &'static str, help: &'static str, run: Run) -> Command {
    Command { form: Form::Llnode, ..row(name, help, run) }
}

pub(super) const ROWS: &[Command] = &[
    Command {
        address: Address::None,
        aliases: &["jsstack"],
        arguments: "[N]",
        snapshot: OnSnapshot::Cannot(NO_STACKS),
        ..llnode("bt", "the JavaScript stacks with arguments, N frames of each", backtrace)
    },
    Command {
        form: Form::Bare,
        address: Address::None,
        arguments: "[N]",
        snapshot: OnSnapshot::Cannot(NO_STACKS),
        ..llnode("bt", "v8 bt", backtrace)
    },
    Command { snapshot: OnSnapshot::Run(snapshot::brief), ..llnode("print", "a value in a line", print) },
    Command {
        aliases: &["i", "jsprint"],
        options: &[
            switch('F', "strings in full"),
            switch('m', "the address of the map, too"),
            switch('s', "the source of functions, too"),
            valued('l', "N", "at most so many elements and characters (16)"),
        ],
        snapshot: OnSnapshot::Run(snapshot::inspect),
        ..llnode("inspect", "an object with properties, elements and internal fields", inspect)
    },
    Command {
        address: Address::None,
        aliases: &["jssource"],
        options: &[valued('l', "LINE", "from this line on")],
        arguments: "list",
        snapshot: OnSnapshot::Cannot(NO_STACKS),
        ..llnode("source", "the source around the call of the chosen frame", source_list)
    },
    Command {
        form: Form::Bare,
        address: Address::None,
        arguments: "select N",
        aliases: &["f"],
        snapshot: OnSnapshot::Cannot(NO_STACKS),
        ..llnode("frame", "chooses the frame that `v8 source list` shows", select)
    },
    Command {
        address: Address::None,
        options: &[switch('d', "by class, properties and length of arrays")],
        snapshot: OnSnapshot::Run(snapshot::histogram),
        ..llnode("findjsobjects", "classes with instances and sizes, fewest first", histogram)
    },
    Command {
        address: Address::None,
        options: &[
            switch('v', "inspect each"),
            valued('n', "N", "so many at once; the same command again shows the next"),
            switch('F', "with -v: strings in full"),
            switch('m', "with -v: the address of the map, too"),
            valued('l', "N", "with -v: at most so many elements and characters"),
        ],
        arguments: "CLASS",
        snapshot: OnSnapshot::Run(snapshot::instances),
        ..llnode("findjsinstances", "all objects of a class", instances)
    },
    Command {
        address: Address::None,
        options: &[
            switch('v', "what refers to the value at an address (the default)"),
            switch('n', "what has a property or variable of this name"),
            switch('s', "what refers to a string with this content"),
            switch('r', "what refers to that, and so on, as a tree"),
        ],
        arguments: "VALUE",
        snapshot: OnSnapshot::Run(snapshot::references),
        ..llnode("findrefs", "the references to a value", references)
    },
];

const HISTOGRAM: &[Column] =
    &[right("instances", "Instances"), right("total_size", "Total Size"), left("name", "Name")];
const DETAILED: &[Column] = &[
    right("sample", "Sample Obj."),
    right("instances", "Instances"),
    right("total_size", "Total Size"),
    right("property_count", "Properties"),
    right("elements", "Elements"),
    left("name", "Name"),
];
/// A tree of references has no more branches.
const MOST_BRANCHES: usize = 200;
/// It is no deeper.
const DEEPEST: usize = 10;

fn backtrace(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    session.go_on("walking the stacks")?;
    let most = call.arguments.first().map(|text| text.parse::<usize>()).transpose();
    let most = most.map_err(|_| CommandError::usage("bt takes a number of frames"))?.unwrap_or(usize::MAX);
    let mut answer = Answer::default();
    let limits = Limits { depth: 0, elements: 0, string: 40 };
    for opened in &session.isolates {
        let Some(stack) = session.stack(opened) else { continue };
        answer.say(format!("* thread {}", stack.thread));
        for (i, frame) in session.frames(opened).into_iter().enumerate().take(most) {
            let shown: Vec<String> = stack::values(frame)
                .into_iter()
                .map(|(name, word)| {
                    let value = value_of(opened, word, limits);
                    let text = value.map_or_else(|| hex(word), |value| wording::llnode(&value));
                    if name == "this" { format!("this={text}") } else { text }
                })
                .collect();
            let at = stack::place(frame).map(|place| format!(" at {place}")).unwrap_or_default();
            let function = frame.function_address.as_ref().map(|function| format!(" fn={function}"));
            let chosen = if i == session.frame.get() { '*' } else { ' ' };
            answer.say(format!(
                "  {chosen} frame #{i}: {} {}({}){at}{}",
                frame.frame_address.as_deref().unwrap_or("-"),
                stack::function_name(frame),
                shown.join(", "),
                function.unwrap_or_default()
            ));
            answer.words.extend(stack::address(frame));
        }
    }
    Ok(answer)
}

fn print(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let word = call.word()?;
    let opened = session.owner(word)?;
    let value = value_of(opened, word, Limits { depth: 0, elements: 0, string: 256 });
    let value =
        value.ok_or_else(|| CommandError::failed(format!("{}: no object starts there", hex(word))))?;
    Ok(Answer { words: vec![word], ..Answer::line(wording::llnode(&value)) })
}

fn inspect(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let word = call.word()?;
    let opened = session.owner(word)?;
    inspected(opened, word, call)
}

fn inspected(opened: &Opened<'_, '_>, word: u64, call: &Call) -> Result<Answer, CommandError> {
    let most = call.decimal('l')?.unwrap_or(16);
    let string = if call.has('F') { 1 << 29 } else { most.max(16) };
    let limits = Limits { depth: 1, elements: usize::try_from(most).unwrap_or(usize::MAX), string };
    let value = value_of(opened, word, limits);
    let value =
        value.ok_or_else(|| CommandError::failed(format!("{}: no object starts there", hex(word))))?;
    let label = match opened.heap.map_of(word & !7).filter(|_| call.has('m')) {
        Some(map) => format!("(map={}) ", hex(map.address)),
        None => String::new(),
    };
    let mut answer = Answer { words: vec![word], ..Answer::default() };
    answer.sections.push(Section::Value(Shown { value, label, style: Style::Llnode }));
    if call.has('s') && opened.heap.shared_of(word & !7).is_some() {
        match source::of_function(opened, word & !7, 0) {
            Ok(section) => answer.sections.push(section),
            Err(why) => answer.remarks.push(why.to_string()),
        }
    }
    Ok(answer)
}

/// The frames of the program's own thread, which `frame select` counts.
fn source_list(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    if call.arguments.first().is_some_and(|word| word != "list") {
        return Err(CommandError::usage("it is used as v8 source list [-l LINE]"));
    }
    session.go_on("walking the stacks")?;
    let opened = session.main();
    let frames = session.frames(opened);
    // Without a choice, the innermost one that has source.
    let chosen = session.frame.get();
    let with_source = |frame: &&Frame| frame.line.is_some() && frame.function_address.is_some();
    let frame = frames.into_iter().skip(chosen).find(with_source);
    let frame = frame.ok_or_else(|| CommandError::failed("no frame with source is there"))?;
    let function = frame.function_address.as_ref().map(|text| number(text)).transpose()?.unwrap_or(0);
    let script = opened.heap.shared_of(function).and_then(|shared| opened.heap.script_of(shared));
    let line = call.decimal('l')?.map_or(frame.line.unwrap_or(1), |line| line + 5);
    let section = script.and_then(|script| source::around(opened, script, line, 5));
    let section = section.ok_or_else(|| CommandError::failed("the source is not in this memory"))?;
    Ok(Answer { sections: vec![section], ..Answer::default() })
}

fn select(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let digits = call.arguments.iter().find(|word| *word != "select");
    let wanted = digits.and_then(|text| text.parse::<usize>().ok());
    let wanted = wanted.ok_or_else(|| CommandError::usage("it is used as frame select N"))?;
    let frames = session.frames(session.main()).len();
    if wanted >= frames {
        return Err(CommandError::failed(format!("there are {frames} frames, counted from 0")));
    }
    session.frame.set(wanted);
    let one = Call { arguments: vec![(wanted + 1).to_string()], ..Call::default() };
    let mut all = backtrace(session, &one)?;
    let last = all.sections.pop();
    Ok(Answer { sections: last.into_iter().collect(), ..Answer::default() })
}

fn histogram(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    if call.has('d') {
        return detailed(session, call);
    }
    let mut sums: std::collections::BTreeMap<&str, (u64, u64)> = std::collections::BTreeMap::new();
    for opened in &session.isolates {
        for row in &session.classes(opened, call.garbage)?.classes {
            let sum = sums.entry(&row.name).or_default();
            sum.0 += row.count;
            sum.1 += row.shallow_size;
        }
    }
    let mut rows: Vec<_> = sums.into_iter().collect();
    rows.sort_by(|(a, (n, _)), (b, (m, _))| n.cmp(m).then_with(|| a.cmp(b)));
    let (count, size) = rows.iter().fold((0, 0), |(n, m), (_, (count, size))| (n + count, m + size));
    let cells = |(name, (count, size)): (&str, (u64, u64))| {
        vec![Cell::Number(count), Cell::Number(size), name.into()]
    };
    let mut answer = Answer::table(HISTOGRAM, rows.into_iter().map(cells).collect());
    answer.say(format!("{count} objects, {size} bytes"));
    Ok(answer)
}

fn detailed(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let mut rows = Vec::new();
    for opened in &session.isolates {
        for row in &session.classes(opened, call.garbage)?.classes {
            let length = opened.heap.elements(row.representative, 0).length;
            rows.push((row, length));
        }
    }
    rows.sort_by_key(|(row, _)| row.count);
    let words = rows.iter().map(|(row, _)| pointer(row.representative)).collect();
    let cells = rows.into_iter().map(|(row, length)| {
        let name = match row.properties.is_empty() {
            true => row.name.clone(),
            false => format!(
                "{}: {}",
                row.name,
                row.properties.iter().take(3).cloned().collect::<Vec<_>>().join(", ")
            ),
        };
        vec![
            Cell::Address(row.representative),
            Cell::Number(row.count),
            Cell::Number(row.shallow_size),
            Cell::Number(row.properties.len() as u64),
            Cell::Number(length),
            name.into(),
        ]
    });
    Ok(Answer { words, ..Answer::table(DETAILED, cells.collect()) })
}

fn instances(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let class = call.arguments.join(" ");
    if class.is_empty() {
        return Err(CommandError::usage("findjsinstances needs the name of a class"));
    }
    let mut found = Vec::new();
    for opened in &session.isolates {
        let names = opened.names();
        let of_class = |object: u64| names.of(object).as_deref() == Some(class.as_str());
        found.extend(
            matching(session, opened, call.garbage, of_class)?.into_iter().map(|object| (opened, object)),
        );
    }
    if found.is_empty() {
        return Err(CommandError::failed(format!("no object of the class {class} was found")));
    }
    let total = found.len();
    let size = call.decimal('n')?.and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0);
    let mut page = session.page.borrow_mut();
    let from = if size.is_some() && page.0 == class && page.1 < total { page.1 } else { 0 };
    let to = size.map_or(total, |size| (from + size).min(total));
    *page = (class, to);
    drop(page);
    let mut answer = Answer::default();
    for (i, (opened, object)) in found[from..to].iter().enumerate() {
        if i % 1024 == 0 {
            session.go_on("inspecting")?;
        }
        if call.has('v') {
            answer.append(inspected(opened, pointer(*object), call)?);
        } else {
            let limits = limits(call, 0, 0, 64)?;
            let value =
                Describer::new(opened.heap, opened.names(), Limits { depth: 0, ..limits }).object(*object);
            answer.say(value.map_or_else(|| hex(*object), |value| wording::llnode(&value)));
            answer.words.push(pointer(*object));
        }
    }
    if size.is_some() {
        answer.say(format!("(Showing {} to {to} of {total} instances)", from + 1));
    }
    Ok(answer)
}

/// A reference in llnode's words: `0xADDR: Class.name=0xVALUE`.
fn line(opened: &Opened<'_, '_>, from: u64, how: &str, value: u64) -> String {
    let how = match how.starts_with(['[', '(', '+']) {
        true => how.to_owned(),
        false => format!(".{how}"),
    };
    format!("{}: {}{how}={}", hex(from), opened.class_of(from), hex(value))
}

fn references(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let text = call.arguments.join(" ");
    if text.is_empty() {
        return Err(CommandError::usage("findrefs needs an address, or with -n a name, or with -s a text"));
    }
    if call.has('n') {
        return by_name(session, &text, call);
    }
    let mut answer = Answer::default();
    let targets = match call.has('s') {
        true => strings(session, &text, call)?,
        false => {
            let (opened, object) = session.object(number(&text)?)?;
            vec![(opened, object)]
        }
    };
    let suffix = if call.has('s') { format!(" '{text}'") } else { String::new() };
    for (opened, target) in targets {
        let mut seen = BTreeSet::from([target]);
        branch(session, opened, target, (0, &suffix), call, &mut seen, &mut answer)?;
    }
    if answer.words.is_empty() {
        answer.say("nothing refers to it");
    }
    Ok(answer)
}

/// What refers to an object, and with -r what refers to that. The depth of the tree is bounded, so that of calls is.
fn branch(
    session: &Session<'_, '_>,
    opened: &Opened<'_, '_>,
    target: u64,
    (depth, suffix): (usize, &str),
    call: &Call,
    seen: &mut BTreeSet<u64>,
    answer: &mut Answer,
) -> Result<(), CommandError> {
    session.go_on("looking for references")?;
    let live = if call.garbage { None } else { Some(session.live(opened)?) };
    for reference in find_references(opened.heap, opened.names(), live, target) {
        let again = !seen.insert(reference.from);
        let mark = if again && call.has('r') { " (seen above)" } else { "" };
        let text = line(opened, reference.from, &reference.how, target);
        answer.say(format!("{}{text}{suffix}{mark}", "  ".repeat(depth)));
        answer.words.push(pointer(reference.from));
        if call.has('r') && !again {
            if depth >= DEEPEST || seen.len() >= MOST_BRANCHES {
                let text = format!("the tree is cut off: {MOST_BRANCHES} objects or {DEEPEST} levels");
                if !answer.remarks.contains(&text) {
                    answer.remarks.push(text);
                }
                continue;
            }
            branch(session, opened, reference.from, (depth + 1, ""), call, seen, answer)?;
        }
    }
    Ok(())
}

/// The strings with a content.
fn strings<'s, 'h, 'd>(
    session: &'s Session<'h, 'd>,
    text: &str,
    call: &Call,
) -> Result<Vec<(&'s Opened<'h, 'd>, u64)>, CommandError> {
    let length = text.encode_utf16().count() as u64;
    let mut found = Vec::new();
    for opened in &session.isolates {
        let heap = opened.heap;
        for (i, object) in session.objects(opened, call.garbage)?.enumerate() {
            if i % (1 << 18) == 0 {
                session.go_on("looking at strings")?;
            }
            let fits = heap.is_string(object) && heap.string_length(object) == Some(length);
            if fits && heap.string(object, length).is_some_and(|own| own.whole && own.text == text) {
                found.push((opened, object));
            }
        }
    }
    Ok(found)
}

fn by_name(session: &Session<'_, '_>, name: &str, call: &Call) -> Result<Answer, CommandError> {
    let mut answer = Answer::default();
    for opened in &session.isolates {
        let heap = opened.heap;
        let has = |object: u64| {
            heap.properties(object)
                .iter()
                .any(|property| heap.key_text(property.key).as_deref() == Some(name))
        };
        for object in matching(session, opened, call.garbage, has)? {
            let property = heap.properties(object).into_iter();
            let mut property =
                property.filter(|property| heap.key_text(property.key).as_deref() == Some(name));
            if let Some(PropertyValue::Data(word)) = property.next().map(|property| property.value) {
                answer.say(line(opened, object, name, crate::session::plain(word)));
                answer.words.push(pointer(object));
            }
        }
        // Variables of closures have names, too.
        let scopes = session.objects(opened, call.garbage)?;
        for scope in
            scopes.filter(|object| heap.map_of(*object).is_some_and(|map| map.is_context(heap.layout)))
        {
            for (key, word) in heap.context_variables(scope) {
                if heap.key_text(key).as_deref() == Some(name) {
                    answer.say(line(opened, scope, name, crate::session::plain(word)));
                    answer.words.push(pointer(scope));
                }
            }
        }
    }
    if answer.words.is_empty() {
        answer.say(format!("nothing has a property or variable {name}"));
    }
    Ok(answer)
}
