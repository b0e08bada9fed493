//! Runs a filter of system calls: classic BPF with the restrictions of `seccomp_check_filter` (seccomp(2)).

/// What a filter answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The call is made.
    Allow,
    /// Anything else.
    Other,
}

const ALLOW: u32 = 0x7fff_0000;
const LOG: u32 = 0x7ffc_0000;
/// The upper half says what to do, the lower one is data.
const ACTION: u32 = 0xffff_0000;

/// `struct seccomp_data`: number, architecture, address, six arguments.
pub(crate) fn data(number: u32, architecture: u32, arguments: [u64; 6]) -> [u8; 64] {
    let mut data = [0; 64];
    data[..4].copy_from_slice(&number.to_ne_bytes());
    data[4..8].copy_from_slice(&architecture.to_ne_bytes());
    for (i, argument) in arguments.iter().enumerate() {
        data[16 + i * 8..24 + i * 8].copy_from_slice(&argument.to_ne_bytes());
    }
    data
}

struct Instruction {
    code: u16,
    if_true: u8,
    if_false: u8,
    k: u32,
}

/// Runs a filter. `None` for an instruction that is not known: such a filter is not trusted.
pub(crate) fn run(bytes: &[u8], data: &[u8; 64]) -> Option<Verdict> {
    let (chunks, _) = bytes.as_chunks::<8>();
    let (mut a, mut x, mut memory, mut at) = (0u32, 0u32, [0u32; 16], 0usize);
    loop {
        let [c0, c1, if_true, if_false, k0, k1, k2, k3] = *chunks.get(at)?;
        let code = u16::from_ne_bytes([c0, c1]);
        let i = Instruction { code, if_true, if_false, k: u32::from_ne_bytes([k0, k1, k2, k3]) };
        at += 1;
        match i.code & 7 {
            // LD, LDX
            class @ (0 | 1) => {
                let value = match i.code & 0xe0 {
                    0x00 => i.k,
                    0x20 => word(data, i.k)?,
                    0x60 => *memory.get(i.k as usize)?,
                    0x80 => data.len() as u32,
                    _ => return None,
                };
                if class == 0 { a = value } else { x = value }
            }
            2 => *memory.get_mut(i.k as usize)? = a,
            3 => *memory.get_mut(i.k as usize)? = x,
            4 => a = arithmetic(&i, a, x)?,
            5 => at += jump(&i, a, x)?,
            // RET
            6 => {
                let answer = match i.code & 0x18 {
                    0x00 => i.k,
                    0x10 => a,
                    _ => return None,
                };
                let passes = matches!(answer & ACTION, ALLOW | LOG);
                return Some(if passes { Verdict::Allow } else { Verdict::Other });
            }
            // MISC: TAX, TXA
            _ if i.code & 0xf8 == 0 => x = a,
            _ => a = x,
        }
    }
}

