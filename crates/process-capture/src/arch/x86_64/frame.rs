//! Signal frames (`struct rt_sigframe`, with `struct ucontext` of `asm/ucontext.h` and `struct sigcontext_64` of
//! `asm/sigcontext.h`): what `rt_sigreturn` restores a thread from.

use process_memory::X86_64Registers;

use super::{Frames, Gadgets, RED_ZONE, call, extended::FEATURES, rested};

/// Length of a frame: return address, context, signal information.
const FRAME: u64 = 440;
/// The frame holds extended state; its stack segment is to be restored as it is.
const EXTENDED_STATE: u64 = 1;
const STACK_SEGMENT: u64 = 2 | 4;
/// No mode of an alternate stack: the kernel leaves the thread's alternate stack as it is.
const KEEP_ALTERNATE_STACK: u32 = 0x1000;
/// Mark the beginning and the end of extended state that is longer than the legacy part (`asm/sigcontext.h`).
const MAGIC_1: u32 = 0x4650_5853;
const MAGIC_2: u32 = 0x4650_5845;
const LEGACY: usize = 512;

/// The frames for a thread that is stopped with these registers, extended state and blocked signals.
pub(crate) fn frames(
    registers: &X86_64Registers,
    extended: &[u8],
    mask: u64,
    gadgets: &Gadgets,
) -> Option<Frames> {
    let state = marked(extended)?;
    let top = registers.rsp.checked_sub(RED_ZONE + state.len() as u64)?;
    let state_at = top & !63;
    let own = state_at.checked_sub(FRAME)? & !15;
    let child = own.checked_sub(FRAME)? & !15;
    let mut bytes = vec![0; (state_at - child) as usize + state.len()];
    let end = X86_64Registers {
        rax: call::EXIT_GROUP,
        rip: gadgets.call,
        rsp: child,
        orig_rax: u64::MAX,
        cs: registers.cs,
        ss: registers.ss,
        eflags: 0x202,
        ..Default::default()
    };
    frame(&mut bytes, &end, STACK_SEGMENT, 0, u64::MAX, gadgets);
    let at = (own - child) as usize;
    frame(&mut bytes[at..], &rested(registers), EXTENDED_STATE | STACK_SEGMENT, state_at, mask, gadgets);
    bytes[(state_at - child) as usize..].copy_from_slice(&state);
    Some(Frames { address: child, bytes, own, child })
}

/// The state with the marks that `rt_sigreturn` asks for. Without them it would restore the legacy part only, and
/// AVX registers would be lost.
fn marked(extended: &[u8]) -> Option<Vec<u8>> {
    let mut state = extended.to_vec();
    if state.len() < LEGACY {
        return None;
    }
    if state.len() == LEGACY {
        state[FEATURES..].fill(0);
        return Some(state);
    }
    let length = u32::try_from(state.len()).ok()?;
    let features: [u8; 8] = state[FEATURES..FEATURES + 8].try_into().ok()?;
    state[FEATURES..LEGACY].fill(0);
    state[FEATURES..FEATURES + 4].copy_from_slice(&MAGIC_1.to_ne_bytes());
    state[FEATURES + 4..FEATURES + 8].copy_from_slice(&(length + 4).to_ne_bytes());
    state[FEATURES + 8..FEATURES + 16].copy_from_slice(&features);
    state[FEATURES + 16..FEATURES + 20].copy_from_slice(&length.to_ne_bytes());
    state.extend_from_slice(&MAGIC_2.to_ne_bytes());
    Some(state)
}

fn frame(into: &mut [u8], r: &X86_64Registers, flags: u64, state_at: u64, mask: u64, gadgets: &Gadgets) {
    let mut put = |at: usize, value: u64| into[at..at + 8].copy_from_slice(&value.to_ne_bytes());
    put(0, gadgets.restorer);
    put(8, flags);
    put(32, u64::from(KEEP_ALTERNATE_STACK));
    let general = [
        r.r8, r.r9, r.r10, r.r11, r.r12, r.r13, r.r14, r.r15, r.rdi, r.rsi, r.rbp, r.rbx, r.rdx, r.rax,
        r.rcx, r.rsp, r.rip, r.eflags,
    ];
    for (i, value) in general.into_iter().enumerate() {
        put(48 + i * 8, value);
    }
    // Four halves: code, gs, fs and stack segments.
    put(192, (r.cs & 0xffff) | (r.ss & 0xffff) << 48);
    put(232, state_at);
    put(304, mask);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(bytes: &[u8], at: usize) -> u64 {
        u64::from_ne_bytes(bytes[at..at + 8].try_into().unwrap())
    }

    #[test]
    fn frames_lie_below_the_red_zone_and_lead_back() {
        let registers = X86_64Registers {
            rsp: 0x7fff_0000_1238,
            rip: 0x40_1002,
            rax: -512i64 as u64,
            orig_rax: 202,
            cs: 0x33,
            ss: 0x2b,
            rbx: 77,
            ..Default::default()
        };
        let gadgets = Gadgets { call: 0x5000, restorer: 0x6000 };
        let mut extended = vec![9; 832];
        extended[FEATURES..FEATURES + 8].copy_from_slice(&7u64.to_ne_bytes());
        let frames = frames(&registers, &extended, 0xff, &gadgets).unwrap();
        let end = frames.address + frames.bytes.len() as u64;
        assert!(end <= registers.rsp - 128 && registers.rsp - end < 256);
        assert!(frames.address == frames.child && frames.child + FRAME <= frames.own);
        let own = &frames.bytes[(frames.own - frames.address) as usize..];
        assert_eq!(word(own, 0), 0x6000);
        // rsp, rip, rax, rbx, the mask: the waiting call is made again.
        assert_eq!((word(own, 168), word(own, 176), word(own, 152)), (registers.rsp, 0x40_1000, 202));
        assert_eq!((word(own, 136), word(own, 304)), (77, 0xff));
        let state_at = word(own, 232);
        assert_eq!(state_at % 64, 0);
        let state = &frames.bytes[(state_at - frames.address) as usize..];
        assert_eq!(word(state, 464) as u32, MAGIC_1);
        assert_eq!((word(state, 472), word(state, 480) as u32), (7, 832));
        assert_eq!(state[832..836], MAGIC_2.to_ne_bytes());
        assert_eq!((word(&frames.bytes, 152), word(&frames.bytes, 176)), (231, 0x5000));
    }

    #[test]
    fn a_stack_without_room_gives_no_frames() {
        let registers = X86_64Registers { rsp: 700, ..Default::default() };
        assert_eq!(frames(&registers, &[0; 832], 0, &Gadgets { call: 1, restorer: 2 }), None);
    }
}
