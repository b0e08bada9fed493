//! The pages that live on the terminal: from plain data to a frame.

mod growing;
pub(crate) mod top;
pub(crate) mod watch;

/// A page is as it was when somebody last looked at it; `UPDATE_GOLDEN=1` keeps what it is now.
#[cfg(test)]
fn check_golden(name: &str, shown: &str) {
    let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, shown).unwrap();
    }
    assert_eq!(shown, std::fs::read_to_string(golden).unwrap());
}
