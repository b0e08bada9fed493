//! The pages that live on the terminal: from plain data to a frame.

pub(crate) mod top;
pub(crate) mod watch;
