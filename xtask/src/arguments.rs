//! The few options that tasks take: `--name value`, `--flag`, and after `--` a command.

use std::str::FromStr;

use anyhow::{Context, Result, bail};

/// The words after the task's name.
pub(crate) struct Arguments {
    words: Vec<String>,
    rest: Vec<String>,
}

impl Arguments {
    pub(crate) fn new(mut words: Vec<String>) -> Self {
        let end = words.iter().position(|word| word == "--");
        let rest = end.map(|end| words.split_off(end).split_off(1)).unwrap_or_default();
        Self { words, rest }
    }

    /// Takes the value of `--name VALUE`, if it is there.
    pub(crate) fn value<T: FromStr>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(at) = self.words.iter().position(|word| word == name) else { return Ok(None) };
        if at + 1 >= self.words.len() {
            bail!("{name} needs a value");
        }
        let value = self.words.drain(at..at + 2).next_back().unwrap_or_default();
        let parsed = value.parse().ok().with_context(|| format!("{name} {value}: not understood"))?;
        Ok(Some(parsed))
    }

    /// Takes the values of `--name A,B,C`, if they are there.
    pub(crate) fn list<T: FromStr>(&mut self, name: &str) -> Result<Option<Vec<T>>> {
        let Some(values) = self.value::<String>(name)? else { return Ok(None) };
        let parse =
            |value: &str| value.parse().ok().with_context(|| format!("{name} {value}: not understood"));
        values.split(',').map(parse).collect::<Result<_>>().map(Some)
    }

    /// Takes `--name`; whether it was there.
    pub(crate) fn flag(&mut self, name: &str) -> bool {
        let at = self.words.iter().position(|word| word == name);
        at.map(|at| self.words.remove(at)).is_some()
    }

    /// Takes the first word that is no option.
    pub(crate) fn word(&mut self) -> Option<String> {
        let at = self.words.iter().position(|word| !word.starts_with("--"))?;
        Some(self.words.remove(at))
    }

    /// The command after `--`, if every other word was taken.
    pub(crate) fn finish(self) -> Result<Vec<String>> {
        match self.words.first() {
            Some(word) => bail!("{word}: not understood"),
            None => Ok(self.rest),
        }
    }
}
