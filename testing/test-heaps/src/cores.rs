//! Cores of real Node programs, made once and kept under `target/cores`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use crate::cache::{cache_dir, fingerprint, produce_once, workspace};
use crate::error::run;
use crate::{SetupError, nodes, real_programs};

/// Who writes the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// gdb's `gcore`, of a program that said `ready` and waits.
    Gcore,
    /// The kernel, of a program that aborts.
    Abort,
}

/// A core and what belongs to it.
#[derive(Clone, Debug)]
pub struct Core {
    /// The folder: `core`, and whatever the program wrote.
    pub folder: PathBuf,
    /// The program that ran: the `node` binary.
    pub node: PathBuf,
}

impl Core {
    /// The core itself.
    pub fn path(&self) -> PathBuf {
        self.folder.join("core")
    }

    /// A file that the program wrote.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}

/// The core of `fixtures/postmortem/PROGRAM`, run with these arguments in an empty folder.
pub fn core(version: &str, program: &str, arguments: &[&str], how: How) -> Result<Core, SetupError> {
    let node = nodes::binary(version)?;
    let node = fs::canonicalize(&node).map_err(SetupError::file(&node))?;
    let script = workspace().join("testing/test-heaps/fixtures/postmortem").join(program);
    let source = fs::read_to_string(&script).map_err(SetupError::file(&script))?;
    let kind = format!("{how:?}").to_lowercase();
    let name = fingerprint(&[&[source.as_str()], arguments].concat());
    let stem = program.split('.').next().unwrap_or(program);
    let folder = cache_dir().join("cores").join(format!("{version}-{kind}-{stem}-{name}"));
    let folder = produce_once(&folder, |folder| {
        fs::create_dir_all(folder).map_err(SetupError::file(folder))?;
        let mut command = Command::new(&node);
        command.arg("--allow-natives-syntax").arg(&script).args(arguments).current_dir(folder);
        match how {
            How::Gcore => gcore(command, folder).map(drop),
            How::Abort => abort(&command, folder),
        }
    })?;
    Ok(Core { folder, node })
}

/// The core of a real program that has just written its snapshot, `known.heapsnapshot` beside the core.
pub fn real_program(name: &str, version: &str) -> Result<Core, SetupError> {
    held(name, version, "behind")
}

/// The core of a real program that works on and writes its snapshot afterwards, `known.heapsnapshot` beside the core.
pub fn real_program_before(name: &str, version: &str) -> Result<Core, SetupError> {
    held(name, version, "before")
}

fn held(name: &str, version: &str, hold: &str) -> Result<Core, SetupError> {
    let node = nodes::binary(version)?;
    let node = fs::canonicalize(&node).map_err(SetupError::file(&node))?;
    let program = real_programs::ALL.iter().find(|program| program.name == name);
    let mark = program.map(real_programs::Program::fingerprint).unwrap_or_default();
    let folder = cache_dir().join("cores").join(format!("{version}-{hold}-{name}-{mark}"));
    let folder = produce_once(&folder, |folder| {
        fs::create_dir_all(folder).map_err(SetupError::file(folder))?;
        let file = folder.join("known.heapsnapshot");
        let mut running = gcore(real_programs::holding(name, version, hold, &file)?, folder)?;
        if hold == "before" {
            // It goes on, writes, and ends.
            drop(running.0.stdin.take());
            running.0.wait().map_err(SetupError::file(folder))?;
        }
        Ok(())
    })?;
    Ok(Core { folder, node })
}

/// The program, ended when this is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself, which is all that is wanted.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn gcore(mut command: Command, folder: &Path) -> Result<Running, SetupError> {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn();
    let mut running = Running(child.map_err(SetupError::file(folder))?);
    let output = running.0.stdout.take();
    let mut lines = output.into_iter().flat_map(|output| BufReader::new(output).lines());
    if !lines.any(|line| line.is_ok_and(|line| line == "ready")) {
        return Err(SetupError::Unexpected("the program ended before it was ready".to_owned()));
    }
    let core = folder.join("core");
    let write = format!("gcore {}", core.display());
    let pid = running.0.id().to_string();
    run(Command::new("gdb").args(["-batch", "-nx", "-p", &pid, "-ex", &write]))?;
    // gdb writes zeros for all that was reserved and never used.
    run(Command::new("fallocate").arg("--dig-holes").arg(&core))?;
    Ok(running)
}

fn abort(command: &Command, folder: &Path) -> Result<(), SetupError> {
    let pattern_path = Path::new("/proc/sys/kernel/core_pattern");
    let pattern = fs::read_to_string(pattern_path).map_err(SetupError::file(pattern_path))?;
    if pattern.starts_with(['|', '/']) {
        let what = format!("cores of the kernel go elsewhere: set {} to `core`", pattern_path.display());
        return Err(SetupError::Unexpected(what));
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", "ulimit -c unlimited && exec \"$@\"", "sh"]).arg(command.get_program());
    shell.args(command.get_args()).current_dir(folder).stdout(Stdio::null()).stderr(Stdio::null());
    shell.status().map_err(SetupError::file(folder))?;
    let entries = fs::read_dir(folder).map_err(SetupError::file(folder))?;
    let is_core =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("core"));
    let core = entries.flatten().map(|entry| entry.path()).find(is_core);
    let core = core.ok_or_else(|| SetupError::Unexpected("the kernel wrote no core".to_owned()))?;
    let name = folder.join("core");
    fs::rename(&core, &name).map_err(SetupError::file(&name))
}
