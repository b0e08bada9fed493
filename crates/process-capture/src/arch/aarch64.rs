//! arm64: registers for cores of stopped processes. Injection is not done here yet: no gadgets are found, so the fork
//! is refused with its reason and the process is stopped instead.

use process_memory::{Aarch64Registers, Registers};

use super::{Fitness, Frames, Gadgets};

/// The general registers.
pub(crate) type MachineRegisters = Aarch64Registers;

/// `EM_AARCH64`.
pub(crate) const MACHINE: u16 = 183;
/// `AUDIT_ARCH_AARCH64`.
pub(crate) const AUDIT: u32 = 0xc000_00b7;
/// Bytes by which two pieces of code must overlap.
pub(crate) const GADGET_OVERLAP: usize = 16;

/// Numbers of system calls (`asm-generic/unistd.h`).
pub(crate) mod call {
    pub(crate) const EXIT_GROUP: u64 = 94;
    pub(crate) const RT_SIGRETURN: u64 = 139;
    pub(crate) const CLONE: u64 = 220;
    pub(crate) const MADVISE: u64 = 233;
    pub(crate) const WAIT4: u64 = 260;
}

/// From the bytes of `struct user_pt_regs`.
pub(crate) fn registers(bytes: &[u8]) -> Option<Aarch64Registers> {
    let (words, rest) = bytes.as_chunks::<8>();
    let words: [u64; 34] =
        words.iter().map(|word| u64::from_ne_bytes(*word)).collect::<Vec<_>>().try_into().ok()?;
    let mut x = [0; 31];
    x.copy_from_slice(&words[..31]);
    rest.is_empty().then_some(Aarch64Registers {
        x,
        sp: words[31],
        pc: words[32],
        pstate: words[33],
        tpidr: 0,
    })
}

/// As readers know them.
pub(crate) fn public(registers: &Aarch64Registers) -> Registers {
    Registers::Aarch64(*registers)
}

/// The bytes of the general register set.
pub(crate) fn bytes(registers: &Aarch64Registers) -> Vec<u8> {
    let words = registers.x.iter().chain([&registers.sp, &registers.pc, &registers.pstate]);
    words.flat_map(|word| word.to_ne_bytes()).collect()
}

/// No thread is fit.
pub(crate) fn fitness(_registers: &Aarch64Registers) -> Fitness {
    Fitness::Unfit
}

/// Where the instruction lies that entered the kernel.
pub(crate) fn call_instruction(registers: &Aarch64Registers) -> u64 {
    registers.pc.wrapping_sub(4)
}

/// Never asked: no thread is fit.
pub(crate) fn is_call(_bytes: [u8; 2]) -> bool {
    false
}

/// The registers with which the thread goes on.
pub(crate) fn rested(registers: &Aarch64Registers) -> Aarch64Registers {
    *registers
}

/// Never asked: there are no frames.
pub(crate) fn returning(
    registers: &Aarch64Registers,
    _frames: &Frames,
    _gadgets: &Gadgets,
) -> Aarch64Registers {
    *registers
}

/// Never asked: there are no frames.
pub(crate) fn calling(
    registers: &Aarch64Registers,
    _frames: &Frames,
    _gadgets: &Gadgets,
    _number: u64,
    _arguments: [u64; 4],
) -> Aarch64Registers {
    *registers
}

/// What a call answered.
pub(crate) fn answer(registers: &Aarch64Registers) -> i64 {
    registers.x[0] as i64
}

/// The stack pointer.
pub(crate) fn stack_pointer(registers: &Aarch64Registers) -> u64 {
    registers.sp
}

/// The state as it is.
pub(crate) fn without_tiles(state: Vec<u8>) -> Vec<u8> {
    state
}

/// None yet.
pub(crate) fn frames(
    _registers: &Aarch64Registers,
    _extended: &[u8],
    _mask: u64,
    _gadgets: &Gadgets,
) -> Option<Frames> {
    None
}

/// None yet.
pub(crate) fn find(_code: &[u8]) -> (Option<usize>, Option<usize>) {
    (None, None)
}
