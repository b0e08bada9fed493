//! `v8 nodeinfo`, `v8 getactivehandles`, `v8 getactiverequests`: what Node keeps.

use postmortem::answers::{Limits, hex};
use postmortem::heap::words::{tag, untag};
use postmortem::object::{Element, PropertyValue};
use process_memory::ReadExt;

use super::objects::matching;
use super::print::value_of;
use super::row;
use crate::CommandError;
use crate::answer::Answer;
use crate::options::Call;
use crate::session::{Opened, Session, pointer};
use crate::syntax::Form;
use crate::table::{Address, Command, OnSnapshot};
use crate::wording;

pub(super) const ROWS: &[Command] = &[
    Command {
        form: Form::Llnode,
        address: Address::None,
        snapshot: OnSnapshot::Cannot(
            "it has process's properties, but not those that are numbers; see findjsobjects -c process",
        ),
        ..row("nodeinfo", "what `process` says: pid, platform, versions, arguments", node_info)
    },
    Command {
        form: Form::Llnode,
        address: Address::None,
        snapshot: OnSnapshot::Cannot(NO_QUEUES),
        ..row(
            "getactivehandles",
            "what keeps the event loop alive: sockets, servers, timers of C++",
            active_handles,
        )
    },
    Command {
        form: Form::Llnode,
        address: Address::None,
        snapshot: OnSnapshot::Cannot(NO_QUEUES),
        ..row(
            "getactiverequests",
            "requests that were under way: writes, reads of files, look-ups of names",
            active_requests,
        )
    },
];

const NO_QUEUES: &str = "Node's queues are in C++ memory, which it lacks";
/// No queue is longer.
const MOST: usize = 1 << 20;
/// Owners of owners that go on longer are a loop.
const MOST_OWNERS: usize = 16;

/// The object `process` of an isolate: of the class `process`, with a property `pid`.
fn process(session: &Session<'_, '_>, opened: &Opened<'_, '_>) -> Result<Option<u64>, CommandError> {
    let names = opened.names();
    let is_it = |object: u64| {
        names.of(object).as_deref() == Some("process")
            && names.property_names(object).iter().any(|name| name == "pid")
    };
    Ok(matching(session, opened, true, is_it)?.into_iter().next())
}

/// A property of an object by its name, if it is no accessor.
pub(super) fn property(opened: &Opened<'_, '_>, object: u64, name: &str) -> Option<u64> {
    let properties = opened.heap.properties(object).into_iter();
    let mut named = properties.filter(|own| opened.heap.key_text(own.key).as_deref() == Some(name));
    match named.next()?.value {
        PropertyValue::Data(word) => Some(word),
        _ => None,
    }
}

/// A value's content: a string's characters, a number's digits.
pub(super) fn text(opened: &Opened<'_, '_>, word: u64) -> Option<String> {
    value_of(opened, word, Limits { depth: 0, elements: 0, string: 4096 })?.text
}

fn node_info(session: &Session<'_, '_>, _: &Call) -> Result<Answer, CommandError> {
    let mut answer = Answer::default();
    for opened in &session.isolates {
        let Some(process) = process(session, opened)? else { continue };
        one_process(opened, process, &mut answer);
    }
    match answer.sections.is_empty() {
        true => Err(CommandError::failed(
            "no object `process` was found: this is not Node, or parts of its heap are missing",
        )),
        false => Ok(answer),
    }
}

