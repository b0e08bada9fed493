//! Where V8 keeps what: rows of data, resolved for one executable.

mod fields;
mod metadata;
mod row;
mod types;

use serde::Serialize;
use thiserror::Error;

use crate::core::Executable;
pub use fields::Fields;
pub use metadata::Metadata;
pub use row::{Derived, Found, Need, Row, Span, Version};
pub(crate) use types::NONE as NO_TYPE;
pub use types::Types;

/// Why no layout could be made.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LayoutError {
    /// The executable has no V8 metadata.
    #[error("{path} has no V8 metadata (v8dbg_ symbols): it is not Node, or was built without")]
    NotV8 {
        /// Path of the executable.
        path: String,
    },
    /// A build that keeps its pointers in another form.
    #[error("{path} was built with {what}, which is not read; official builds of Node are not")]
    OtherBuild {
        /// Path of the executable.
        path: String,
        /// `pointer compression`, ...
        what: &'static str,
    },
    /// Older than all that is known.
    #[error("V8 {version} is older than Node 18's, the oldest that is read")]
    TooOld {
        /// Version of V8.
        version: String,
    },
    /// Rows without a value.
    #[error("the layout of V8 {version} is not known: {} missing ({})", rows.len(), rows.join(", "))]
    Missing {
        /// Version of V8.
        version: String,
        /// Their fields.
        rows: Vec<&'static str>,
    },
}

/// A row's value and how it was found.
#[derive(Debug, Clone, Serialize)]
pub struct Provenance {
    /// Class and field.
    pub field: &'static str,
    /// The value; none if it is missing.
    pub value: Option<i64>,
    /// How it was found.
    pub found: Found,
    /// Whether anything works without it.
    pub need: Need,
    /// The symbol, the rule, or where the value was measured.
    pub how: String,
}

/// The layout of the V8 in one executable.
#[derive(Debug)]
pub struct Layout {
    /// Version of V8 in full, for people.
    pub version_text: String,
    /// Version of V8.
    pub version: Version,
    /// Offsets, sizes, constants.
    pub fields: Fields,
    /// Instance types.
    pub types: Types,
    /// How every value was found, in the rows' order.
    pub provenance: Vec<Provenance>,
    /// The metadata itself, for what no row names.
    pub metadata: Metadata,
    builtins: Vec<(u64, String)>,
}

impl Layout {
    /// Resolves every row for an executable.
    ///
    /// # Errors
    /// If the executable has no metadata, was built in a way that is not read, or a required row has no value.
    pub fn new(executable: &Executable) -> Result<Self, LayoutError> {
        let metadata = Metadata::read(executable);
        let path = executable.path.clone();
        if metadata.is_empty() {
            return Err(LayoutError::NotV8 { path });
        }
        if metadata.value("TaggedSize").is_some_and(|size| size != 8) {
            return Err(LayoutError::OtherBuild { path, what: "pointer compression" });
        }
        if metadata.value("SmiShiftSize").is_some_and(|size| size != 31) {
            return Err(LayoutError::OtherBuild { path, what: "31-bit small integers" });
        }
        let parts = metadata.version();
        let [Some(major), Some(minor), ..] = parts else { return Err(LayoutError::NotV8 { path }) };
        let version = Version { major: major as u32, minor: minor as u32 };
        let version_text = parts.iter().flatten().map(ToString::to_string).collect::<Vec<_>>().join(".");
        if version < row::NODE18 {
            return Err(LayoutError::TooOld { version: version_text });
        }
        let mut provenance = Vec::new();
        let mut resolve = |row: &Row| {
            let resolved = resolve(row, &metadata, version);
            let value = resolved.value;
            provenance.push(resolved);
            value
        };
        let fields = Fields::resolve(&mut resolve);
        let types = Types::resolve(&mut resolve);
        let missing = provenance.iter().filter(|row| row.value.is_none() && row.need == Need::Required);
        let rows: Vec<_> = missing.map(|row| row.field).collect();
        if !rows.is_empty() {
            return Err(LayoutError::Missing { version: version_text, rows });
        }
        let builtins = executable.builtin_names();
        Ok(Self { version_text, version, fields, types, provenance, metadata, builtins })
    }
}

impl Layout {
    /// Whether values were measured on this version of V8; if not, those of the nearest one are tried.
    pub fn is_measured(&self) -> bool {
        is_measured(self.version)
    }

    /// The builtin whose code starts at an address.
    pub(crate) fn builtin_at(&self, address: u64) -> Option<&str> {
        let at = self.builtins.binary_search_by_key(&address, |(start, _)| *start).ok()?;
        Some(&self.builtins[at].1)
    }

    /// The builtin whose code an address is in.
    pub(crate) fn builtin_around(&self, address: u64) -> Option<&str> {
        let next = self.builtins.partition_point(|(start, _)| *start <= address);
        self.builtins[..next].last().map(|(_, name)| name.as_str())
    }

    /// Where the first builtin of the program is.
    pub(crate) fn first_builtin(&self) -> Option<u64> {
        self.builtins.first().map(|(start, _)| *start)
    }

    /// The builtin with a number, where they lie in the order of their numbers.
    pub(crate) fn builtin_numbered(&self, number: u32) -> Option<&str> {
        self.builtins.get(number as usize).map(|(_, name)| name.as_str())
    }

    /// The name of a type that only a rule gives.
    pub(crate) fn derived_type_name(&self, kind: u16) -> Option<String> {
        let contexts = [
            "AWAIT",
            "BLOCK",
            "CATCH",
            "DEBUG_EVALUATE",
            "EVAL",
            "FUNCTION",
            "MODULE",
            "NATIVE",
            "SCRIPT",
            "WITH",
        ];
        let context = u64::from(kind).checked_sub(self.fields.first_context_type);
        if let Some(name) = context.and_then(|index| contexts.get(index as usize)) {
            return Some(format!("{name}_CONTEXT"));
        }
        let rows = self.provenance.iter().filter(|row| row.value == Some(i64::from(kind)));
        let mut names = rows.filter_map(|row| row.field.strip_suffix("_TYPE"));
        names.next().map(ToOwned::to_owned)
    }
}

fn resolve(row: &Row, metadata: &Metadata, version: Version) -> Provenance {
    let answer = |value, found, how| Provenance { field: row.field, value, found, need: row.need, how };
    if let Some(value) = metadata.value(row.symbol).filter(|_| !row.symbol.is_empty()) {
        return answer(Some(value), Found::Metadata, row.symbol.to_owned());
    }
    for rule in row.derived {
        if let Some(value) = metadata.value(rule.from) {
            let how = format!("{} {:+}", rule.from, rule.add);
            return answer(Some(value + rule.add), Found::Derived, how);
        }
    }
    let exact = row.measured.iter().find(|(since, until, _)| (*since..*until).contains(&version));
    if let Some((.., value)) = exact {
        let found = if is_measured(version) { Found::Measured } else { Found::Nearest };
        return answer(Some(*value as i64), found, row.source.to_owned());
    }
    // A value that is known up to some version and ends there is gone; only behind all that is known is the last
    // one tried.
    match row.measured.last().filter(|(_, until, _)| *until == row::UNKNOWN && version >= row::UNKNOWN) {
        Some((.., value)) => answer(Some(*value as i64), Found::Nearest, row.source.to_owned()),
        None => answer(None, Found::Missing, String::new()),
    }
}

/// Whether values were measured on this very version of V8.
fn is_measured(version: Version) -> bool {
    row::MEASURED.contains(&version)
}
