//! The page of `top`: a table of processes, sorted by choice.

use std::cmp::Reverse;

use investigation::top::{Inspector, NodeProcess};
use ratatui::Frame;
use ratatui::crossterm::event::KeyCode;
use ratatui::layout::{Constraint, Layout};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Cell, Row, Table, TableState};

use crate::text::{clip, safe, size};

/// The columns: heading, width.
pub(crate) const COLUMNS: [(&str, u16); 12] = [
    ("PID", 8),
    ("NAME", 26),
    ("NODE", 9),
    ("RSS", 9),
    ("TREND", 11),
    ("HEAP", 9),
    ("FLOOR", 11),
    ("LIMIT", 9),
    ("TO LIMIT", 9),
    ("CPU", 6),
    ("UP", 7),
    ("INSPECTOR", 24),
];

/// The columns that say something, by their places: those of the heap only where one can be looked at.
pub(crate) fn columns(rows: &[NodeProcess]) -> Vec<usize> {
    let has_heap = rows.iter().any(|row| row.heap.is_some());
    let says = |&at: &usize| has_heap || !matches!(COLUMNS[at].0, "HEAP" | "FLOOR");
    (0..COLUMNS.len()).filter(says).collect()
}

/// What rows are sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Order {
    /// The largest first
    #[default]
    Rss,
    /// The fastest growing first
    Trend,
    /// The first to reach its limit first
    Limit,
    /// The busiest first
    Cpu,
    /// The youngest first
    Up,
    /// By id
    Pid,
    /// By name
    Name,
}

impl Order {
    fn of_key(key: char) -> Option<Order> {
        Some(match key {
            'm' => Order::Rss,
            't' => Order::Trend,
            'l' => Order::Limit,
            'c' => Order::Cpu,
            'u' => Order::Up,
            'p' => Order::Pid,
            'n' => Order::Name,
            _ => return None,
        })
    }

    /// Sorts; what is not known comes last.
    pub(crate) fn sort(self, rows: &mut [NodeProcess]) {
        let number = |value: Option<f64>| Reverse((value.unwrap_or(f64::MIN) * 1024.0) as i64);
        match self {
            Order::Rss => rows.sort_by_key(|row| Reverse(row.resident)),
            Order::Trend => rows.sort_by_key(|row| number(row.resident_per_second)),
            Order::Limit => rows.sort_by_key(|row| row.seconds_to_limit.map_or(u64::MAX, |time| time as u64)),
            Order::Cpu => rows.sort_by_key(|row| number(row.cpu)),
            Order::Up => rows.sort_by_key(|row| row.uptime.map_or(u64::MAX, |time| time as u64)),
            Order::Pid => rows.sort_by_key(|row| row.pid),
            Order::Name => rows.sort_by(|a, b| a.name.cmp(&b.name)),
        }
    }
}

/// The state of the page.
#[derive(Debug, Default)]
pub(crate) struct TopPage {
    pub(crate) rows: Vec<NodeProcess>,
    pub(crate) order: Order,
    /// The chosen process; it stays chosen wherever sorting moves it.
    pub(crate) chosen: Option<u32>,
}

/// What a key asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Nothing,
    Leave,
    Watch(u32),
}

impl TopPage {
    /// Takes up a new look at the machine.
    pub(crate) fn update(&mut self, rows: Vec<NodeProcess>) {
        self.rows = rows;
        self.order.sort(&mut self.rows);
        if self.position().is_none() {
            self.chosen = self.rows.first().map(|row| row.pid);
        }
    }

    fn position(&self) -> Option<usize> {
        self.rows.iter().position(|row| Some(row.pid) == self.chosen)
    }

