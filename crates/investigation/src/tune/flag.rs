//! One flag of V8 with its value, however it was written.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::explain::{self, V8Flag};

/// One flag of V8 with its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flag {
    /// With dashes between words, and without those before it or a `no-`.
    pub name: String,
    /// What stands after `=`.
    pub value: Option<String>,
    /// Whether it is turned off.
    pub negated: bool,
}

impl Flag {
    /// Reads a flag, with `-` or `_` between its words.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let name = explain::normal(text);
        let value = text.split_once('=').map(|(_, value)| value.to_owned());
        match name.strip_prefix("no-") {
            Some(positive) => Self { name: positive.to_owned(), value, negated: true },
            None => Self { name, value, negated: false },
        }
    }

    pub(super) fn exists_in(&self, flags: &[V8Flag]) -> bool {
        flags.iter().any(|flag| flag.name == self.name)
    }

    /// That a node does not have it, and what to use.
    pub(super) fn absence(&self, version: &str) -> String {
        let note = explain::note(&self.name).map(|note| format!(": {note}")).unwrap_or_default();
        format!("Node {version} does not have --{}{note}", self.name)
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let no = if self.negated { "no-" } else { "" };
        write!(f, "--{no}{}", self.name)?;
        self.value.as_ref().map_or(Ok(()), |value| write!(f, "={value}"))
    }
}

impl Serialize for Flag {
    /// As it is written on a command line.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_one_flag_are_one() {
        assert_eq!(Flag::parse("--max_semi_space_size=64"), Flag::parse("max-semi-space-size=64"));
        assert_eq!(Flag::parse("--no_memory_reducer").to_string(), "--no-memory-reducer");
        assert_eq!(Flag::parse("--max-old-space-size=100").to_string(), "--max-old-space-size=100");
    }
}
