//! The sections of allocation tracking: functions, call tree, samples.

use std::io::Read;

use super::error::ReadError;
use super::flat_numbers;
use super::header::SmallLayout;
use super::input::Input;
use crate::traces::{Sample, TraceFunction, TraceNode};

/// Rows of named fields out of a flat array.
struct Rows<'a> {
    layout: &'a SmallLayout,
    numbers: Vec<u64>,
    section: &'static str,
}

impl<'a> Rows<'a> {
    fn read<R: Read>(
        input: &mut Input<R>,
        layout: &'a SmallLayout,
        section: &'static str,
    ) -> Result<Self, ReadError> {
        let numbers = flat_numbers(input, section)?;
        if layout.fields() == 0 && !numbers.is_empty()
            || !numbers.len().is_multiple_of(layout.fields().max(1))
        {
            return Err(ReadError::Inconsistent {
                section: section.to_owned(),
                problem: format!(
                    "it ends at byte {} after {} numbers, for records of {} fields",
                    input.offset(),
                    numbers.len(),
                    layout.fields()
                ),
            });
        }
        Ok(Rows { layout, numbers, section })
    }

    fn each<T>(&self, mut make: impl FnMut(&dyn Fn(&str) -> u64) -> T) -> Result<Vec<T>, ReadError> {
        let width = self.layout.fields().max(1);
        let rows = self.numbers.chunks_exact(width);
        Ok(rows.map(|row| make(&|name: &str| self.layout.at(name).map_or(0, |at| row[at]))).collect())
    }

    fn narrow(&self, value: u64) -> u32 {
        // V8 writes "none" as an unsigned -1, in 32 or 64 bits.
        debug_assert!(!self.section.is_empty());
        u32::try_from(value).unwrap_or(u32::MAX)
    }
}

pub(super) fn functions<R: Read>(
    input: &mut Input<R>,
    layout: &SmallLayout,
) -> Result<Vec<TraceFunction>, ReadError> {
    let rows = Rows::read(input, layout, "trace_function_infos")?;
    rows.each(|field| TraceFunction {
        function_id: field("function_id"),
        name: rows.narrow(field("name")),
        script_name: rows.narrow(field("script_name")),
        script_id: rows.narrow(field("script_id")),
        line: rows.narrow(field("line")),
        column: rows.narrow(field("column")),
    })
}

pub(super) fn samples<R: Read>(input: &mut Input<R>, layout: &SmallLayout) -> Result<Vec<Sample>, ReadError> {
    let rows = Rows::read(input, layout, "samples")?;
    rows.each(|field| Sample {
        timestamp_us: field("timestamp_us"),
        last_assigned_id: field("last_assigned_id"),
    })
}

/// V8 records 64 frames of a stack.
const MAX_DEPTH: usize = 10_000;

/// One open level of the tree: whose children these are, and how far its record has come.
struct Level {
    parent: Option<u32>,
    node: TraceNode,
    field: usize,
}

/// The call tree: records whose `children` field is again a list of such records, to any depth.
pub(super) fn tree<R: Read>(input: &mut Input<R>, layout: &SmallLayout) -> Result<Vec<TraceNode>, ReadError> {
    const SECTION: &str = "trace_tree";
    input.expect(b'[', SECTION)?;
    let children = layout.at("children");
    let mut tree: Vec<TraceNode> = Vec::new();
    let open = |parent| Level {
        parent,
        node: TraceNode { id: 0, function: 0, count: 0, size: 0, parent: 0 },
        field: 0,
    };
    let mut levels = vec![open(None)];
    while let Some(level) = levels.last_mut() {
        match input.peek()? {
            Some(b',') => input.bump(),
            Some(b']') => {
                if level.field != 0 {
                    return Err(input.unexpected(SECTION, "the rest of a record", Some(b']')));
                }
                input.bump();
                levels.pop();
            }
            Some(b'[') if Some(level.field) == children => {
                input.bump();
                let parent = finish_record(level, &mut tree, SECTION)?;
                if levels.len() > MAX_DEPTH {
                    let problem = format!(
                        "{SECTION}, byte {}: stacks of more than {MAX_DEPTH} frames are not supported",
                        input.offset()
                    );
                    return Err(ReadError::TooLarge { problem });
                }
                levels.push(open(Some(parent)));
            }
            Some(b'0'..=b'9') if level.field < layout.fields() && Some(level.field) != children => {
                let value = input.unsigned(SECTION)?;
                set_field(&mut level.node, &layout.names[level.field], value);
                level.field += 1;
                if children.is_none() && level.field == layout.fields() {
                    finish_record(level, &mut tree, SECTION)?;
                }
            }
            found => return Err(input.unexpected(SECTION, "a number, '[' or ']'", found)),
        }
    }
    Ok(tree)
}

fn set_field(node: &mut TraceNode, name: &str, value: u64) {
    match name {
        "id" => node.id = u32::try_from(value).unwrap_or(u32::MAX),
        "function_info_index" => node.function = u32::try_from(value).unwrap_or(u32::MAX),
        "count" => node.count = value,
        "size" => node.size = value,
        _ => {}
    }
}

/// Adds a level's record to the tree and makes the level ready for the next one.
fn finish_record(level: &mut Level, tree: &mut Vec<TraceNode>, section: &str) -> Result<u32, ReadError> {
    let position = u32::try_from(tree.len())
        .map_err(|_| ReadError::TooLarge { problem: format!("{section}: more than 2^32 records") })?;
    tree.push(TraceNode { parent: level.parent.unwrap_or(position), ..level.node });
    level.field = 0;
    Ok(position)
}
