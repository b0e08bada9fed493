//! What a process was started with in its environment.

use crate::error::{ProcError, read_bytes};

/// The values of these variables at the start of the process, in the same order.
///
/// # Errors
/// When the process is gone or belongs to another user.
pub fn environment<const N: usize>(pid: u32, names: [&str; N]) -> Result<[Option<String>; N], ProcError> {
    Ok(pick(&read_bytes(pid, "environ")?, names))
}

fn pick<const N: usize>(bytes: &[u8], names: [&str; N]) -> [Option<String>; N] {
    names.map(|name| {
        bytes.split(|&byte| byte == 0).find_map(|entry| {
            let value = entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?;
            Some(String::from_utf8_lossy(value).into_owned())
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_found_by_its_whole_name() {
        let bytes = b"MY_NODE_OPTIONS=x\0NODE_OPTIONS=--a --b\0EMPTY=\0";
        let [options, empty, none] = pick(bytes, ["NODE_OPTIONS", "EMPTY", "NODE"]);
        assert_eq!((options.as_deref(), empty.as_deref(), none), (Some("--a --b"), Some(""), None));
    }
}
