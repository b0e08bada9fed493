//! An answer as text, as mdb or llnode would have written it. All that comes from the heap is made safe here.

use std::fmt::Write;

use comfy_table::{Cell as TableCell, CellAlignment, ContentArrangement, Table as Rows, presets};
use investigation::postmortem::{Member, MemberKind, Value, ValueKind};
use shell::answer::{Answer, Cell, Field, Section, Shown, SourceLine, Style, Table};
use shell::wording;

use crate::text::{clip, safe};

/// Bytes in a line of a dump.
const DUMPED: usize = 16;
/// Characters of an object's content before its brace.
const SAID: usize = 100;

/// All sections, one below the other.
pub(super) fn of(answer: &Answer) -> String {
    let mut text = String::new();
    for section in &answer.sections {
        match section {
            Section::Line { text: line } => line_of(&mut text, &safe(line)),
            Section::Table(table) => rows(&mut text, table),
            Section::Fields { fields: all } => fields(&mut text, all),
            Section::Value(shown) => value(&mut text, shown),
            Section::Source { script, lines } => source(&mut text, script, lines),
            // The content of a string may have lines of its own.
            Section::Text { text: content } => {
                content.split('\n').for_each(|line| line_of(&mut text, &safe(line)))
            }
            Section::Memory { address, bytes } => dump(&mut text, *address, bytes),
        }
    }
    text
}

fn line_of(text: &mut String, line: &str) {
    text.push_str(line);
    text.push('\n');
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) => safe(text).into_owned(),
        Cell::Number(number) => number.to_string(),
        Cell::Address(address) => format!("{address:#x}"),
        Cell::Nothing => "-".to_owned(),
    }
}

