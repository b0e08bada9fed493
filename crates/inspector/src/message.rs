//! What a message of the target is: an answer, or an event.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// One message; its parts stay unparsed until somebody wants them.
#[derive(Debug, Deserialize)]
pub(crate) struct Incoming<'a> {
    pub(crate) id: Option<u64>,
    #[serde(borrow)]
    pub(crate) method: Option<Cow<'a, str>>,
    #[serde(borrow)]
    pub(crate) params: Option<&'a RawValue>,
    #[serde(borrow)]
    pub(crate) result: Option<&'a RawValue>,
    pub(crate) error: Option<ProtocolError>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct ProtocolError {
    #[serde(default)]
    pub(crate) code: i64,
    #[serde(default)]
    pub(crate) message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_events_and_errors_are_told_apart() {
        let answer: Incoming = serde_json::from_str(r#"{"id":3,"result":{"a":[1]}}"#).unwrap();
        assert_eq!((answer.id, answer.result.unwrap().get()), (Some(3), r#"{"a":[1]}"#));
        let event: Incoming = serde_json::from_str(r#"{"method":"A.b","params":{}}"#).unwrap();
        assert_eq!((event.id, event.method.as_deref()), (None, Some("A.b")));
        let error: Incoming =
            serde_json::from_str(r#"{"id":4,"error":{"code":-32601,"message":"'X' wasn't found"}}"#).unwrap();
        assert_eq!(error.error.unwrap().code, -32601);
    }
}
