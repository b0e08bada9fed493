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

/// A register set that is an array of words to the kernel, its names in the kernel's order.
macro_rules! register_set {
    ($(#[$about:meta])* $set:ident: $($name:ident)*) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
        #[expect(missing_docs, reason = "the names are the processor's own")]
        pub struct $set {
            $(pub $name: u64,)*
        }

        impl $set {
            /// Words in the register set.
            pub const WORDS: usize = [$(stringify!($name)),*].len();
            /// Bytes of the register set in a note or from the kernel.
            pub const SIZE: usize = Self::WORDS * 8;

            /// From the words in the kernel's order.
            pub fn from_words(words: &[u64; Self::WORDS]) -> Self {
                let &[$($name),*] = words;
                Self { $($name),* }
            }

            /// The words in the kernel's order.
            pub fn to_words(&self) -> [u64; Self::WORDS] {
                [$(self.$name),*]
            }
        }
    };
}

register_set! {
    /// The registers of `struct user_regs_struct` (`sys/user.h`): also the layout of `pr_reg` in an `NT_PRSTATUS` note.
    X86_64Registers: r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs eflags rsp ss fs_base
    gs_base ds es fs gs
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
