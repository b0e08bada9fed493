//! One object: what it holds, and who refers to it.

use postmortem::Heap;
use postmortem::answers::{self, Describer, Limits, Reference, Value, hex};
use postmortem::heap::Liveness;
use postmortem::object::ClassNames;
use serde::Serialize;

use super::{Dead, PostmortemError};

/// An object.
#[derive(Clone, Debug, Serialize)]
pub struct Printed {
    /// The isolate that it is of.
    pub isolate: String,
    /// What it is and holds.
    pub value: Value,
    /// Whether it can be reached; garbage may be half written over.
    pub live: bool,
}

/// Who refers to an object.
#[derive(Clone, Debug, Serialize)]
pub struct References {
    /// The object's address.
    pub address: String,
    /// Its class, or the name of V8's own kind of object.
    pub class: String,
    /// The objects that refer to it.
    pub references: Vec<Reference>,
}

/// Describes the object at an address, tagged or not.
///
/// # Errors
/// If no object starts there.
pub fn print(dead: &Dead, address: &str, limits: Limits) -> Result<Printed, PostmortemError> {
    let (heap, object) = find(dead, address)?;
    let classes = ClassNames::new(&heap);
    let value = Describer::new(&heap, &classes, limits).object(object);
    let value = value.ok_or_else(|| no_object(address, "no object starts there"))?;
    let live = Liveness::mark(&heap).contains(&heap, object);
    Ok(Printed { isolate: hex(heap.isolate.address), value, live })
}

/// Finds the live objects that refer to the one at an address, or with `garbage` all of them.
///
/// # Errors
/// If no object starts there.
pub fn references(dead: &Dead, address: &str, garbage: bool) -> Result<References, PostmortemError> {
    let (heap, object) = find(dead, address)?;
    let classes = ClassNames::new(&heap);
    let live = (!garbage).then(|| Liveness::mark(&heap));
    let references = answers::find_references(&heap, &classes, live.as_ref(), object);
    let class = classes.of(object).or_else(|| Some(heap.type_name(heap.kind_of(object)?)));
    Ok(References { address: hex(object), class: class.unwrap_or_default(), references })
}

fn no_object(address: &str, why: &str) -> PostmortemError {
    PostmortemError::NoObject { address: address.to_owned(), why: why.to_owned() }
}

/// The heap that has an object at that address.
fn find<'d>(dead: &'d Dead, text: &str) -> Result<(Heap<'d>, u64), PostmortemError> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let address = u64::from_str_radix(digits, 16)
        .map_err(|_| no_object(text, "this is no address: hexadecimal digits, such as 0x3f1a40c2d5a9"))?;
    // Pointers carry a tag in their low bits.
    let object = address & !7;
    let mut before = None;
    for isolate in dead.isolates() {
        let heap = dead.heap(isolate);
        if heap.is_object(object) {
            return Ok((heap, object));
        }
        before = before.or_else(|| heap.object_around(object));
    }
    Err(match before {
        Some(start) => {
            no_object(text, &format!("no object starts there; it is inside of the one at {}", hex(start)))
        }
        None => no_object(text, "there is no object; it is in no V8 page"),
    })
}
