//! The prompt: history, completion, hints.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;
use reedline::{
    ColumnarMenu, Completer, CompletionResult, DefaultHinter, Emacs, FileBackedHistory, KeyCode,
    KeyModifiers, MenuBuilder, Prompt, PromptEditMode, PromptHistorySearch, Reedline, ReedlineEvent,
    ReedlineMenu, Signal, Span, Suggestion, default_emacs_keybindings,
};

use crate::text::safe;

/// Lines that are kept from one session to the next.
const KEPT_LINES: usize = 5000;
/// Names that are offered at once.
const OFFERED: usize = 200;
const MENU: &str = "completion";

/// What was typed.
pub(super) enum Entered {
    /// A line.
    Line(String),
    /// Ctrl-C: what was typed is dropped.
    Nothing,
    /// Ctrl-D.
    End,
}

/// The line editor.
pub(super) struct Editor {
    line: Reedline,
    names: Arc<Mutex<Vec<String>>>,
}

impl Editor {
    pub(super) fn new() -> Result<Self> {
        let names = Arc::default();
        let mut keys = default_emacs_keybindings();
        keys.add_binding(
            KeyModifiers::NONE,
            KeyCode::Tab,
            ReedlineEvent::UntilFound(vec![ReedlineEvent::Menu(MENU.to_owned()), ReedlineEvent::MenuNext]),
        );
        let menu = ColumnarMenu::default().with_name(MENU);
        let mut line = Reedline::create()
            .with_completer(Box::new(Words { names: Arc::clone(&names) }))
            .with_menu(ReedlineMenu::EngineCompleter(Box::new(menu)))
            .with_partial_completions(true)
            .with_quick_completions(true)
            .with_edit_mode(Box::new(Emacs::new(keys)))
            .with_hinter(Box::new(DefaultHinter::default()))
            .with_ansi_colors(std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty()));
        // Without a file the lines of this session are kept all the same.
        if let Some(file) = history_file()
            && let Ok(history) = FileBackedHistory::with_file(KEPT_LINES, file)
        {
            line = line.with_history(Box::new(history));
        }
        Ok(Self { line, names })
    }

    pub(super) fn read(&mut self) -> Result<Entered> {
        Ok(match self.line.read_line(&Arrow)? {
            Signal::Success(line) => Entered::Line(line),
            Signal::CtrlD => Entered::End,
            _ => Entered::Nothing,
        })
    }

    /// Names of classes and properties that the next line may have.
    pub(super) fn learn(&mut self, names: Vec<String>) {
        *self.names.lock().unwrap_or_else(PoisonError::into_inner) = names;
    }
}

/// `$XDG_STATE_HOME/heapdowse/shell-history`, or where that is by default.
fn history_file() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let state = folder("XDG_STATE_HOME").or_else(|| Some(folder("HOME")?.join(".local/state")))?;
    Some(state.join("heapdowse/shell-history"))
}

/// mdb's prompt.
struct Arrow;

impl Prompt for Arrow {
    fn render_prompt_left(&self) -> Cow<'_, str> {
        Cow::Borrowed(">")
    }
    fn render_prompt_right(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }
    fn render_prompt_indicator(&self, _mode: PromptEditMode) -> Cow<'_, str> {
        Cow::Borrowed(" ")
    }
    fn render_prompt_multiline_indicator(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }
    fn render_prompt_history_search_indicator(&self, search: PromptHistorySearch) -> Cow<'_, str> {
        Cow::Owned(format!("(history: {}) ", search.term))
    }
}

/// Completes commands, walkers, and names of classes and properties.
struct Words {
    names: Arc<Mutex<Vec<String>>>,
}

impl Completer for Words {
    fn complete(&mut self, line: &str, cursor: usize) -> CompletionResult {
        let before = line.get(..cursor).unwrap_or(line);
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        let (start, offers) = offers(before, &names);
        let suggestion = |(value, description): (String, String)| Suggestion {
            value,
            description: (!description.is_empty()).then_some(description),
            span: Span::new(start, cursor.max(start)),
            append_whitespace: true,
            ..Suggestion::default()
        };
        CompletionResult::fresh(offers.into_iter().map(suggestion).collect::<Vec<_>>())
    }
}

/// Where the word at the end of a line starts, and what it may become, with a line of help.
fn offers(before: &str, names: &[String]) -> (usize, Vec<(String, String)>) {
    // The command that the cursor is in.
    let from = before.rfind(['|', '!']).map_or(0, |at| at + 1);
    let stage = &before[from..];
    let command = stage.find("::").map(|at| from + at + 2);
    if let Some(at) = command.filter(|at| !before[*at..].contains(' ')) {
        return (at, commands_named(shell::Form::Mdb, &before[at..]));
    }
    let start = before.rfind(char::is_whitespace).map_or(from, |at| at + 1).max(from);
    let word = &before[start..];
    let words: Vec<&str> = stage.split_whitespace().collect();
    if words.first() == Some(&"v8") && words.len() <= 2 && (words.len() == 2) != before.ends_with(' ') {
        return (start, commands_named(shell::Form::Llnode, word));
    }
    if command.is_some_and(|at| before[at..].starts_with("walk ")) {
        let walkers = shell::walkers().filter(|walker| walker.starts_with(word));
        return (start, walkers.map(|walker| (walker.to_owned(), String::new())).collect());
    }
    if command.is_none() && words.len() <= 1 && !before.ends_with(' ') {
        let mut found: Vec<_> = commands_named(shell::Form::Mdb, word);
        found.iter_mut().for_each(|(name, _)| name.insert_str(0, "::"));
        return (start, found);
    }
    // Names of a heap reach the terminal by this way, too.
    let fits = names.iter().filter(|name| !word.is_empty() && name.starts_with(word));
    let quoted = |name: &String| if name.contains(' ') { format!("'{name}'") } else { name.clone() };
    let shown = fits.filter(|name| safe(name) == name.as_str()).take(OFFERED);
    (start, shown.map(|name| (quoted(name), String::new())).collect())
}

fn commands_named(form: shell::Form, start: &str) -> Vec<(String, String)> {
    let named = shell::commands().filter(|command| command.form == form && command.name.starts_with(start));
    named.map(|command| (command.name.to_owned(), command.help.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered(before: &str) -> (usize, Vec<String>) {
        let names = ["Session".to_owned(), "Sess\u{1b}[31m".to_owned(), "session id".to_owned()];
        let (start, offers) = offers(before, &names);
        (start, offers.into_iter().map(|(value, _)| value).collect())
    }

    #[test]
    fn commands_walkers_and_names_are_completed() {
        assert_eq!(offered("::findjs"), (2, vec!["findjsobjects".to_owned()]));
        assert_eq!(offered("3f10::jspr"), (6, vec!["jsprint".to_owned()]));
        assert_eq!(offered("v8 findjsi"), (3, vec!["findjsinstances".to_owned()]));
        assert_eq!(offered("::findjsobjects -c Sess"), (19, vec!["Session".to_owned()]));
        assert_eq!(offered("::findjsobjects -p session").1, ["'session id'"]);
        assert_eq!(offered("3f10::walk jsel"), (11, vec!["jselement".to_owned()]));
        assert_eq!(offered("::findjsobjects -c A | ::jssta").1, ["jsstack"]);
        assert!(offered("jsst").1.contains(&"::jsstack".to_owned()));
        assert!(offered("::nothing").1.is_empty());
    }
}
