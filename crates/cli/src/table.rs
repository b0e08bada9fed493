//! Tables: numbers to the right, names to the left; as wide as the terminal, or as needed when piped.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, ContentArrangement, Table, presets};

use crate::output::Output;

/// One column: its heading and whether it has numbers.
pub(crate) enum Column {
    /// To the left.
    Name(&'static str),
    /// To the right.
    Number(&'static str),
}

/// Prints rows under headings. A table without rows is not printed.
pub(crate) fn print(
    output: &mut Output,
    columns: &[Column],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> io::Result<()> {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let arrangement =
        if output.is_terminal() { ContentArrangement::Dynamic } else { ContentArrangement::Disabled };
    table.set_content_arrangement(arrangement);
    table.set_header(columns.iter().map(|column| match column {
        Column::Name(name) | Column::Number(name) => Cell::new(name),
    }));
    for row in rows {
        table.add_row(row);
    }
    if table.row_count() == 0 {
        return Ok(());
    }
    for (column, kind) in table.column_iter_mut().zip(columns) {
        if matches!(kind, Column::Number(_)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    for line in table.trim_fmt().lines() {
        writeln!(output, " {line}")?;
    }
    Ok(())
}
