//! What a row of the layout says.

use serde::Serialize;

/// Whether V8 objects can be read without a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Need {
    /// Nothing can be read.
    Required,
    /// What depends on it is left out, or the field does not exist in this version.
    Optional,
}

/// How a value can be computed from others that the executable names.
#[derive(Debug, Clone, Copy)]
pub struct Derived {
    /// The name of another value in the executable, as in [`Row::symbol`].
    pub from: &'static str,
    /// What is added to it.
    pub add: i64,
}

/// A value that was measured for a range of V8 versions: first version, first version for which it no longer holds,
/// value.
pub type Span = (Version, Version, u64);

/// One value of the layout and the ways to it, best first: the executable's own metadata, a rule from other
/// metadata, what was measured.
#[derive(Debug, Clone, Copy)]
pub struct Row {
    /// Class and field.
    pub field: &'static str,
    /// Its name in the metadata: `class CLASS FIELD` (whatever type the third part of the symbol names), `type NAME`
    /// for an instance type, or a whole name after `v8dbg_`. Empty if the metadata has no such value.
    pub symbol: &'static str,
    /// Whether anything works without it.
    pub need: Need,
    /// Rules.
    pub derived: &'static [Derived],
    /// Measured values.
    pub measured: &'static [Span],
    /// Where the measured values and rules come from.
    pub source: &'static str,
}

/// Version of V8: major and minor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Version {
    /// Major.
    pub major: u32,
    /// Minor.
    pub minor: u32,
}

/// How a value was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Found {
    /// In the executable's metadata.
    Metadata,
    /// By a rule from the executable's metadata.
    Derived,
    /// Measured for this version of V8.
    Measured,
    /// Measured for another version: this one is not known, and the nearest was taken.
    Nearest,
    /// Not at all.
    Missing,
}

/// Shorthand for tables.
pub(super) const fn v(major: u32, minor: u32) -> Version {
    Version { major, minor }
}

/// The versions of V8 on which values were measured.
pub(super) const MEASURED: [Version; 5] = [v(10, 2), v(11, 3), v(12, 4), v(13, 6), v(14, 6)];

/// The first versions of V8 with the layouts of Node 18 (18.0 had 10.1), 20, 22, 24 and 26. Those of odd versions of
/// Node lie between.
pub(super) const NODE18: Version = v(10, 1);
/// Node 18.3 and later; 18.0 to 18.2 had 10.1.
pub(super) const NODE18_3: Version = v(10, 2);
pub(super) const NODE20: Version = v(11, 3);
pub(super) const NODE22: Version = v(12, 4);
pub(super) const NODE24: Version = v(13, 6);
pub(super) const NODE26: Version = v(14, 6);
/// The first version of which nothing is known.
pub(super) const UNKNOWN: Version = v(15, 0);

/// Where measured values come from.
pub(super) const SOURCE: &str = "measured on cores of Node 18.20.8, 20.19.5, 22.23.3, 24.9.0 and 26.10.0, and of 19.0.0, 19.8.1, 21.7.3, 23.11.1, 25.2.1";

/// The first version with the pages of Node 23. What else is different there is told by its metadata.
pub(super) const NODE23: Version = v(12, 9);

/// The same as [`five`], with another value on Node 23.
pub(super) const fn six(values: [u64; 5], node23: u64) -> [Span; 6] {
    let [a, b, (since, _, value), d, e] = five(values);
    [a, b, (since, NODE23, value), (NODE23, NODE24, node23), d, e]
}

/// The versions of Node 19.0, of 19.1 to 19.8, and of 21. What else is different there is told by their metadata.
const NODE19: Version = v(10, 7);
const NODE19_1: Version = v(10, 8);
pub(super) const NODE21: Version = v(11, 8);

/// The same spans, with other values on Node 19.0, on the later ones of 19, and on 21, where they are given. Of spans that
/// overlap the first one counts.
pub(super) const fn odd<const N: usize>(values: [Option<u64>; 3], spans: [Span; N]) -> [Span; 9] {
    let versions = [(NODE19, NODE19_1), (NODE19_1, NODE20), (NODE21, NODE22)];
    let mut all = [(UNKNOWN, UNKNOWN, 0); 9];
    let mut at = 0;
    while at < versions.len() {
        if let Some(value) = values[at] {
            all[at] = (versions[at].0, versions[at].1, value);
        }
        at += 1;
    }
    let mut at = 0;
    while at < N {
        // The last one is looked at for versions that are newer than all.
        all[9 - N + at] = spans[at];
        at += 1;
    }
    all
}

/// The version of Node 25.
pub(super) const NODE25: Version = v(14, 1);

/// The spans of a value that was measured on Node 18, 20, 22, 24 and 26.
pub(super) const fn five(values: [u64; 5]) -> [Span; 5] {
    [
        (NODE18, NODE20, values[0]),
        (NODE20, NODE22, values[1]),
        (NODE22, NODE24, values[2]),
        (NODE24, NODE26, values[3]),
        (NODE26, UNKNOWN, values[4]),
    ]
}
