//! The page of `watch`: memory over time, floors with their trend, collections, the verdict so far.

use investigation::recording::{Collection, CollectionKind, Sample, Timeline};
use investigation::run::RoundRow;
use investigation::verdict::{Verdict, Word};
use investigation::watch::{State, Subject};
use ratatui::Frame;
use ratatui::crossterm::event::KeyCode;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::symbols::Marker;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Axis, Block, Chart, Dataset, GraphType, Paragraph, Wrap};

use super::growing::growing;
use super::top::time;
use crate::report::bytes;
use crate::text::safe;

/// So many growing quantities fit on a line.
const GROWING: usize = 3;

/// What is shown of the watched processes.
#[derive(Debug, Default)]
pub(crate) struct WatchPage {
    pub(crate) subjects: Vec<Subject>,
    pub(crate) timeline: Timeline,
    pub(crate) recorded_to: Option<String>,
    /// Which process is shown.
    pub(crate) chosen: usize,
}

impl WatchPage {
    /// Obeys a key; false ends the page.
    pub(crate) fn key(&mut self, key: KeyCode) -> bool {
        let count = self.subjects.len().max(1);
        match key {
            KeyCode::Char('q') | KeyCode::Esc => return false,
            KeyCode::Right | KeyCode::Down | KeyCode::Tab => self.chosen = (self.chosen + 1) % count,
            KeyCode::Left | KeyCode::Up => self.chosen = (self.chosen + count - 1) % count,
            _ => {}
        }
        true
    }

    /// Draws the page.
    pub(crate) fn draw(&self, frame: &mut Frame<'_>) {
        let grown = self.shown().map_or_else(Vec::new, |subject| growing(&self.samples(subject), GROWING));
        let counted = self.shown().and_then(|subject| subject.classes.as_ref());
        let [head, resident, heap, pauses, grows, classes, verdict, foot] = Layout::vertical([
            Constraint::Length(2),
            Constraint::Fill(2),
            Constraint::Fill(3),
            Constraint::Length(2),
            Constraint::Length(u16::from(!grown.is_empty())),
            Constraint::Length(if counted.is_some() { 2 } else { 0 }),
            Constraint::Length(6),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        let dim = Style::new().add_modifier(Modifier::DIM);
        let keys = match &self.recorded_to {
            Some(file) => format!("q quit  ←→ process   recorded to {}", safe(file)),
            None => "q quit  ←→ process   not recorded (-o FILE does)".to_owned(),
        };
        frame.render_widget(Line::styled(keys, dim), foot);
        let Some(subject) = self.shown() else {
            frame.render_widget(
                Line::raw("No process is running that is meant; one that starts is watched."),
                head,
            );
            return;
        };
        self.head(frame, head, subject);
        let samples = self.samples(subject);
        let collections: Vec<&Collection> =
            self.timeline.collections.iter().filter(|gc| gc.pid == subject.pid).collect();
        let series = |value: fn(&Sample) -> Option<u64>| -> Vec<(f64, f64)> {
            samples.iter().filter_map(|s| Some((s.seconds, value(s)? as f64 / 1e6))).collect()
        };
        let memory = series(|s| s.resident);
        chart(frame, resident, "RSS, MB", &[("", Color::Blue, GraphType::Line, &memory)]);
        let used = series(|s| s.heap_used);
        let floors: Vec<(f64, f64)> = subject
            .floors
            .iter()
            .map(|floor| (floor.row.seconds, floor.row.heap_used as f64 / 1e6))
            .collect();
        let trend = trend(subject);
        let lines: [Series<'_>; 3] = [
            ("in use", Color::Magenta, GraphType::Line, &used),
            ("trend of the floors", Color::Red, GraphType::Line, &trend),
            ("floors", Color::Yellow, GraphType::Scatter, &floors),
        ];
        chart(frame, heap, "JavaScript heap, MB", &lines);
        frame.render_widget(Paragraph::new(gc_lines(&collections)), pauses);
        let words = format!("Grows  {}", grown.join("; "));
        frame.render_widget(Line::raw(safe(&words).into_owned()), grows);
        let words = counted.map_or_else(String::new, |words| format!("Classes  {words}"));
        frame.render_widget(Paragraph::new(safe(&words).into_owned()).wrap(Wrap { trim: true }), classes);
        frame.render_widget(Paragraph::new(verdict_lines(subject)).wrap(Wrap { trim: true }), verdict);
    }

    fn shown(&self) -> Option<&Subject> {
        self.subjects.get(self.chosen.min(self.subjects.len().saturating_sub(1)))
    }

    fn samples(&self, subject: &Subject) -> Vec<&Sample> {
        self.timeline.samples.iter().filter(|sample| sample.pid == subject.pid).collect()
    }

    fn head(&self, frame: &mut Frame<'_>, area: Rect, subject: &Subject) {
        let name = investigation::top::script_name(&subject.process.command_line);
        let state = match &subject.state {
            State::Attaching => "attaching".to_owned(),
            State::Watched => "watched, nothing is forced".to_owned(),
            State::Outside { reason } => format!("seen from outside only: {}", safe(reason)),
            State::Ended => "ended".to_owned(),
        };
        let which = match self.subjects.len() {
            1 => String::new(),
            many => format!(" ({} of {many})", self.chosen + 1),
        };
        let bold = Style::new().add_modifier(Modifier::BOLD);
        let version = subject.process.node_version.trim_start_matches('v').to_owned();
        let facts = subject.last.as_ref().map_or_else(String::new, |last| {
            let lag =
                last.event_loop.map_or_else(String::new, |lag| format!(", loop lag {:.0} ms", lag.max_ms));
            let handles: u64 = last.resources.values().sum();
            format!(", {} requests, {handles} handles{lag}, up {}", last.requests, time(last.uptime))
        });
        let lines = vec![Line::from(vec![
            Span::styled(format!("{} {}{which}", subject.pid, safe(&name)), bold),
            Span::raw(format!("  Node {}, {state}{facts}", safe(&version))),
        ])];
        frame.render_widget(Paragraph::new(lines), area);
    }
}

type Series<'a> = (&'a str, Color, GraphType, &'a [(f64, f64)]);

fn chart(frame: &mut Frame<'_>, area: Rect, title: &str, lines: &[Series<'_>]) {
    let all = || lines.iter().flat_map(|line| line.3.iter());
    let (first, last) = ends(all().map(|point| point.0));
    let (low, high) = ends(all().map(|point| point.1));
    let room = ((high - low) * 0.1).max(0.5);
    let (low, high) = ((low - room).max(0.0), high + room);
    let sets = lines.iter().filter(|line| !line.3.is_empty()).map(|(name, colour, graph, points)| {
        let marker = if *graph == GraphType::Scatter { Marker::Dot } else { Marker::Braille };
        Dataset::default()
            .name(*name)
            .marker(marker)
            .graph_type(*graph)
            .style(Style::new().fg(*colour))
            .data(points)
    });
    let dim = Style::new().add_modifier(Modifier::DIM);
    let up = [low, f64::midpoint(low, high), high].map(|value| Line::raw(format!("{value:>6.1}")));
    let across = [first, last].map(|value| Line::raw(format!("{value:.0} s")));
    let chart = Chart::new(sets.collect())
        .block(Block::new().title(Line::raw(title.to_owned())))
        .x_axis(Axis::default().bounds([first, last.max(first + 1.0)]).labels(across).style(dim))
        .y_axis(Axis::default().bounds([low, high]).labels(up).style(dim));
    frame.render_widget(chart, area);
}

fn ends(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let ends = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(v), high.max(v)));
    if ends.0 > ends.1 { (0.0, 1.0) } else { ends }
}