fn one_process(opened: &Opened<'_, '_>, process: u64, answer: &mut Answer) {
    let heap = opened.heap;
    let of = |name: &str| property(opened, process, name);
    let said = |name: &str| of(name).and_then(|word| text(opened, word)).unwrap_or_else(|| "?".to_owned());
    answer.words.push(pointer(process));
    answer.say(format!("Information for process id {} (process={})", said("pid"), hex(process)));
    answer.say(format!(
        "Platform = {}, Architecture = {}, Node Version = {}",
        said("platform"),
        said("arch"),
        said("version")
    ));
    for (title, name) in [("Component versions", "versions"), ("Release Info", "release")] {
        let Some(object) = of(name).and_then(|word| heap.target(word)) else { continue };
        answer.say(format!("{title} (process.{name}={}):", hex(object)));
        for own in heap.properties(object) {
            if let (Some(key), PropertyValue::Data(word)) = (heap.key_text(own.key), own.value) {
                answer.say(format!("    {key} = {}", text(opened, word).unwrap_or_default()));
            }
        }
    }
    answer.say(format!("Executable Path = {}", said("execPath")));
    for (title, name) in [("Command line arguments", "argv"), ("Node.js Command line arguments", "execArgv")]
    {
        let Some(object) = of(name).and_then(|word| heap.target(word)) else { continue };
        answer.say(format!("{title} (process.{name}={}):", hex(object)));
        for (index, element) in heap.elements(object, MOST).entries {
            if let Element::Tagged(word) = element {
                answer.say(format!("    [{index}] = '{}'", text(opened, word).unwrap_or_default()));
            }
        }
    }
}

/// Node's variables for debuggers. They are set when it starts, so they are read from its memory, not from its file.
struct Debug<'s, 'h, 'd> {
    session: &'s Session<'h, 'd>,
}

impl Debug<'_, '_, '_> {
    fn address(&self, name: &str) -> Result<u64, CommandError> {
        self.session.dead.executable().variable_address(name).ok_or_else(|| {
            CommandError::failed(format!("the program has no {name}: it is not Node, or was built without"))
        })
    }

    fn offset(&self, name: &str) -> Result<u64, CommandError> {
        let address = self.address(&format!("nodedbg_offset_{name}"))?;
        self.session.dead.memory().u64_at(address).map_err(|gap| CommandError::failed(gap.to_string()))
    }

    fn constant(&self, name: &str) -> Result<u64, CommandError> {
        let address = self.address(&format!("nodedbg_const_{name}"))?;
        let value = self.session.dead.memory().u32_at(address);
        value.map(u64::from).map_err(|gap| CommandError::failed(gap.to_string()))
    }
}

/// A queue of Node's environment: where it starts in it, and where its links lie in what it links.
struct Queue {
    in_environment: u64,
    in_item: u64,
    next: u64,
}

/// The items of a queue that is a ring; `None` if it is none.
fn ring(memory: &dyn process_memory::ProcessMemory, head: u64, queue: &Queue) -> Option<Vec<u64>> {
    let mut items = Vec::new();
    let mut at = memory.u64_at(head.checked_add(queue.next)?).ok()?;
    while at != head {
        if items.len() >= MOST || at == 0 || !at.is_multiple_of(8) {
            return None;
        }
        items.push(at.checked_sub(queue.in_item)?);
        at = memory.u64_at(at.checked_add(queue.next)?).ok()?;
    }
    Some(items)
}

/// The queues' items of all environments of an isolate: contexts keep the address of theirs in their embedder's data.
fn items(
    session: &Session<'_, '_>,
    opened: &Opened<'_, '_>,
    queue: &Queue,
) -> Result<Vec<u64>, CommandError> {
    let heap = opened.heap;
    let index = Debug { session }.constant("ContextEmbedderIndex__kEnvironment__int")?;
    let mut environments = Vec::new();
    session.go_on("looking for Node's environment")?;
    let arrays =
        heap.objects().filter(|object| heap.kind_of(*object) == Some(heap.layout.types.embedder_data_array));
    for array in arrays {
        let length = heap.field(array, heap.layout.fields.array_length).ok().map(|word| word >> 32);
        if length.is_some_and(|length| length > index)
            && let Ok(environment) = heap.field(array, heap.layout.fields.array_data + 8 * index)
            && environment != 0
            && environment % 8 == 0
            && !environments.contains(&environment)
        {
            environments.push(environment);
        }
    }
    let heads = environments.iter().filter_map(|environment| environment.checked_add(queue.in_environment));
    Ok(heads.filter_map(|head| ring(heap.memory, head, queue)).flatten().collect())
}

