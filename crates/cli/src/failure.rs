//! What an error means for whoever started the program: one line and an exit code.

use std::io;
use std::process::ExitCode;

use investigation::answers::AnswerError;
use investigation::attach::{AttachError, SelectError};
use investigation::capture::{CaptureError, SelfTestError, WaitError};
use investigation::demo::DemoError;
use investigation::gc::GcError;
use investigation::open::OpenError;
use investigation::postmortem::{PostmortemError, ProcessError};
use investigation::run::RunError;
use investigation::tune::TuneError;

use crate::{output, text};

/// Wrong use of the command line.
const USAGE: u8 = 2;
/// A program that can't be watched.
const CANNOT_WATCH: u8 = 4;
/// An input that can't be read, or a result that can't be written.
const UNREADABLE: u8 = 5;
/// Ctrl-C.
pub(crate) const INTERRUPTED: u8 = 130;

/// A command line that is well-formed, and yet asks for something that can't be.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// A capture that would do harm, or that nothing can be captured by.
#[derive(Debug)]
pub(crate) struct CannotCapture(pub(crate) String);

impl std::fmt::Display for CannotCapture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CannotCapture {}

/// Says what went wrong in one line, and answers the exit code. A reader that went away is no error.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let is_closed_pipe = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    let causes = || error.chain();
    let closed = causes().any(|cause| cause.downcast_ref::<io::Error>().is_some_and(is_closed_pipe));
    let of_json = causes().filter_map(|cause| cause.downcast_ref::<serde_json::Error>());
    if closed || of_json.into_iter().any(|e| e.io_error_kind() == Some(io::ErrorKind::BrokenPipe)) {
        return ExitCode::SUCCESS;
    }
    let code = code(error);
    let message = if code == INTERRUPTED { "interrupted".to_owned() } else { one_line(error) };
    output::say("error", &message);
    ExitCode::from(code)
}

fn code(error: &anyhow::Error) -> u8 {
    if error.downcast_ref::<Usage>().is_some() {
        return USAGE;
    }
    let interrupted = error.downcast_ref::<AnswerError>().is_some_and(AnswerError::is_interrupted)
        || error.downcast_ref::<OpenError>().is_some_and(OpenError::is_interrupted)
        || matches!(error.downcast_ref::<GcError>(), Some(GcError::Interrupted));
    if interrupted {
        return INTERRUPTED;
    }
    let process = match error.downcast_ref::<OpenError>() {
        Some(OpenError::Process(process)) => Some(&**process),
        _ => error.downcast_ref::<ProcessError>(),
    };
    if let Some(error) = process {
        return if error.is_interrupted() { INTERRUPTED } else { CANNOT_WATCH };
    }
    match error.downcast_ref::<PostmortemError>() {
        Some(PostmortemError::Interrupted) => return INTERRUPTED,
        Some(PostmortemError::NoObject { .. }) => return USAGE,
        _ => {}
    }
    match error.downcast_ref::<GcError>() {
        Some(GcError::Attach(AttachError::Interrupted)) => return INTERRUPTED,
        Some(GcError::Attach(_) | GcError::Trace { .. }) => return CANNOT_WATCH,
        _ => {}
    }
    match error.downcast_ref::<AttachError>() {
        Some(AttachError::Interrupted) => return INTERRUPTED,
        Some(_) => return CANNOT_WATCH,
        None => {}
    }
    if let Some(code) = code_of_capture(error) {
        return code;
    }
    if error.is::<CannotCapture>() || error.is::<SelectError>() {
        return CANNOT_WATCH;
    }
    if error.is::<TuneError>() {
        return CANNOT_WATCH;
    }
    match error.downcast_ref::<RunError>() {
        Some(RunError::Interrupted) => return INTERRUPTED,
        Some(_) => return CANNOT_WATCH,
        None if error.downcast_ref::<DemoError>().is_some() => return CANNOT_WATCH,
        None => {}
    }
    match error.downcast_ref::<AnswerError>() {
        Some(AnswerError::NoSuchObject { .. } | AnswerError::NoSuchClass { .. }) => USAGE,
        _ => UNREADABLE,
    }
}

fn code_of_capture(error: &anyhow::Error) -> Option<u8> {
    let capture = match error.downcast_ref::<SelfTestError>() {
        Some(SelfTestError::Capture(capture)) => Some(capture),
        Some(SelfTestError::Process(_)) => return Some(CANNOT_WATCH),
        None => error.downcast_ref::<CaptureError>(),
    };
    match (capture, error.downcast_ref::<WaitError>()) {
        (Some(CaptureError::Interrupted), _) => Some(INTERRUPTED),
        (_, Some(WaitError::Interrupted | WaitError::Attach(AttachError::Interrupted))) => Some(INTERRUPTED),
        (Some(CaptureError::Output { source, .. }), _) => {
            let occupied =
                matches!(source.kind(), io::ErrorKind::AlreadyExists | io::ErrorKind::IsADirectory);
            Some(if occupied { USAGE } else { UNREADABLE })
        }
        (Some(CaptureError::DiskFull { .. }), _) => Some(UNREADABLE),
        (Some(_), _) | (_, Some(_)) => Some(CANNOT_WATCH),
        (None, None) => None,
    }
}

/// Errors of the libraries name their source in their own text; a cause is added only if it says more.
fn one_line(error: &anyhow::Error) -> String {
    let mut line = error.to_string();
    for cause in error.chain().skip(1) {
        let cause = cause.to_string();
        if !line.contains(&cause) {
            line = format!("{line}: {cause}");
        }
    }
    text::safe(&line).into_owned()
}
