//! Lines as people write them: mdb's (`ADDR::cmd args | ::cmd ! shell`) and llnode's (`v8 cmd args`).

use crate::CommandError;

/// A line: commands whose answers feed the next, and what the text of the last is given to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Line {
    /// From left to right; empty for an empty line or a comment.
    pub stages: Vec<Stage>,
    /// What stands behind `!`: a command of the system's shell.
    pub shell: Option<String>,
}

/// One command of a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// What stands before `::`.
    pub address: Option<String>,
    /// What stands between it and `::`, behind a comma.
    pub count: Option<u64>,
    /// Whether it was written as mdb does, as llnode does, or as a bare word.
    pub form: Form,
    /// The command's name, without `::` and `v8`.
    pub name: String,
    /// What follows it.
    pub words: Vec<String>,
}

/// How a command was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `::name`
    Mdb,
    /// `v8 name`
    Llnode,
    /// `name`
    Bare,
}

/// Reads a line.
///
/// # Errors
/// If a quote is not closed or a command has no name.
pub fn parse(line: &str) -> Result<Line, CommandError> {
    let line = line.trim();
    if line.is_empty() || line.starts_with('#') || line.starts_with("//") {
        return Ok(Line::default());
    }
    let (commands, shell) = match find_outside_quotes(line, '!') {
        Some(at) => (&line[..at], Some(line[at + 1..].trim().to_owned())),
        None => (line, None),
    };
    let mut stages = Vec::new();
    let mut rest = commands;
    if !(commands.trim().is_empty() && shell.is_some()) {
        loop {
            let end = find_outside_quotes(rest, '|');
            stages.push(stage(rest[..end.unwrap_or(rest.len())].trim())?);
            match end {
                Some(end) => rest = &rest[end + 1..],
                None => break,
            }
        }
    }
    Ok(Line { stages, shell })
}

/// Where a character stands that no quotes surround.
fn find_outside_quotes(text: &str, wanted: char) -> Option<usize> {
    let mut quote = None;
    for (at, character) in text.char_indices() {
        match quote {
            Some(open) if character == open => quote = None,
            Some(_) => {}
            None if character == '"' || character == '\'' => quote = Some(character),
            None if character == wanted => return Some(at),
            None => {}
        }
    }
    None
}

fn stage(text: &str) -> Result<Stage, CommandError> {
    let head_end = text.find(['"', '\'']).unwrap_or(text.len());
    if let Some(at) = text[..head_end].find("::") {
        let (address, count) = address(text[..at].trim())?;
        let mut words = words(&text[at + 2..])?.into_iter();
        let name = words.next().ok_or_else(|| CommandError::usage("a command's name must follow ::"))?;
        return Ok(Stage { address, count, form: Form::Mdb, name, words: words.collect() });
    }
    let mut words = words(text)?.into_iter();
    let first = words.next().ok_or_else(|| CommandError::usage("there is no command between two |"))?;
    if first == "v8" {
        let name = words.next().unwrap_or_else(|| "help".to_owned());
        return Ok(Stage { address: None, count: None, form: Form::Llnode, name, words: words.collect() });
    }
    Ok(Stage { address: None, count: None, form: Form::Bare, name: first, words: words.collect() })
}

/// `ADDR` or `ADDR,COUNT`.
fn address(text: &str) -> Result<(Option<String>, Option<u64>), CommandError> {
    let (address, count) = match text.split_once(',') {
        Some((address, count)) => (address.trim(), Some(number(count.trim())?)),
        None => (text, None),
    };
    Ok(((!address.is_empty()).then(|| address.to_owned()), count))
}

/// A number as mdb reads it: hexadecimal, unless `0t` says that it is decimal.
///
/// # Errors
/// If it is none.
pub fn number(text: &str) -> Result<u64, CommandError> {
    let decimal = text.strip_prefix("0t").or_else(|| text.strip_prefix("0T"));
    let hexadecimal = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let parsed = match decimal {
        Some(digits) => digits.parse(),
        None => u64::from_str_radix(hexadecimal, 16),
    };
    parsed.map_err(|_| {
        CommandError::usage(&format!(
            "{text} is no number: hexadecimal digits, such as 0x3f1a40c2d5a9, or 0t and decimal ones"
        ))
    })
}

/// Words between blanks; quotes hold what contains them.
fn words(text: &str) -> Result<Vec<String>, CommandError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in text.chars() {
        match quote {
            Some(open) if character == open => quote = None,
            Some(_) => word.get_or_insert_default().push(character),
            None if character == '"' || character == '\'' => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            None if character.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err(CommandError::usage("a quote is not closed"));
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mdb(address: Option<&str>, name: &str, words: &[&str]) -> Stage {
        Stage {
            address: address.map(ToOwned::to_owned),
            count: None,
            form: Form::Mdb,
            name: name.to_owned(),
            words: words.iter().map(|word| (*word).to_owned()).collect(),
        }
    }

    #[test]
    fn the_talks_lines_are_read() {
        assert_eq!(parse("::findjsobjects").unwrap().stages, [mdb(None, "findjsobjects", &[])]);
        assert_eq!(
            parse("8f912df1::jsprint -d 4 member").unwrap().stages,
            [mdb(Some("8f912df1"), "jsprint", &["-d", "4", "member"])]
        );
        let line = parse("::findjsobjects -c Socket | ::findjsobjects | ::jsprint ! grep -c '|'").unwrap();
        assert_eq!(line.stages.len(), 3);
        assert_eq!(line.shell.as_deref(), Some("grep -c '|'"));
        assert_eq!(parse("! ls").unwrap(), Line { stages: Vec::new(), shell: Some("ls".to_owned()) });
        let counted = &parse("0x10,20::dump").unwrap().stages[0];
        assert_eq!((counted.address.as_deref(), counted.count), (Some("0x10"), Some(0x20)));
    }

    #[test]
    fn llnodes_lines_are_read() {
        let line = parse("v8 findrefs -s 'a | b'").unwrap();
        assert_eq!(line.stages[0].form, Form::Llnode);
        assert_eq!(line.stages[0].words, ["-s", "a | b"]);
        assert_eq!(parse("bt 3").unwrap().stages[0].form, Form::Bare);
        assert_eq!(parse("# a remark").unwrap(), Line::default());
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for line in ["::", "::a |", "| ::a", "::a 'open", "xyz,q::dump"] {
            assert!(parse(line).is_err(), "{line}");
        }
        assert_eq!(number("0t10").unwrap(), 10);
        assert_eq!(number("10").unwrap(), 16);
        assert!(number("hello").is_err());
    }
}
