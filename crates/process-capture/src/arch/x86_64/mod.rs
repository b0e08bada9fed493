//! x86-64.

mod extended;
mod frame;
mod gadget;

pub(crate) use extended::without_tiles;
pub(crate) use frame::frames;
pub(crate) use gadget::{GADGET_OVERLAP, find};

use process_memory::{Registers, X86_64Registers};

use super::{Fitness, Frames, Gadgets};

/// The general registers.
pub(crate) type MachineRegisters = X86_64Registers;

/// `EM_X86_64`.
pub(crate) const MACHINE: u16 = 62;
/// What filters of system calls call this architecture (`AUDIT_ARCH_X86_64`).
pub(crate) const AUDIT: u32 = 0xc000_003e;
/// Bytes below the stack pointer that belong to the function that runs (System V ABI, "red zone").
pub(super) const RED_ZONE: u64 = 128;

/// Numbers of system calls.
pub(crate) mod call {
    pub(crate) const RT_SIGRETURN: u64 = 15;
    pub(crate) const MADVISE: u64 = 28;
    pub(crate) const CLONE: u64 = 56;
    pub(crate) const WAIT4: u64 = 61;
    pub(crate) const EXIT_GROUP: u64 = 231;
}

/// The code segment of 64-bit programs.
const CODE_64: u64 = 0x33;
/// The kernel's answers for "start this call again" (`include/linux/errno.h`).
const RESTART_SYS: i64 = -512;
const RESTART_NO_HANDLER: i64 = -514;
const RESTART_BLOCK: i64 = -516;

/// From the bytes of the general register set.
pub(crate) fn registers(bytes: &[u8]) -> Option<X86_64Registers> {
    let (words, rest) = bytes.as_chunks::<8>();
    let words: [u64; 27] =
        words.iter().map(|word| u64::from_ne_bytes(*word)).collect::<Vec<_>>().try_into().ok()?;
    rest.is_empty().then(|| X86_64Registers::from_words(&words))
}

/// As readers know them.
pub(crate) fn public(registers: &X86_64Registers) -> Registers {
    Registers::X86_64(*registers)
}

/// The bytes of the general register set.
pub(crate) fn bytes(registers: &X86_64Registers) -> Vec<u8> {
    registers.to_words().iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// What the registers alone say; whether the instruction before is a system call is for [`is_call`].
pub(crate) fn fitness(registers: &X86_64Registers) -> Fitness {
    let (number, answer) = (registers.orig_rax as i64, registers.rax as i64);
    match answer {
        // A 32-bit program.
        _ if registers.cs != CODE_64 => Fitness::Unfit,
        _ if number < 0 => Fitness::Runs,
        RESTART_NO_HANDLER..=RESTART_SYS => Fitness::Waits,
        // The rest of its time lies in the kernel and would be forgotten.
        RESTART_BLOCK..RESTART_NO_HANDLER => Fitness::Unfit,
        _ => Fitness::Done,
    }
}

/// Where a system call must lie for a thread to be fit: behind it if it is in the kernel; else before it, as a thread
/// stands that we brought back while its process was stopped. Anywhere else in the program a restartable sequence may
/// be under way; those have no system calls in them (rseq(2)).
pub(crate) fn call_instruction(registers: &X86_64Registers) -> u64 {
    match fitness(registers) {
        Fitness::Runs => registers.rip,
        _ => registers.rip.wrapping_sub(2),
    }
}

/// Whether these are the bytes of a 64-bit system call.
pub(crate) fn is_call(bytes: [u8; 2]) -> bool {
    bytes == [0x0f, 0x05]
}

/// The registers with which the thread goes on: a call that was waiting is made again, as the kernel would do it.
pub(crate) fn rested(registers: &X86_64Registers) -> X86_64Registers {
    let mut rested = *registers;
    if fitness(registers) == Fitness::Waits {
        rested.rax = registers.orig_rax;
        rested.rip = call_instruction(registers);
    }
    rested.orig_rax = u64::MAX;
    rested
}

/// The registers to return through the thread's own frame at once.
pub(crate) fn returning(registers: &X86_64Registers, frames: &Frames, gadgets: &Gadgets) -> X86_64Registers {
    X86_64Registers { rip: gadgets.restorer, rsp: frames.own + 8, orig_rax: u64::MAX, rax: 0, ..*registers }
}

/// The registers to make a call, and then to return through the thread's own frame.
pub(crate) fn calling(
    registers: &X86_64Registers,
    frames: &Frames,
    gadgets: &Gadgets,
    number: u64,
    arguments: [u64; 4],
) -> X86_64Registers {
    let [rdi, rsi, rdx, r10] = arguments;
    X86_64Registers {
        rip: gadgets.call,
        rsp: frames.own,
        orig_rax: u64::MAX,
        rax: number,
        rdi,
        rsi,
        rdx,
        r10,
        r8: 0,
        r9: 0,
        ..*registers
    }
}

/// What a call answered.
pub(crate) fn answer(registers: &X86_64Registers) -> i64 {
    registers.rax as i64
}

/// The stack pointer.
pub(crate) fn stack_pointer(registers: &X86_64Registers) -> u64 {
    registers.rsp
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(answer: i64) -> X86_64Registers {
        X86_64Registers {
            orig_rax: 232,
            rax: answer as u64,
            rip: 0x1002,
            cs: CODE_64,
            rsp: 0x8000,
            ..Default::default()
        }
    }

    #[test]
    fn a_waiting_call_is_made_again_and_a_done_one_is_not() {
        for answer in [-512, -513, -514] {
            assert_eq!(fitness(&waiting(answer)), Fitness::Waits);
            let rested = rested(&waiting(answer));
            assert_eq!((rested.rax, rested.rip, rested.orig_rax), (232, 0x1000, u64::MAX));
        }
        assert_eq!(fitness(&waiting(7)), Fitness::Done);
        assert_eq!((rested(&waiting(7)).rax, rested(&waiting(7)).rip), (7, 0x1002));
        assert_eq!(fitness(&waiting(-4)), Fitness::Done);
    }

    #[test]
    fn what_the_kernel_would_finish_by_itself_is_left_alone() {
        assert_eq!(fitness(&waiting(-516)), Fitness::Unfit);
        let running = X86_64Registers { orig_rax: u64::MAX, ..waiting(1) };
        assert_eq!((fitness(&running), call_instruction(&running)), (Fitness::Runs, 0x1002));
        assert_eq!(rested(&running), running);
        assert_eq!(fitness(&X86_64Registers { cs: 0x23, ..waiting(-512) }), Fitness::Unfit);
    }

    #[test]
    fn bytes_and_registers_agree() {
        let words: [u64; 27] = std::array::from_fn(|i| i as u64 * 3 + 1);
        let original = X86_64Registers::from_words(&words);
        assert_eq!(registers(&bytes(&original)), Some(original));
        assert_eq!(registers(&bytes(&original)[1..]), None);
    }
}
