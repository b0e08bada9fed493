//! Threads and their registers.

/// One thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Thread {
    /// The thread's id: as the host numbers it in a live process, as the core's notes give it in a core.
    pub id: u32,
    /// The signal that it was ended or stopped by; 0 if none.
    pub signal: i32,
    /// General registers.
    pub registers: Registers,
}

/// General registers of an architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Registers {
    /// x86-64.
    X86_64(X86_64Registers),
    /// arm64.
    Aarch64(Aarch64Registers),
}

impl Registers {
    /// The address of the next instruction.
    pub fn program_counter(&self) -> u64 {
        match self {
            Self::X86_64(registers) => registers.rip,
            Self::Aarch64(registers) => registers.pc,
        }
    }

    /// The stack pointer.
    pub fn stack_pointer(&self) -> u64 {
        match self {
            Self::X86_64(registers) => registers.rsp,
            Self::Aarch64(registers) => registers.sp,
        }
    }

    /// The frame pointer (`rbp`, `x29`).
    pub fn frame_pointer(&self) -> u64 {
        match self {
            Self::X86_64(registers) => registers.rbp,
            Self::Aarch64(registers) => registers.x[29],
        }
    }

    /// Every general register's value, for a search of roots.
    pub fn all(&self) -> Vec<u64> {
        match self {
            Self::X86_64(r) => vec![
                r.r15, r.r14, r.r13, r.r12, r.rbp, r.rbx, r.r11, r.r10, r.r9, r.r8, r.rax, r.rcx, r.rdx,
                r.rsi, r.rdi, r.rsp,
            ],
            Self::Aarch64(r) => r.x.iter().copied().chain([r.sp]).collect(),
        }
    }
}

/// The registers of `struct user_regs_struct` (`sys/user.h`), in its order: also the layout of `pr_reg` in an
/// `NT_PRSTATUS` note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are the processor's own")]
pub struct X86_64Registers {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub rbp: u64,
    pub rbx: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rax: u64,
    pub rcx: u64,
    pub rdx: u64,
    pub rsi: u64,
    pub rdi: u64,
    pub orig_rax: u64,
    pub rip: u64,
    pub cs: u64,
    pub eflags: u64,
    pub rsp: u64,
    pub ss: u64,
    pub fs_base: u64,
    pub gs_base: u64,
    pub ds: u64,
    pub es: u64,
    pub fs: u64,
    pub gs: u64,
}

impl X86_64Registers {
    /// Bytes of the register set in a note or from the kernel.
    pub const SIZE: usize = 27 * 8;

    /// From the words in the order of `user_regs_struct`.
    pub fn from_words(words: &[u64; 27]) -> Self {
        let &[
            r15,
            r14,
            r13,
            r12,
            rbp,
            rbx,
            r11,
            r10,
            r9,
            r8,
            rax,
            rcx,
            rdx,
            rsi,
            rdi,
            orig_rax,
            rip,
            cs,
            eflags,
            rsp,
            ss,
            fs_base,
            gs_base,
            ds,
            es,
            fs,
            gs,
        ] = words;
        Self {
            r15,
            r14,
            r13,
            r12,
            rbp,
            rbx,
            r11,
            r10,
            r9,
            r8,
            rax,
            rcx,
            rdx,
            rsi,
            rdi,
            orig_rax,
            rip,
            cs,
            eflags,
            rsp,
            ss,
            fs_base,
            gs_base,
            ds,
            es,
            fs,
            gs,
        }
    }

    /// The words in the order of `user_regs_struct`.
    pub fn to_words(&self) -> [u64; 27] {
        let r = self;
        [
            r.r15, r.r14, r.r13, r.r12, r.rbp, r.rbx, r.r11, r.r10, r.r9, r.r8, r.rax, r.rcx, r.rdx, r.rsi,
            r.rdi, r.orig_rax, r.rip, r.cs, r.eflags, r.rsp, r.ss, r.fs_base, r.gs_base, r.ds, r.es, r.fs,
            r.gs,
        ]
    }
}

/// The registers of arm64's `struct user_pt_regs` (`asm/ptrace.h`), with the thread pointer of `NT_ARM_TLS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[expect(missing_docs, reason = "the names are the processor's own")]
pub struct Aarch64Registers {
    pub x: [u64; 31],
    pub sp: u64,
    pub pc: u64,
    pub pstate: u64,
    /// `tpidr_el0`, from its own note; 0 if the source has none.
    pub tpidr: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_names_agree() {
        let words: [u64; 27] = std::array::from_fn(|i| i as u64 + 100);
        let registers = X86_64Registers::from_words(&words);
        assert_eq!(registers.to_words(), words);
        // Offsets of `sys/user.h`: rip is the 17th word, rsp the 20th, fs_base the 22nd.
        assert_eq!((registers.rip, registers.rsp, registers.fs_base), (116, 119, 121));
    }
}
