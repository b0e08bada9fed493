//! A page that lives on the terminal: taken over, drawn again and again, and given back however it ends.

use std::io::{self, IsTerminal};
use std::time::{Duration, Instant};

use ratatui::crossterm::event::{self, Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::{DefaultTerminal, Frame};

use crate::interrupt;

/// How often keys are looked for.
const GLANCE: Duration = Duration::from_millis(50);

/// What a page does after a key.
pub(crate) enum Next {
    /// Goes on.
    Stay,
    /// Ends.
    Leave,
}

/// The terminal while a page is on it. Dropped, also by a panic, it is as it was.
pub(crate) struct Screen {
    terminal: DefaultTerminal,
    _unbroken: interrupt::Critical,
}

impl Screen {
    /// Whether there is a terminal that a page can live on.
    pub(crate) fn is_there() -> bool {
        let plain = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        io::stdout().is_terminal() && io::stdin().is_terminal() && !plain
    }

    /// Takes the terminal over.
    pub(crate) fn open() -> io::Result<Screen> {
        // A signal ends the page in order, within this guard.
        let unbroken = interrupt::Critical::begin();
        Ok(Screen { terminal: ratatui::try_init()?, _unbroken: unbroken })
    }

    /// Draws a page once.
    pub(crate) fn draw(&mut self, page: impl FnOnce(&mut Frame<'_>)) -> io::Result<()> {
        self.terminal.draw(page).map(drop)
    }

    /// Waits for a key, at most this long. Ctrl-C and signals leave, whatever the page.
    pub(crate) fn keys(&self, time: Duration, mut key: impl FnMut(KeyCode) -> Next) -> io::Result<Next> {
        let begun = Instant::now();
        loop {
            if interrupt::asked() {
                return Ok(Next::Leave);
            }
            let left = time.saturating_sub(begun.elapsed());
            if !event::poll(left.min(GLANCE))? {
                if left.is_zero() {
                    return Ok(Next::Stay);
                }
                continue;
            }
            match event::read()? {
                Event::Key(KeyEvent { kind: KeyEventKind::Release, .. }) => {}
                Event::Key(KeyEvent { code: KeyCode::Char('c'), modifiers, .. })
                    if modifiers.contains(KeyModifiers::CONTROL) =>
                {
                    return Ok(Next::Leave);
                }
                Event::Key(KeyEvent { code, .. }) => return Ok(key(code)),
                Event::Resize(..) => return Ok(Next::Stay),
                _ => {}
            }
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        ratatui::restore();
    }
}