/// Rows are not folded: they are read by other commands, too.
fn rows(text: &mut String, table: &Table) {
    let mut rows = Rows::new();
    rows.load_style(presets::NOTHING);
    rows.set_content_arrangement(ContentArrangement::Disabled);
    if table.columns.iter().any(|column| !column.heading.is_empty()) {
        rows.set_header(table.columns.iter().map(|column| TableCell::new(column.heading)));
    }
    for row in &table.rows {
        rows.add_row(row.iter().map(cell));
    }
    if rows.row_count() == 0 {
        return;
    }
    for (at, column) in rows.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        if table.columns[at].right {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    rows.lines().for_each(|line| line_of(text, line.trim_end()));
}

fn fields(text: &mut String, fields: &[Field]) {
    let width = fields.iter().map(|field| safe(&field.name).chars().count()).max().unwrap_or(0) + 1;
    for field in fields {
        let name = format!("{}:", safe(&field.name));
        let line = format!("{name:width$} {} {}", cell(&field.value), safe(&field.meaning));
        line_of(text, line.trim_end());
    }
}

fn value(text: &mut String, shown: &Shown) {
    text.push_str(&safe(&shown.label));
    match shown.style {
        Style::Mdb { addresses, base } => {
            mdb(text, &shown.value, 0, addresses, addresses || base);
        }
        Style::Llnode => llnode(text, &shown.value, 0),
    }
    text.push('\n');
}

/// `{ "name": value, }`, as `::jsprint` has it. Classes stand before the brace where they say more than it.
fn mdb(text: &mut String, value: &Value, level: usize, addresses: bool, own: bool) {
    if own && let Some(address) = value.address {
        let _ = write!(text, "{address:x}: ");
    }
    let class = value.class.as_deref().filter(|class| !matches!(*class, "Object" | "Array"));
    let class = class.map(|class| format!("{} ", safe(class))).unwrap_or_default();
    if value.members.is_empty() {
        let bare = Value { address: None, ..value.clone() };
        match value.kind {
            ValueKind::Object if value.omitted == 0 && value.text.is_none() => {
                let _ = write!(text, "{class}{{...}}");
            }
            ValueKind::Array if value.length == Some(0) => text.push_str("[]"),
            ValueKind::Array => text.push_str("[...]"),
            _ => text.push_str(&safe(&wording::short(&bare))),
        }
        return;
    }
    let (open, close) = if value.kind == ValueKind::Array { ('[', ']') } else { ('{', '}') };
    let said = value.text.as_ref().map(|text| format!("{} ", clip(text, SAID))).unwrap_or_default();
    let _ = writeln!(text, "{class}{said}{open}");
    let indent = "    ".repeat(level + 1);
    let mut expected = 0;
    for Member { name, kind, value: member } in &value.members {
        if value.kind == ValueKind::Array && *kind == MemberKind::Element {
            holes(text, &indent, &mut expected, name);
        }
        text.push_str(&indent);
        match kind {
            MemberKind::Property => {
                let _ = write!(text, "\"{}\": ", safe(name));
            }
            MemberKind::Element if value.kind == ValueKind::Array => {}
            MemberKind::Element => {
                let _ = write!(text, "[{}]: ", safe(name));
            }
            MemberKind::Entry => {
                let _ = write!(text, "{} => ", safe(name));
            }
            MemberKind::Variable => {
                let _ = write!(text, "(variable) {}: ", safe(name));
            }
            MemberKind::Internal => {
                let _ = write!(text, "({}) ", safe(name));
            }
        }
        mdb(text, member, level + 1, addresses, addresses);
        text.push_str(",\n");
    }
    if value.omitted > 0 {
        let _ = writeln!(text, "{indent}... {} more", value.omitted);
    }
    let _ = write!(text, "{}{close}", "    ".repeat(level));
}

/// Holes of an array before the element of an index.
fn holes(text: &mut String, indent: &str, expected: &mut u64, index: &str) {
    let Ok(index) = index.parse::<u64>() else { return };
    match index.saturating_sub(*expected) {
        0 => {}
        few @ 1..=4 => (0..few).for_each(|_| line_of(text, &format!("{indent}hole,"))),
        many => line_of(text, &format!("{indent}... {many} holes,")),
    }
    *expected = index + 1;
}

/// `0x3f1a40c2d5a8:<Object: Session properties { .name=... }>`, as `v8 inspect` has it.
fn llnode(text: &mut String, value: &Value, level: usize) {
    if value.members.is_empty() {
        text.push_str(&safe(&wording::llnode(value)));
        return;
    }
    let address = value.address.map(|address| format!("{address:#x}:")).unwrap_or_default();
    let _ = write!(text, "{address}<{}", safe(&wording::llnode_kind(value)));
    let groups: [(&str, &[MemberKind]); 4] = [
        ("properties", &[MemberKind::Property]),
        ("elements", &[MemberKind::Element, MemberKind::Entry]),
        ("variables", &[MemberKind::Variable]),
        ("internal fields", &[MemberKind::Internal]),
    ];
    let indent = "    ".repeat(level + 1);
    for (title, kinds) in groups {
        let members: Vec<&Member> =
            value.members.iter().filter(|member| kinds.contains(&member.kind)).collect();
        if members.is_empty() {
            continue;
        }
        let _ = writeln!(text, " {title} {{");
        for (at, member) in members.iter().enumerate() {
            let name = safe(&member.name);
            let _ = match member.kind {
                MemberKind::Element => write!(text, "{indent}[{name}]="),
                MemberKind::Entry => write!(text, "{indent}{name} => "),
                _ => write!(text, "{indent}.{name}="),
            };
            llnode(text, &member.value, level + 1);
            text.push_str(if at + 1 == members.len() { "}" } else { ",\n" });
        }
    }
    if value.omitted > 0 {
        let _ = write!(text, " ... {} more", value.omitted);
    }
    text.push('>');
}

fn source(text: &mut String, script: &str, lines: &[SourceLine]) {
    line_of(text, &format!("file: {}", safe(script)));
    for line in lines {
        let mark = if line.here { '>' } else { ' ' };
        line_of(text, format!("{mark}{:6} {}", line.number, safe_source(&line.text)).trim_end());
    }
}

/// Tabs are harmless, and usual in sources.
fn safe_source(line: &str) -> String {
    safe(&line.replace('\t', "    ")).into_owned()
}

/// As `::dump` does: 16 bytes a line, in hexadecimal and as characters.
fn dump(text: &mut String, address: u64, bytes: &[u8]) {
    for (i, line) in bytes.chunks(DUMPED).enumerate() {
        let mut hexadecimal = String::new();
        for (at, byte) in line.iter().enumerate() {
            let _ = write!(hexadecimal, "{}{byte:02x}", if at % 4 == 0 && at > 0 { " " } else { "" });
        }
        let printable = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
        let characters: String = line.iter().map(printable).collect();
        line_of(text, &format!("{:x}: {hexadecimal:<35}  {characters}", address + (i * DUMPED) as u64));
    }
}