    /// Obeys a key.
    pub(crate) fn key(&mut self, key: KeyCode) -> Asked {
        let last = self.rows.len().saturating_sub(1);
        let at = self.position().unwrap_or(0);
        let go = match key {
            KeyCode::Char('q') | KeyCode::Esc => return Asked::Leave,
            KeyCode::Enter => return self.chosen.map_or(Asked::Nothing, Asked::Watch),
            KeyCode::Down | KeyCode::Char('j') => at.saturating_add(1).min(last),
            KeyCode::Up | KeyCode::Char('k') => at.saturating_sub(1),
            KeyCode::Home => 0,
            KeyCode::End => last,
            KeyCode::Char(key) => {
                if let Some(order) = Order::of_key(key) {
                    self.order = order;
                    order.sort(&mut self.rows);
                }
                return Asked::Nothing;
            }
            _ => return Asked::Nothing,
        };
        self.chosen = self.rows.get(go).map(|row| row.pid);
        Asked::Nothing
    }

    /// Draws the page.
    pub(crate) fn draw(&self, frame: &mut Frame<'_>) {
        let [head, table, foot] =
            Layout::vertical([Constraint::Length(2), Constraint::Min(3), Constraint::Length(1)])
                .areas(frame.area());
        let sum: u64 = self.rows.iter().filter_map(|row| row.resident).sum();
        let title = vec![
            Span::styled("heapdowse top", Style::new().add_modifier(Modifier::BOLD)),
            Span::raw(format!("  {} Node.js processes, {} resident", self.rows.len(), size(sum))),
        ];
        frame.render_widget(Line::from(title), head);
        let columns = columns(&self.rows);
        let rows = self.rows.iter().map(|row| {
            let cells = cells(row);
            let cells = columns.iter().map(|&at| Cell::from(cells[at].clone()));
            Row::new(cells).style(tone(row))
        });
        let shown = || columns.iter().map(|&at| &COLUMNS[at]);
        let heading = shown().map(|(name, width)| Cell::from(aligned(name, *width)));
        let width = |&(name, width): &(&str, u16)| match name {
            "INSPECTOR" => Constraint::Fill(1),
            _ => Constraint::Length(width - 1),
        };
        let widths: Vec<Constraint> = shown().map(width).collect();
        let shown = Table::new(rows, widths)
            .header(Row::new(heading).style(Style::new().add_modifier(Modifier::DIM)))
            .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED));
        let mut state = TableState::default().with_selected(self.position());
        frame.render_stateful_widget(shown, table, &mut state);
        let keys =
            "q quit  ↑↓ choose  Enter watch  sort: m rss  t trend  l limit  c cpu  u up  p pid  n name";
        frame.render_widget(Line::styled(keys, Style::new().add_modifier(Modifier::DIM)), foot);
    }
}

fn tone(row: &NodeProcess) -> Style {
    match row.seconds_to_limit {
        Some(time) if time < 600.0 => Style::new().fg(Color::Red),
        Some(time) if time < 7200.0 => Style::new().fg(Color::Yellow),
        _ => Style::new(),
    }
}

/// Numbers to the right.
fn aligned(text: &str, width: u16) -> String {
    if matches!(text, "NAME" | "INSPECTOR" | "NODE") {
        return text.to_owned();
    }
    format!("{text:>width$}", width = usize::from(width) - 1)
}

/// A row as text, a cell for each column.
pub(crate) fn cells(row: &NodeProcess) -> Vec<String> {
    let nothing = || "-".to_owned();
    let texts = [
        row.pid.to_string(),
        clip(&row.name, 25),
        row.node_version.as_deref().map_or_else(nothing, |version| clip(version, 8)),
        row.resident.map_or_else(nothing, size),
        row.resident_per_second.map_or_else(nothing, per_minute),
        row.heap.map_or_else(nothing, |heap| size(heap.used)),
        row.heap_floor_per_second.map_or_else(nothing, per_minute),
        row.memory_limit.into_iter().chain(row.old_space_limit).min().map_or_else(nothing, size),
        row.seconds_to_limit.map_or_else(nothing, time),
        row.cpu.map_or_else(nothing, |cpu| format!("{:.0} %", cpu * 100.0)),
        row.uptime.map_or_else(nothing, time),
        inspector(&row.inspector),
    ];
    let is_text = |at: usize| matches!(at, 1 | 2 | 11);
    texts
        .into_iter()
        .enumerate()
        .map(|(at, text)| {
            let width = usize::from(COLUMNS[at].1) - 1;
            if is_text(at) { text } else { format!("{text:>width$}") }
        })
        .collect()
}