/// The JavaScript object of something of Node's C++, and whose it is.
fn owner(opened: &Opened<'_, '_>, item: u64, persistent: u64) -> Option<u64> {
    let heap = opened.heap;
    let handle = heap.memory.u64_at(item.checked_add(persistent)?).ok().filter(|handle| *handle != 0)?;
    let mut object = heap.target(heap.memory.u64_at(handle).ok()?)?;
    for _ in 0..MOST_OWNERS {
        let next = property(opened, object, "[owner_symbol]").and_then(|word| heap.target(word));
        let next = next.filter(|next| heap.map_of(*next).is_some_and(|map| map.is_receiver(heap.layout)));
        match next {
            Some(next) => object = next,
            None => break,
        }
    }
    Some(object)
}

fn list(opened: &Opened<'_, '_>, object: u64, note: &str, answer: &mut Answer) {
    let limits = Limits { depth: 0, elements: 0, string: 60 };
    let value = value_of(opened, tag(object), limits);
    let text = value.map_or_else(|| hex(object), |value| wording::llnode(&value));
    answer.say(format!("{text}{note}"));
    answer.words.push(pointer(object));
}

fn active_handles(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let debug = Debug { session };
    let queue = Queue {
        in_environment: debug.offset("Environment__handle_wrap_queue___Environment_HandleWrapQueue")?
            + debug.offset("Environment_HandleWrapQueue__head___ListNode_HandleWrap")?,
        in_item: debug.offset("HandleWrap__handle_wrap_queue___ListNode_HandleWrap")?,
        next: debug.offset("ListNode_HandleWrap__next___uintptr_t")?,
    };
    let persistent = debug.offset("BaseObject__persistent_handle___v8_Persistent_v8_Object")?;
    let mut answer = Answer::default();
    for opened in &session.isolates {
        for item in items(session, opened, &queue)? {
            let Some(object) = owner(opened, item, persistent) else { continue };
            // Those that do not keep the loop alive are not active, as process._getActiveHandles() has it.
            match has_reference(opened, item + queue.in_item) {
                Some(true) => list(opened, object, "", &mut answer),
                Some(false) if call.garbage => {
                    list(opened, object, " (does not keep the loop alive)", &mut answer)
                }
                Some(false) => {}
                None => list(opened, object, " (its state is not there)", &mut answer),
            }
        }
    }
    if answer.words.is_empty() {
        answer.say("no handle keeps the event loop alive");
    }
    Ok(answer)
}

/// Behind a handle's links stands the address of libuv's handle, whose flags say whether it counts.
fn has_reference(opened: &Opened<'_, '_>, links: u64) -> Option<bool> {
    // `struct uv_handle_s` in uv.h, 64 bits: data, loop, type, close_cb, queue[2], u[4], next_closing, flags.
    const FLAGS: u64 = 88;
    // `UV_HANDLE_CLOSED` and `UV_HANDLE_REF` of libuv's uv-common.h.
    const CLOSED: u32 = 2;
    const REFERENCED: u32 = 8;
    let memory = opened.heap.memory;
    let handle = memory.u64_at(links.checked_add(16)?).ok()?;
    let flags = memory.u32_at(handle.checked_add(FLAGS)?).ok()?;
    Some(flags & (CLOSED | REFERENCED) == REFERENCED)
}

fn active_requests(session: &Session<'_, '_>, _: &Call) -> Result<Answer, CommandError> {
    let debug = Debug { session };
    let queue = Queue {
        in_environment: debug.offset("Environment__req_wrap_queue___Environment_ReqWrapQueue")?
            + debug.offset("Environment_ReqWrapQueue__head___ListNode_ReqWrapQueue")?,
        in_item: debug.offset("ReqWrap__req_wrap_queue___ListNode_ReqWrapQueue")?,
        next: debug.offset("ListNode_ReqWrap__next___uintptr_t")?,
    };
    let persistent = debug.offset("BaseObject__persistent_handle___v8_Persistent_v8_Object")?;
    let mut answer = Answer::default();
    for opened in &session.isolates {
        for item in items(session, opened, &queue)? {
            if let Some(object) = owner(opened, item, persistent) {
                list(opened, untag(tag(object)), "", &mut answer);
            }
        }
    }
    if answer.words.is_empty() {
        answer.say("no request was under way");
    }
    Ok(answer)
}
