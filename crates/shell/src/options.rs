//! What a command is called with: switches in one word or several, values behind their letter or apart.

use std::collections::BTreeMap;

use crate::CommandError;
use crate::table::{Address, Command};

/// A command's address, options and arguments.
#[derive(Debug, Clone, Default)]
pub struct Call {
    /// The word that it is of: an object's address or a small integer, as V8 keeps it; of snapshots an id.
    pub address: Option<u64>,
    /// What stood behind the address and a comma.
    pub count: Option<u64>,
    /// Whether garbage counts too.
    pub garbage: bool,
    pub(crate) values: BTreeMap<char, String>,
    /// What is no option.
    pub arguments: Vec<String>,
}

impl Call {
    /// Whether a switch was given.
    pub fn has(&self, letter: char) -> bool {
        self.values.contains_key(&letter)
    }

    /// The value of an option.
    pub fn value(&self, letter: char) -> Option<&str> {
        self.values.get(&letter).map(String::as_str)
    }

    /// The value of an option as a decimal number.
    ///
    /// # Errors
    /// If it is none.
    pub fn decimal(&self, letter: char) -> Result<Option<u64>, CommandError> {
        let number = |text: &str| {
            let wrong = || CommandError::usage(&format!("-{letter} takes a number, not {text}"));
            text.parse().map_err(|_| wrong())
        };
        self.value(letter).map(number).transpose()
    }

    /// The address, where the command cannot be without.
    ///
    /// # Errors
    /// If there is none.
    pub fn word(&self) -> Result<u64, CommandError> {
        self.address.ok_or_else(|| CommandError::usage("this command needs an address"))
    }
}

/// Sorts the words behind a command's name. An address among them is left in the arguments.
///
/// # Errors
/// If an option is not known, or its value is not there.
pub(crate) fn sort(command: &Command, words: &[String]) -> Result<Call, CommandError> {
    let mut call = Call::default();
    let mut words = words.iter();
    let unknown = |what: &str| {
        CommandError::usage(&format!(
            "{} has no option {what}; it is used as {}",
            command.name,
            command.usage()
        ))
    };
    while let Some(word) = words.next() {
        if word == "--garbage" {
            call.garbage = true;
        } else if word == "--" {
            call.arguments.extend(words.by_ref().cloned());
        } else if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (long, None),
            };
            let option = command.options.iter().find(|option| option.long == name && !name.is_empty());
            let option = option.ok_or_else(|| unknown(word))?;
            let value = match option.value {
                None => String::new(),
                Some(_) => take(value, &mut words, command, option.letter)?,
            };
            call.values.insert(option.letter, value);
        } else if let Some(letters) = word.strip_prefix('-').filter(|letters| !letters.is_empty()) {
            for (at, letter) in letters.char_indices() {
                let option = command.options.iter().find(|option| option.letter == letter);
                let option = option.ok_or_else(|| unknown(&format!("-{letter}")))?;
                if option.value.is_none() {
                    call.values.insert(letter, String::new());
                    continue;
                }
                let behind = &letters[at + letter.len_utf8()..];
                let value = (!behind.is_empty()).then(|| behind.to_owned());
                call.values.insert(letter, take(value, &mut words, command, letter)?);
                break;
            }
        } else {
            call.arguments.push(word.clone());
        }
    }
    if command.arguments.is_empty() && call.arguments.len() > usize::from(command.address != Address::None) {
        let text = format!("{} takes no such argument; it is used as {}", command.name, command.usage());
        return Err(CommandError::usage(&text));
    }
    Ok(call)
}

fn take<'w>(
    value: Option<String>,
    words: &mut impl Iterator<Item = &'w String>,
    command: &Command,
    letter: char,
) -> Result<String, CommandError> {
    value.or_else(|| words.next().cloned()).ok_or_else(|| {
        CommandError::usage(&format!(
            "-{letter} of {} needs a value; it is used as {}",
            command.name,
            command.usage()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::Form;
    use crate::table::find;

    fn call(name: &str, words: &[&str]) -> Result<Call, CommandError> {
        let words: Vec<_> = words.iter().map(|word| (*word).to_owned()).collect();
        sort(find(Form::Mdb, name).expect("a command"), &words)
    }

    #[test]
    fn options_may_stand_together_and_values_apart_or_behind() {
        let together = call("jsprint", &["-ad4", "name"]).unwrap();
        assert!(together.has('a') && !together.has('b'));
        assert_eq!((together.decimal('d').unwrap(), together.arguments[0].as_str()), (Some(4), "name"));
        let apart = call("jsprint", &["-d", "3"]).unwrap();
        assert_eq!(apart.decimal('d').unwrap(), Some(3));
        assert!(call("findjsobjects", &["--garbage"]).unwrap().garbage);
    }

    #[test]
    fn what_no_option_is_is_refused() {
        assert!(call("jsprint", &["-z"]).is_err());
        assert!(call("jsprint", &["-d"]).is_err());
        assert!(call("jsprint", &["-d", "x"]).unwrap().decimal('d').is_err());
        assert!(call("status", &["much"]).is_err());
    }
}