/// The trend's line along the time: from the first floor on, at the verdict's rate per unit of work.
fn trend(subject: &Subject) -> Vec<(f64, f64)> {
    let growth =
        subject.verdict().and_then(|verdict| verdict.growth.as_ref().map(|growth| (verdict, growth)));
    let Some((verdict, growth)) = growth else { return Vec::new() };
    let rows: Vec<&RoundRow> = subject.floors.iter().map(|floor| &floor.row).collect();
    if rows.len() < 3 {
        return Vec::new();
    }
    let by_time = verdict.unit.singular() == "second";
    let work = |row: &RoundRow| if by_time { row.seconds } else { row.work };
    let rate = growth.bytes_per_unit;
    let mut starts: Vec<f64> = rows.iter().map(|row| row.heap_used as f64 - rate * work(row)).collect();
    starts.sort_by(f64::total_cmp);
    let start = starts[starts.len() / 2];
    rows.iter().map(|row| (row.seconds, (start + rate * work(row)) / 1e6)).collect()
}

fn gc_lines(collections: &[&Collection]) -> Vec<Line<'static>> {
    const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let pauses: Vec<f64> = collections.iter().filter_map(|gc| gc.pause_ms).collect();
    let longest = pauses.iter().copied().fold(0.0, f64::max);
    let recent = &pauses[pauses.len().saturating_sub(60)..];
    let height = |pause: &f64| BARS[((pause / longest.max(0.001)) * 7.0).clamp(0.0, 7.0) as usize];
    let bars: String = recent.iter().map(height).collect();
    let major = collections.iter().filter(|gc| gc.kind == CollectionKind::MarkCompact).count();
    let words = format!(
        "GC  {} collections, {major} of the whole heap; the longest pause {longest:.1} ms",
        collections.len()
    );
    vec![Line::raw(words), Line::styled(format!("    {bars}"), Style::new().fg(Color::Cyan))]
}

