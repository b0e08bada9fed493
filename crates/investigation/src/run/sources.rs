//! The sources of the watched program, as its engine has them.

use std::{io::Read, net::TcpStream, path::Path};

use inspector::{Script, Session, Worker};
use serde::{Deserialize, Serialize};

use super::watch::Watched;

/// Larger files are no sources.
pub(crate) const LARGEST_SOURCE: u64 = 256 << 20;

/// A script with its source text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScriptSource {
    /// The number that snapshots use in their locations.
    pub script_id: u32,
    /// `file:///...`, a path, `node:...`, or empty.
    pub url: String,
    /// The text that ran.
    pub source: String,
    /// What its `sourceMappingURL` comment says; empty when there is none.
    pub source_map_url: String,
    /// The line of the resource where the script starts, 0-based.
    pub start_line: u32,
    /// The column where it starts, 0-based.
    pub start_column: u32,
    /// Whether it is an ECMAScript module.
    pub is_module: bool,
}

/// Files as a process sees them: in a container the same path means another file, or none, to us.
#[derive(Debug, Clone, Copy)]
pub struct ProgramFiles {
    pid: u32,
}

impl ProgramFiles {
    /// The files of a process.
    #[must_use]
    pub fn of(pid: u32) -> Self {
        Self { pid }
    }

    /// A text file of at most so many bytes.
    #[must_use]
    pub fn read(self, path: &Path, most: u64) -> Option<String> {
        let mut file = node_process::open_file_of(self.pid, path)?;
        let meta = file.metadata().ok()?;
        if !meta.is_file() || meta.len() > most {
            return None;
        }
        let mut text = String::new();
        file.read_to_string(&mut text).ok()?;
        Some(text)
    }
}

/// Gives the scripts of the watched program.
pub trait ScriptSources {
    /// All scripts the engine has told of.
    fn scripts(&mut self) -> Vec<Script>;

    /// The sources of those scripts; one that cannot be had is left out.
    fn script_sources(&mut self, script_ids: &[u32]) -> Vec<ScriptSource>;

    /// The files of the program.
    fn files(&self) -> ProgramFiles;
}

impl ScriptSources for Watched {
    fn scripts(&mut self) -> Vec<Script> {
        scripts(&mut self.session)
    }

    fn script_sources(&mut self, script_ids: &[u32]) -> Vec<ScriptSource> {
        script_sources(&mut self.session, self.process.pid, script_ids)
    }

    fn files(&self) -> ProgramFiles {
        ProgramFiles::of(self.process.pid)
    }
}

/// The sources of a worker thread, whose engine numbers them anew.
pub(super) struct WorkerSources<'a> {
    watched: &'a mut Watched,
    worker: Worker,
}

impl<'a> WorkerSources<'a> {
    pub(super) fn of(watched: &'a mut Watched, worker: Worker) -> Self {
        Self { watched, worker }
    }
}

impl ScriptSources for WorkerSources<'_> {
    fn scripts(&mut self) -> Vec<Script> {
        let listed = self.watched.session.in_worker(&self.worker, |session| Ok(scripts(session)));
        listed.unwrap_or_default()
    }

    fn script_sources(&mut self, script_ids: &[u32]) -> Vec<ScriptSource> {
        let pid = self.watched.process.pid;
        let had = self
            .watched
            .session
            .in_worker(&self.worker, |session| Ok(script_sources(session, pid, script_ids)));
        had.unwrap_or_default()
    }

    fn files(&self) -> ProgramFiles {
        self.watched.files()
    }
}

fn scripts(session: &mut Session<TcpStream>) -> Vec<Script> {
    // Off until somebody wants them: while it is on, V8 gives the program four times its heap limit and tells
    // nobody else when memory runs out. A program that has ended reports no more than it has.
    let _ = session.enable_debugger();
    session.scripts().to_vec()
}

fn script_sources(session: &mut Session<TcpStream>, pid: u32, script_ids: &[u32]) -> Vec<ScriptSource> {
    let wanted: Vec<Script> =
        session.scripts().iter().filter(|s| script_ids.contains(&s.script_id)).cloned().collect();
    wanted
        .into_iter()
        .filter_map(|script| {
            let asked = session.script_source(script.script_id).ok();
            let source = asked.or_else(|| from_file(pid, &script.url))?;
            Some(ScriptSource {
                script_id: script.script_id,
                url: script.url,
                source,
                source_map_url: script.source_map_url,
                start_line: script.start_line,
                start_column: script.start_column,
                is_module: script.is_module,
            })
        })
        .collect()
}

/// A program that has ended gives no sources any more; Node compiles files as they are.
fn from_file(pid: u32, url: &str) -> Option<String> {
    let path = url.strip_prefix("file://").unwrap_or(url);
    if !path.starts_with('/') {
        return None;
    }
    ProgramFiles::of(pid).read(Path::new(&decode_percent(path)?), LARGEST_SOURCE)
}

fn decode_percent(path: &str) -> Option<String> {
    let mut out = Vec::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    String::from_utf8(out).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_urls_are_percent_decoded() {
        assert_eq!(decode_percent("/a%20b/%C3%BC.js").as_deref(), Some("/a b/ü.js"));
        assert_eq!(decode_percent("/a%2"), None);
        assert_eq!(from_file(std::process::id(), "node:internal/x"), None);
    }
}