fn inspector(inspector: &Inspector) -> String {
    match inspector {
        Inspector::Open { port } => format!("open on {port}"),
        Inspector::Closed => "closed, can be opened".to_owned(),
        Inspector::NotAttachable { reason } => format!("no: {}", safe(reason)),
    }
}

fn per_minute(rate: f64) -> String {
    let minute = rate * 60.0;
    // Below this the resident set only breathes.
    if minute.abs() < 50_000.0 {
        return "level".to_owned();
    }
    let sign = if minute < 0.0 { '-' } else { '+' };
    format!("{sign}{}/m", size(minute.abs() as u64))
}

/// `45 s`, `12 m`, `3 h`, `9 d`
pub(crate) fn time(seconds: f64) -> String {
    match seconds {
        _ if seconds < 120.0 => format!("{seconds:.0} s"),
        _ if seconds < 7200.0 => format!("{:.0} m", seconds / 60.0),
        _ if seconds < 172_800.0 => format!("{:.0} h", seconds / 3600.0),
        _ => format!("{:.0} d", seconds / 86_400.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn process(pid: u32, name: &str, resident: u64, rate: Option<f64>) -> NodeProcess {
        NodeProcess {
            pid,
            name: name.to_owned(),
            command_line: vec!["node".to_owned(), name.to_owned()],
            node_version: Some("22.1.0".to_owned()),
            user: Some(0),
            resident: Some(resident),
            resident_per_second: rate,
            watched_seconds: 60.0,
            memory_limit: Some(256_000_000),
            memory_used: Some(resident),
            old_space_limit: None,
            seconds_to_limit: rate.map(|rate| (256_000_000 - resident) as f64 / rate),
            heap: None,
            heap_floor_per_second: None,
            heap_unknown: None,
            inspector: if pid == 9 { Inspector::Open { port: 9229 } } else { Inspector::Closed },
            ports: vec![3000],
            cpu: Some(0.125),
            uptime: Some(7300.0),
            threads: Some(11),
        }
    }

    fn shown(page: &TopPage) -> String {
        let mut terminal = Terminal::new(TestBackend::new(126, 7)).unwrap();
        terminal.draw(|frame| page.draw(frame)).unwrap();
        terminal.backend().to_string()
    }

    fn page() -> TopPage {
        let mut page = TopPage::default();
        page.update(vec![
            process(7, "src/server.js", 80_000_000, Some(500_000.0)),
            process(9, "evil\u{1b}[31m.js", 120_000_000, None),
        ]);
        page
    }

    #[test]
    fn the_page_looks_as_it_should() {
        crate::pages::check_golden("top-page.txt", &shown(&page()));
    }

    #[test]
    fn keys_sort_and_choose() {
        let mut page = page();
        assert_eq!(page.chosen, Some(9));
        assert_eq!(page.key(KeyCode::Down), Asked::Nothing);
        assert_eq!(page.key(KeyCode::Enter), Asked::Watch(7));
        page.key(KeyCode::Char('t'));
        assert_eq!((page.rows[0].pid, page.chosen), (7, Some(7)));
        page.key(KeyCode::End);
        assert_eq!(page.chosen, Some(9));
        assert_eq!(page.key(KeyCode::Char('q')), Asked::Leave);
        page.update(Vec::new());
        assert_eq!((page.key(KeyCode::Down), page.key(KeyCode::Enter)), (Asked::Nothing, Asked::Nothing));
    }
}