fn verdict_lines(subject: &Subject) -> Vec<Line<'static>> {
    let Some(verdict) = subject.verdict() else {
        let words = "No full collection yet. V8 makes one when it needs to, which may take minutes; heapdowse attach \
            asks for them.";
        return vec![Line::raw(""), Line::raw(words)];
    };
    let tone = match verdict.word {
        Word::Leak | Word::OffHeapLeak | Word::NativeGrowth => Color::Red,
        Word::Inconclusive => Color::Yellow,
        _ => Color::Green,
    };
    let word = Span::styled(verdict.word.as_str(), Style::new().fg(tone).add_modifier(Modifier::BOLD));
    let rest = Span::raw(format!("  {}from {} floors so far", growth(verdict), subject.floors.len()));
    let mut lines = vec![Line::raw(""), Line::from(vec![word, rest])];
    lines
        .extend(verdict.evidence.iter().take(3).map(|evidence| Line::raw(safe(&evidence.text).into_owned())));
    lines
}

fn growth(verdict: &Verdict) -> String {
    let Some(growth) = &verdict.growth else { return String::new() };
    let unit = verdict.unit.singular();
    let (low, high) = (bytes(growth.low), bytes(growth.high));
    format!("{} per {unit} ({low} to {high}), ", bytes(growth.bytes_per_unit))
}

#[cfg(test)]
mod tests {
    use super::*;
    use investigation::recording::Space;
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    fn shown(page: &WatchPage) -> String {
        let mut terminal = Terminal::new(TestBackend::new(100, 30)).unwrap();
        terminal.draw(|frame| page.draw(frame)).unwrap();
        terminal.backend().to_string()
    }

    fn page(name: &str) -> WatchPage {
        let mut timeline = Timeline::default();
        for i in 0..60_u32 {
            let seconds = f64::from(i);
            let heap_used = Some(20_000_000 + u64::from(i % 9) * 1_000_000 + u64::from(i) * 100_000);
            let resident = Some(80_000_000 + u64::from(i) * 200_000);
            let used = 15_000_000 + u64::from(i) * 80_000;
            let old = Space { name: "old_space".into(), used, size: used, physical: None };
            let spaces = vec![old];
            timeline.push_sample(Sample {
                seconds,
                pid: 7,
                resident,
                heap_used,
                spaces,
                ..Sample::default()
            });
            let kind = if i % 9 == 0 { CollectionKind::MarkCompact } else { CollectionKind::Scavenge };
            let pause_ms = Some(f64::from(i % 9) / 2.0);
            timeline.push_collection(Collection {
                seconds,
                pid: 7,
                kind,
                cause: None,
                pause_ms,
                before: None,
                after: None,
            });
        }
        let process = investigation::run::WatchedProcess {
            pid: 7,
            command_line: vec!["node".to_owned(), name.to_owned()],
            node_version: "v22.1.0".to_owned(),
            port: None,
            url: None,
            cluster_worker: false,
            worker: None,
        };
        let mut subject = Subject::of(process);
        for i in 0..7_u32 {
            let row = serde_json::json!({"round": i, "warm_up": false, "requests": 100, "work": (i + 1) * 100,
                "seconds": i * 9, "heap_before_collection": 29_000_000, "heap_used": 20_000_000 + i * 900_000,
                "heap_total": 40_000_000, "external": 1_000_000, "collection_ms": 4, "collections": 1,
                "load_seconds": 0});
            subject.add_floor(serde_json::from_value(serde_json::json!({"pid": 7, "row": row})).unwrap());
        }
        subject.classes = Some("Session +390 (now 400, +38.1 KB) in 60 s".to_owned());
        WatchPage { subjects: vec![subject], timeline, ..WatchPage::default() }
    }

    #[test]
    fn the_page_looks_as_it_should() {
        crate::pages::check_golden("watch-page.txt", &shown(&page("server.js")));
    }

    #[test]
    fn keys_and_foreign_names() {
        let mut page = page("evil\u{1b}[31m\u{202e}.js");
        let shown = shown(&page);
        assert!(shown.contains("evil\\u{1b}[31m\\u{202e}.js"), "{shown}");
        assert!(page.key(KeyCode::Right) && page.chosen == 0);
        page.subjects.extend(page.subjects.clone());
        assert!(page.key(KeyCode::Left) && page.chosen == 1);
        assert!(!page.key(KeyCode::Char('q')));
        assert!(super::tests::shown(&WatchPage::default()).contains("No process is running"));
    }
}
