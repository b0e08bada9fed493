//! What forbids a fork, as far as it can be known while the process runs.

use crate::{
    door,
    target::{Flags, Target},
};

/// The reason why a process must not be forked.
pub(crate) fn obstacle(target: &Target) -> Option<String> {
    if !cfg!(target_arch = "x86_64") {
        return Some("injection is not yet done on this architecture".into());
    }
    if target.status.shadow_stack || target.regions.iter().any(|region| region.has(Flags::SHADOW_STACK)) {
        return Some("its stacks are guarded by the processor (shadow stacks)".into());
    }
    if target.regions.iter().any(|region| region.has(Flags::SERVED)) {
        return Some("a program serves its page faults (userfaultfd), and a fork would wait for that".into());
    }
    if target.status.seccomp == 1 {
        return Some("it may make almost no system calls (seccomp mode strict)".into());
    }
    let namespace = |name: &str| door::read_link(&format!("/proc/{}/ns/{name}", target.pid)).ok();
    if let (Some(own), Some(of_children)) = (namespace("pid"), namespace("pid_for_children"))
        && own != of_children
    {
        return Some("its children would be in another namespace of process ids".into());
    }
    None
}
