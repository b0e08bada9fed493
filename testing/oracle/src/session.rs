//! One process that answers many questions: starting DevTools' code and loading a snapshot cost more than most answers.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde::Deserialize;

use crate::OracleError;

/// The process. Its standard input is its life line: it ends when that is closed.
#[derive(Debug)]
pub(crate) struct Session {
    child: Child,
    questions: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    said: String,
    error: Option<String>,
}

impl Session {
    pub(crate) fn start(script: &Path) -> Result<Self, OracleError> {
        let mut child = Command::new("node")
            .arg("--max-old-space-size=16000")
            .arg(script)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let questions = child.stdin.take();
        let answers =
            child.stdout.take().ok_or_else(|| std::io::Error::other("node has no standard output"))?;
        Ok(Self { child, questions, answers: BufReader::new(answers) })
    }

    /// Asks one question, whose answer goes to `out`; what the script would print is returned.
    pub(crate) fn ask(&mut self, arguments: &[&OsStr], out: &Path) -> Result<Vec<u8>, String> {
        let mut words: Vec<_> = arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
        words.extend(["-o".to_owned(), out.to_string_lossy().into_owned()]);
        let mut line = serde_json::to_string(&words).map_err(|error| error.to_string())?;
        line.push('\n');
        let questions = self.questions.as_mut().ok_or("the process has ended")?;
        questions.write_all(line.as_bytes()).map_err(|error| error.to_string())?;
        line.clear();
        self.answers.read_line(&mut line).map_err(|error| error.to_string())?;
        let answer: Answer =
            serde_json::from_str(&line).map_err(|error| format!("the process answered {line:?}: {error}"))?;
        answer.error.map_or(Ok(answer.said.into_bytes()), Err)
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        drop(self.questions.take());
        // It has nothing left to do; if it does not end by itself it is stuck in an endless answer.
        let patience = std::time::Instant::now();
        while patience.elapsed().as_secs() < 5 {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
