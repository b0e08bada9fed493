//! `shapes.txt` against what V8 itself says of each version: its rows are those that `cargo xtask v8-tables` reads off a
//! core and a snapshot of one process.

#![allow(clippy::print_stdout, reason = "how much was compared")]

mod common;

use std::collections::HashMap;

use test_heaps::cores::How;
use test_heaps::nodes::SUPPORTED;

use common::known;
use common::tables::{Row, read};

const TABLE: &str = include_str!("../src/graph/shapes.txt");

/// The rows of one column: kind and fields by the type's name or number.
fn rows(major: &str) -> HashMap<&'static str, (&'static str, Vec<&'static str>)> {
    let row = |line: &'static str| {
        let mut words = line.split(' ');
        let versions = words.next()?;
        let here = versions.split(',').any(|version| version == major);
        here.then_some((words.next()?, (words.next()?, words.collect())))
    };
    TABLE.lines().filter_map(row).collect()
}

/// Whether V8's edges of this name lie where the table says; `None` if it named none here, or one whose target is in no
/// word of the object any more: the program ran on behind its snapshot, and lists that grow are replaced.
fn holds(row: &Row, field: &str) -> Option<bool> {
    let (name, offset) = field.split_once('@')?;
    let weak = name.starts_with('~');
    let wanted = name.trim_start_matches('~');
    let (_, offsets) = row.fields().find(|(name, _)| name.weak == weak && name.name == wanted)?;
    (!offsets.is_empty()).then_some(offsets.contains(&offset.parse().ok()?))
}

#[test]
fn the_table_is_what_v8_says() {
    for version in SUPPORTED {
        let major = version.split('.').next().unwrap();
        let table = rows(major);
        let opened = known(version, How::Abort);
        let heap = opened.heap();
        let (mut types, mut fields, mut wrong) = (0, 0, Vec::new());
        for (number, row) in read(&opened) {
            let name = heap.type_name(number);
            let name = name.trim_start_matches("type ").trim_end_matches("_TYPE");
            let of_table = table.get(name).or_else(|| table.get(number.to_string().as_str()));
            // Types of receivers that have no row are read as their bases.
            let Some((kind, known)) = of_table else { continue };
            types += 1;
            // Holders make what is theirs `code` or an `object shape`, whatever it is by itself.
            let by_holder = *kind == "hidden" && matches!(row.kind(), "code" | "object shape");
            if !by_holder && !row.has_kind(&kind.replace('-', " ")) && !row.has_kind(kind) {
                wrong.push(format!("{name} is {kind} in the table: {row}"));
            }
            for field in known {
                match holds(&row, field) {
                    Some(true) => fields += 1,
                    Some(false) => wrong.push(format!("{name} has no {field}: {row}")),
                    None => {}
                }
            }
        }
        println!("{version}: {types} types and {fields} fields are in the table");
        assert!(types > 60 && fields > 60, "{version}: {types} types, {fields} fields");
        assert_eq!(wrong, Vec::<String>::new(), "{version}");
    }
}
