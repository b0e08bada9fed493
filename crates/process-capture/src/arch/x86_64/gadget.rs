//! The search for gadgets in the code of the program.

/// Bytes by which two pieces of code must overlap, so that no gadget is cut.
pub(crate) const GADGET_OVERLAP: usize = 16;

/// `syscall; ret`
const CALL: &[u8] = &[0x0f, 0x05, 0xc3];
/// `mov $15, %rax; syscall`, as glibc has it, and `mov $15, %eax; syscall`, as musl has it: what a signal handler
/// returns to.
const RESTORERS: [&[u8]; 2] =
    [&[0x48, 0xc7, 0xc0, 0x0f, 0, 0, 0, 0x0f, 0x05], &[0xb8, 0x0f, 0, 0, 0, 0x0f, 0x05]];

/// Offsets of a call and of a restorer in this piece of code.
pub(crate) fn find(code: &[u8]) -> (Option<usize>, Option<usize>) {
    let position = |wanted: &[u8]| memchr::memmem::find(code, wanted);
    (position(CALL), RESTORERS.iter().find_map(|restorer| position(restorer)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_are_found_wherever_they_lie() {
        let mut code = vec![0x90; 100];
        assert_eq!(find(&code), (None, None));
        code[97..].copy_from_slice(CALL);
        code[..7].copy_from_slice(RESTORERS[1]);
        assert_eq!(find(&code), (Some(97), Some(0)));
        code[20..29].copy_from_slice(RESTORERS[0]);
        assert_eq!(find(&code), (Some(97), Some(20)));
        assert_eq!(find(&[0x0f]), (None, None));
    }
}
