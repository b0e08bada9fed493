//! The `Runtime` domain: expressions and heap usage.

use std::io::{Read, Write};

use serde::{Deserialize, de::DeserializeOwned};
use serde_json::json;

use crate::{InspectorError, Session};

/// `Runtime.getHeapUsage`, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeapUsage {
    /// Used JavaScript heap.
    pub used_size: f64,
    /// Committed JavaScript heap.
    pub total_size: f64,
    /// Array buffers (Node 24 and later).
    pub backing_storage_size: Option<f64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Evaluated {
    result: RemoteObject,
    exception_details: Option<ExceptionDetails>,
}

#[derive(Deserialize)]
struct RemoteObject {
    #[serde(default)]
    value: serde_json::Value,
    description: Option<String>,
}

#[derive(Deserialize)]
struct ExceptionDetails {
    #[serde(default)]
    text: String,
    exception: Option<RemoteObject>,
}

impl<S: Read + Write> Session<S> {
    /// `Runtime.getHeapUsage`.
    ///
    /// # Errors
    /// When the target refuses or is gone.
    pub fn heap_usage(&mut self) -> Result<HeapUsage, InspectorError> {
        self.call("Runtime.getHeapUsage", json!({}))
    }

    /// Evaluates an expression in the global scope of the target and returns its value by JSON.
    ///
    /// # Errors
    /// When the expression throws, its value is not a `T`, or the target is gone.
    pub fn evaluate<T: DeserializeOwned>(&mut self, expression: &str) -> Result<T, InspectorError> {
        self.evaluate_given(expression, false)
    }

    /// Evaluates an expression as typed into a console: Node's `require` is there, also in programs of
    /// ECMAScript modules.
    ///
    /// # Errors
    /// When the expression throws, its value is not a `T`, or the target is gone.
    pub fn evaluate_in_console<T: DeserializeOwned>(
        &mut self,
        expression: &str,
    ) -> Result<T, InspectorError> {
        self.evaluate_given(expression, true)
    }

    /// Evaluates an expression whose value is JSON as text, which costs the target less than a value that the inspector
    /// has to turn into JSON.
    ///
    /// # Errors
    /// When the expression throws, its value is not the text of a `T`, or the target is gone.
    pub fn evaluate_text<T: DeserializeOwned>(&mut self, expression: &str) -> Result<T, InspectorError> {
        let text: String = self.evaluate(expression)?;
        serde_json::from_str(&text).map_err(|error| InspectorError::Malformed {
            what: format!("the text of {}", beginning(expression)),
            detail: error.to_string(),
        })
    }

    fn evaluate_given<T: DeserializeOwned>(
        &mut self,
        expression: &str,
        console: bool,
    ) -> Result<T, InspectorError> {
        let params = json!({
            "expression": expression, "returnByValue": true, "silent": true, "includeCommandLineAPI": console,
        });
        let evaluated: Evaluated = self.call("Runtime.evaluate", params)?;
        if let Some(details) = evaluated.exception_details {
            let text = details.exception.and_then(|thrown| thrown.description).unwrap_or(details.text);
            return Err(InspectorError::Threw { text });
        }
        serde_json::from_value(evaluated.result.value).map_err(|error| InspectorError::Malformed {
            what: format!("the value of {}", beginning(expression)),
            detail: error.to_string(),
        })
    }
}

/// Enough of an expression to recognise it.
fn beginning(expression: &str) -> String {
    match expression.char_indices().nth(80) {
        Some((cut, _)) => format!("{}…", &expression[..cut]),
        None => expression.to_owned(),
    }
}