fn word(data: &[u8; 64], at: u32) -> Option<u32> {
    let at = at as usize;
    Some(u32::from_ne_bytes(data.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

fn arithmetic(i: &Instruction, a: u32, x: u32) -> Option<u32> {
    let other = if i.code & 8 == 0 { i.k } else { x };
    Some(match i.code & 0xf0 {
        0x00 => a.wrapping_add(other),
        0x10 => a.wrapping_sub(other),
        0x20 => a.wrapping_mul(other),
        0x30 => a.checked_div(other)?,
        0x40 => a | other,
        0x50 => a & other,
        0x60 => a.wrapping_shl(other),
        0x70 => a.wrapping_shr(other),
        0x80 => a.wrapping_neg(),
        0x90 => a.checked_rem(other)?,
        0xa0 => a ^ other,
        _ => return None,
    })
}

/// By how many instructions to go on.
fn jump(i: &Instruction, a: u32, x: u32) -> Option<usize> {
    let other = if i.code & 8 == 0 { i.k } else { x };
    let holds = match i.code & 0xf0 {
        0x00 => return Some(i.k as usize),
        0x10 => a == other,
        0x20 => a > other,
        0x30 => a >= other,
        0x40 => a & other != 0,
        _ => return None,
    };
    Some(usize::from(if holds { i.if_true } else { i.if_false }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(instructions: &[(u16, u8, u8, u32)]) -> Vec<u8> {
        let encode = |&(code, yes, no, k): &(u16, u8, u8, u32)| {
            [&code.to_ne_bytes()[..], &[yes, no], &k.to_ne_bytes()].concat()
        };
        instructions.iter().flat_map(encode).collect()
    }

    /// Kills for another architecture; refuses `clone` with CLONE_NEWUSER; allows 56 and 28; kills all else.
    fn sandbox() -> Vec<u8> {
        program(&[
            (0x20, 0, 0, 4),
            (0x15, 1, 0, 0xc000_003e),
            (0x06, 0, 0, 0x8000_0000),
            (0x20, 0, 0, 0),
            (0x15, 0, 3, 56),
            (0x20, 0, 0, 16),
            (0x45, 0, 3, 0x1000_0000),
            (0x06, 0, 0, 0x0005_0001),
            (0x15, 1, 0, 28),
            (0x06, 0, 0, 0x8000_0000),
            (0x06, 0, 0, ALLOW),
        ])
    }

    fn asked(number: u32, architecture: u32, first: u64) -> Option<Verdict> {
        run(&sandbox(), &data(number, architecture, [first, 0, 0, 0, 0, 0]))
    }

    #[test]
    fn a_filter_is_followed_to_its_answer() {
        let x86_64 = 0xc000_003e;
        assert_eq!(asked(56, x86_64, 0x400), Some(Verdict::Allow));
        assert_eq!(asked(56, x86_64, 0x1000_0400), Some(Verdict::Other));
        assert_eq!(asked(28, x86_64, 0), Some(Verdict::Allow));
        assert_eq!(asked(61, x86_64, 0), Some(Verdict::Other));
        assert_eq!(asked(56, 0x4000_0003, 0x400), Some(Verdict::Other));
    }

    #[test]
    fn arithmetic_memory_and_registers_work() {
        // a = 56; memory[3] = a; x = 8; a = a / x + 1 = 8; x = a; a = memory[3]; a % x == 0
        let computes = program(&[
            (0x20, 0, 0, 0),
            (0x02, 0, 0, 3),
            (0x01, 0, 0, 8),
            (0x3c, 0, 0, 0),
            (0x04, 0, 0, 1),
            (0x07, 0, 0, 0),
            (0x60, 0, 0, 3),
            (0x9c, 0, 0, 0),
            (0x15, 0, 1, 0),
            (0x06, 0, 0, LOG),
            (0x06, 0, 0, 0),
        ]);
        assert_eq!(run(&computes, &data(56, 0, [0; 6])), Some(Verdict::Allow));
        assert_eq!(run(&computes, &data(57, 0, [0; 6])), Some(Verdict::Other));
    }

    #[test]
    fn what_is_not_known_is_not_trusted() {
        assert_eq!(
            run(&program(&[(0x28, 0, 0, 0), (0x06, 0, 0, ALLOW)]), &data(0, 0, [0; 6])),
            Some(Verdict::Allow)
        );
        assert_eq!(run(&program(&[(0x40, 0, 0, 0), (0x06, 0, 0, ALLOW)]), &data(0, 0, [0; 6])), None);
        assert_eq!(run(&program(&[(0x20, 0, 0, 62), (0x06, 0, 0, ALLOW)]), &data(0, 0, [0; 6])), None);
        assert_eq!(run(&program(&[(0x20, 0, 0, 0)]), &data(0, 0, [0; 6])), None);
        assert_eq!(run(&program(&[(0x3c, 0, 0, 0), (0x06, 0, 0, ALLOW)]), &data(0, 0, [0; 6])), None);
    }
}
