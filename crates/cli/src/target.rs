// Which running process a command is about, and how it is attached to.

use std::sync::Arc;

use anyhow::Result;
use investigation::attach::{AttachEvent, AttachOptions, Selector};
use regex::Regex;

use crate::failure::Usage;
use crate::interrupt;
use crate::output::{say, warn};

// No doc comment: clap would take it for the help text of the commands.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct TargetArgs {
    /// The process id (of the outermost process, if there are several)
    #[arg(value_name = "PID")]
    pid: Option<u32>,
    /// The process whose command line, title or pm2 name matches
    #[arg(long, value_name = "REGEX", conflicts_with = "pid")]
    name: Option<Regex>,
    /// The process that listens on this port
    #[arg(long, value_name = "PORT", conflicts_with_all = ["pid", "name"])]
    listening: Option<u16>,
}

impl TargetArgs {
    /// One process by its id.
    pub(crate) fn of(pid: u32) -> TargetArgs {
        TargetArgs { pid: Some(pid), name: None, listening: None }
    }

    /// What was asked for.
    pub(crate) fn selector(&self) -> Result<Selector> {
        match (self.pid, &self.name, self.listening) {
            (Some(pid), ..) => Ok(Selector::Pid(pid)),
            (_, Some(name), _) => Ok(Selector::Name(name.clone())),
            (.., Some(port)) => Ok(Selector::Listening(port)),
            _ => Err(Usage("which process? Give its id, --name or --listening".into()).into()),
        }
    }

    /// The process that was asked for.
    pub(crate) fn pid(&self) -> Result<u32> {
        Ok(self.selector()?.one()?)
    }
}

/// How this program attaches: guarded, interruptible, and telling what it does.
pub(crate) fn attach_options() -> Result<AttachOptions> {
    let guardian = vec![std::env::current_exe()?.into_os_string(), "guardian".into()];
    Ok(AttachOptions { cancel: interrupt::flag(), ..AttachOptions::new(Some(guardian), Arc::new(tell)) })
}

fn tell(event: &AttachEvent) {
    match event {
        AttachEvent::Signalled { pid } => {
            say("attach", &format!("sent SIGUSR1 to process {pid}: it opens its inspector"))
        }
        AttachEvent::Connected { pid, port, opened: true } => {
            say(
                "attach",
                &format!(
                    "connected to process {pid} on port {port}; while it is open, any local user can run code there"
                ),
            );
        }
        AttachEvent::Connected { pid, port, opened: false } => {
            say(
                "attach",
                &format!("connected to process {pid}, whose inspector was open on port {port} and stays so"),
            );
        }
        AttachEvent::Closed { pid, seconds } => {
            say("attach", &format!("inspector of process {pid} closed (was open {seconds:.0} s)"));
        }
        AttachEvent::Left { pid } => {
            say("attach", &format!("left process {pid}; its inspector was open before and is left so"))
        }
        AttachEvent::StillOpen { pid, port, reason } => {
            warn(&format!("the inspector of process {pid} is still open on port {port}: {reason}"));
        }
    }
}
