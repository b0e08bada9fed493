//! A value of the program, as plain data.

use serde::{Serialize, Serializer};

/// Addresses are hexadecimal text: JSON numbers are not exact that far.
pub fn hex(address: u64) -> String {
    format!("{address:#x}")
}

fn hex_option<S: Serializer>(address: &Option<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    match address {
        Some(address) => serializer.serialize_str(&hex(*address)),
        None => serializer.serialize_none(),
    }
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names are JavaScript's")]
pub enum ValueKind {
    Undefined,
    Null,
    Boolean,
    Number,
    BigInt,
    String,
    Symbol,
    Function,
    BoundFunction,
    Array,
    Arguments,
    Object,
    Map,
    Set,
    WeakMap,
    WeakSet,
    WeakRef,
    FinalizationRegistry,
    Date,
    RegExp,
    Error,
    Promise,
    Generator,
    Proxy,
    ArrayBuffer,
    TypedArray,
    DataView,
    Wrapper,
    Accessor,
    /// What V8 keeps for itself.
    Internal,
    /// Nothing is there: a hole, a weak reference whose target died.
    Empty,
    /// The memory that holds it is missing or broken.
    Missing,
}

/// Where a member comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberKind {
    /// A named property.
    Property,
    /// Under an index.
    Element,
    /// Of a map or set.
    Entry,
    /// A variable of a closure.
    Variable,
    /// A part that programs cannot see: a promise's result, a bound function's target.
    Internal,
}

/// Something that a value holds.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Member {
    /// Name, index, or key.
    pub name: String,
    /// Where it comes from.
    pub kind: MemberKind,
    /// What it is.
    pub value: Value,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Value {
    /// Its address; none for small integers.
    #[serde(serialize_with = "hex_option")]
    pub address: Option<u64>,
    /// What it is.
    pub kind: ValueKind,
    /// The class of an object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// Its content in a line: a string's characters, a number's digits, a function's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Characters of a string, elements of an array, entries of a map, bytes of a buffer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub length: Option<u64>,
    /// What it holds; empty if that was not asked for.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub members: Vec<Member>,
    /// Members that were left out because of a limit.
    #[serde(skip_serializing_if = "is_zero")]
    pub omitted: u64,
    /// What could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Value {
    pub(super) fn new(kind: ValueKind, address: Option<u64>) -> Self {
        Self {
            address,
            kind,
            class: None,
            text: None,
            length: None,
            members: Vec::new(),
            omitted: 0,
            missing: None,
        }
    }

    pub(super) fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    pub(super) fn add(&mut self, name: impl Into<String>, kind: MemberKind, value: Value) {
        self.members.push(Member { name: name.into(), kind, value });
    }
}
