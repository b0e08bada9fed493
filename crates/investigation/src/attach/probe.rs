//! The probe in the process, and the expressions that speak with it.

use std::io::{Read, Write};

use inspector::{InspectorError, Session};
use serde::Deserialize;

/// The probe's source.
pub(crate) const SOURCE: &str = include_str!("probe.js");

const PROBE: &str = "process[Symbol.for('heapdowse.probe')]";

/// Who answers.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Identity {
    pub(super) pid: u32,
    pub(super) version: String,
    pub(super) cluster_worker: bool,
}

/// Asks who answers; nothing is changed.
pub(super) fn identify<S: Read + Write>(session: &mut Session<S>) -> Result<Identity, InspectorError> {
    // Only a process that was forked can be a worker; in any other the module need not be loaded.
    session.evaluate_in_console(
        "({ pid: process.pid, version: process.version, \
          cluster_worker: !!process.send && require('cluster').isWorker === true })",
    )
}

/// Node's number for the thread that the session speaks with (`worker_threads.threadId`).
pub(crate) fn thread_number<S: Read + Write>(session: &mut Session<S>) -> Result<u32, InspectorError> {
    session.evaluate_in_console("require('worker_threads').threadId")
}

/// Puts the probe into the isolate that the session speaks with (or joins the one that is there), to stay until we leave
/// or are gone.
pub(crate) fn install<S: Read + Write>(session: &mut Session<S>, opened: bool) -> Result<(), InspectorError> {
    let expression = format!(
        "((module, require) => {{ {SOURCE}\nmodule.exports(require).attend({opened}); return true; }})({{}}, require)"
    );
    session.evaluate_in_console::<bool>(&expression).map(drop)
}

/// Reads everything, with the collections from the one numbered `since` on.
pub(crate) fn read_all<S: Read + Write>(
    session: &mut Session<S>,
    since: u64,
) -> Result<super::Reading, InspectorError> {
    session.evaluate_text(&format!("{PROBE}.text('readAll', {since})"))
}

/// Has all collections noted from now on, whatever telling them costs; `attend` has noted what it can afford.
pub(crate) fn observe<S: Read + Write>(session: &mut Session<S>) -> Result<(), InspectorError> {
    session.evaluate::<bool>(&format!("{PROBE}.observe(false), true")).map(drop)
}

/// The collections from the one numbered `since` on.
pub(crate) fn collected<S: Read + Write>(
    session: &mut Session<S>,
    since: u64,
) -> Result<super::Noted, InspectorError> {
    session.evaluate_text(&format!("{PROBE}.text('collections', {since})"))
}

/// Tells the probe that we go.
pub(super) fn leave<S: Read + Write>(session: &mut Session<S>) -> Result<(), InspectorError> {
    session.evaluate::<bool>(&format!("{PROBE}.leave(), true")).map(drop)
}

/// Tells the probe to open the inspector elsewhere once we have disconnected.
pub(super) fn move_port<S: Read + Write>(session: &mut Session<S>) -> Result<(), InspectorError> {
    session.evaluate::<bool>(&format!("{PROBE}.move(), true")).map(drop)
}
