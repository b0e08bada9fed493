//! Values in a line, as mdb and as llnode write them. Texts come from the heap as they are: whoever shows them makes
//! them safe.

use postmortem::answers::{Value, ValueKind, hex};

/// As llnode does: `0x3f1a40c2d5a8:<Object: Session>`, `<Smi: 42>`.
pub fn llnode(value: &Value) -> String {
    let address = value.address.map(|address| format!("{}:", hex(address))).unwrap_or_default();
    format!("{address}<{}>", llnode_kind(value))
}

/// The same without the address and the brackets.
pub fn llnode_kind(value: &Value) -> String {
    let text = value.text.as_deref().unwrap_or_default();
    let class = value.class.as_deref().unwrap_or("Object");
    let length = value.length.map(|length| format!(": length={length}")).unwrap_or_default();
    match value.kind {
        ValueKind::Number if value.address.is_none() => format!("Smi: {text}"),
        ValueKind::Number => format!("Number: {text}"),
        ValueKind::Undefined | ValueKind::Null | ValueKind::Boolean => text.to_owned(),
        ValueKind::String => {
            let more = if value.omitted > 0 { "..." } else { "" };
            format!("String: \"{text}{more}\"")
        }
        ValueKind::Symbol => format!("Symbol: \"{text}\""),
        ValueKind::BigInt => format!("BigInt: {text}n"),
        ValueKind::Function => format!("function: {text}"),
        ValueKind::BoundFunction => "bound function".to_owned(),
        ValueKind::Array => format!("Array{length}"),
        ValueKind::ArrayBuffer | ValueKind::TypedArray | ValueKind::DataView => format!("{class}{length}"),
        ValueKind::RegExp | ValueKind::Date => format!("{class} {text}"),
        ValueKind::Internal => format!("({class}){length}"),
        ValueKind::Empty => "hole".to_owned(),
        ValueKind::Missing => "missing".to_owned(),
        ValueKind::Accessor => "accessor".to_owned(),
        _ => format!("Object: {class}"),
    }
}

/// As mdb does: `0x3f1a40c2d5a8 (Session)`, `42`, `0x3f1a40c2d5a8 "text"`.
pub fn short(value: &Value) -> String {
    let address = value.address.map(|address| format!("{} ", hex(address))).unwrap_or_default();
    let text = value.text.as_deref().unwrap_or_default();
    match value.kind {
        ValueKind::String => {
            let more = if value.omitted > 0 { "..." } else { "" };
            format!("{address}\"{text}{more}\"")
        }
        ValueKind::Undefined | ValueKind::Null | ValueKind::Boolean | ValueKind::Number => text.to_owned(),
        ValueKind::BigInt => format!("{text}n"),
        ValueKind::Symbol => format!("{address}Symbol({text})"),
        ValueKind::Function => format!("{address}function {text}"),
        ValueKind::Empty => "hole".to_owned(),
        ValueKind::Missing => format!("{address}(missing)"),
        _ => {
            let class = value.class.as_deref().unwrap_or("Object");
            let text = if text.is_empty() { String::new() } else { format!(" {text}") };
            format!("{address}({class}{text})")
        }
    }
}
