//! What commands answer: plain data, and words for the next command of a pipe.

use postmortem::answers::{Value, hex};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

/// An answer.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Answer {
    /// What is shown, from top to bottom.
    pub sections: Vec<Section>,
    /// What a next command works on: addresses of objects (tagged), small integers as V8 keeps them; ids of snapshots.
    #[serde(skip)]
    pub words: Vec<u64>,
    /// What does not belong to the answer and should be known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// A part of an answer.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
pub enum Section {
    /// A sentence.
    Line {
        /// The sentence.
        text: String,
    },
    /// Rows.
    Table(Table),
    /// Names and what belongs to them.
    Fields {
        /// In order.
        fields: Vec<Field>,
    },
    /// An object.
    Value(Shown),
    /// Lines of a program.
    Source {
        /// The script's name.
        script: String,
        /// Its lines.
        lines: Vec<SourceLine>,
    },
    /// The content of a string, as it is.
    Text {
        /// The content.
        text: String,
    },
    /// Bytes.
    Memory {
        /// Where they are.
        #[serde(serialize_with = "hex_address")]
        address: u64,
        /// The bytes.
        #[serde(serialize_with = "hex_bytes")]
        bytes: Vec<u8>,
    },
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde calls it so")]
fn hex_address<S: Serializer>(address: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&hex(*address))
}

fn hex_bytes<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

/// How an object is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As mdb's `::jsprint` does.
    Mdb {
        /// Whether the address stands before each value (`-a`).
        addresses: bool,
        /// Whether it stands before the first (`-b`).
        base: bool,
    },
    /// As llnode's `v8 inspect` does.
    Llnode,
}

/// An object and how it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct Shown {
    /// The object.
    pub value: Value,
    /// What stands before it: a reference's name, for instance.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub label: String,
    /// How.
    #[serde(skip)]
    pub style: Style,
}

/// A line of a program.
#[derive(Debug, Clone, Serialize)]
pub struct SourceLine {
    /// From 1.
    pub number: u64,
    /// Its text.
    pub text: String,
    /// Whether it is the one that was asked for.
    pub here: bool,
}

/// A name and what belongs to it.
#[derive(Debug, Clone, Serialize)]
pub struct Field {
    /// The name.
    pub name: String,
    /// The rest.
    pub value: Cell,
    /// What the value means.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub meaning: String,
}

/// One entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cell {
    /// Words.
    Text(String),
    /// A number.
    Number(u64),
    /// An address.
    Address(u64),
    /// Nothing.
    Nothing,
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Number(number) => serializer.serialize_u64(*number),
            Self::Address(address) => serializer.serialize_str(&hex(*address)),
            Self::Nothing => serializer.serialize_none(),
        }
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<Option<String>> for Cell {
    fn from(text: Option<String>) -> Self {
        text.map_or(Self::Nothing, Self::Text)
    }
}

/// A column: its name in JSON, its heading, whether it is set to the right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// In JSON.
    pub key: &'static str,
    /// In text; empty where lines have no headings.
    pub heading: &'static str,
    /// Numbers are set to the right.
    pub right: bool,
}

/// A column that is set to the left.
pub const fn left(key: &'static str, heading: &'static str) -> Column {
    Column { key, heading, right: false }
}

/// A column that is set to the right.
pub const fn right(key: &'static str, heading: &'static str) -> Column {
    Column { key, heading, right: true }
}

/// Rows.
#[derive(Debug, Clone)]
pub struct Table {
    /// The columns.
    pub columns: &'static [Column],
    /// As many cells as columns in each.
    pub rows: Vec<Vec<Cell>>,
}

impl Serialize for Table {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        struct Row<'a>(&'a [Column], &'a [Cell]);
        impl Serialize for Row<'_> {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(Some(self.0.len()))?;
                for (column, cell) in self.0.iter().zip(self.1) {
                    map.serialize_entry(column.key, cell)?;
                }
                map.end()
            }
        }
        let mut map = serializer.serialize_map(Some(1))?;
        let rows: Vec<_> = self.rows.iter().map(|row| Row(self.columns, row)).collect();
        map.serialize_entry("rows", &rows)?;
        map.end()
    }
}

impl Answer {
    /// A sentence.
    pub(crate) fn line(text: impl Into<String>) -> Self {
        let mut answer = Self::default();
        answer.say(text);
        answer
    }

    /// One more sentence.
    pub(crate) fn say(&mut self, text: impl Into<String>) {
        self.sections.push(Section::Line { text: text.into() });
    }

    /// Rows.
    pub(crate) fn table(columns: &'static [Column], rows: Vec<Vec<Cell>>) -> Self {
        Self { sections: vec![Section::Table(Table { columns, rows })], ..Self::default() }
    }

    /// One more field, in the list of fields at the end.
    pub(crate) fn field(&mut self, name: impl Into<String>, value: impl Into<Cell>) {
        self.explained(name, value, String::new());
    }

    /// The same, with what the value means.
    pub(crate) fn explained(&mut self, name: impl Into<String>, value: impl Into<Cell>, meaning: String) {
        let field = Field { name: name.into(), value: value.into(), meaning };
        match self.sections.last_mut() {
            Some(Section::Fields { fields }) => fields.push(field),
            _ => self.sections.push(Section::Fields { fields: vec![field] }),
        }
    }

    /// Puts another answer behind this one. Tables with the same columns become one.
    pub(crate) fn append(&mut self, other: Self) {
        for section in other.sections {
            match (self.sections.last_mut(), section) {
                (Some(Section::Table(last)), Section::Table(next)) if last.columns == next.columns => {
                    last.rows.extend(next.rows);
                }
                (_, section) => self.sections.push(section),
            }
        }
        self.words.extend(other.words);
        for remark in other.remarks {
            if !self.remarks.contains(&remark) {
                self.remarks.push(remark);
            }
        }
    }
}
