//! What small functions of C++ return. Classes tell their names, their sizes and the like in virtual functions of a few
//! instructions, most of which return a constant. Those are followed here, instruction by instruction, on the memory that
//! the process left: nothing of it is run.

use iced_x86::{ConditionCode, Decoder, DecoderOptions, Instruction, Mnemonic, OpKind, Register};
use process_memory::ProcessMemory;

/// Longer functions are not followed.
const MOST_INSTRUCTIONS: usize = 64;
/// No instruction of x86-64 is longer.
const LONGEST_INSTRUCTION: usize = 15;

/// What a function returns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Answer {
    /// The whole register `rax`.
    pub(super) value: u64,
    /// Whether the function read memory: what it returns may be another value for another object.
    pub(super) reads: bool,
}

/// What a member function returns for an object. `None` if it calls others, writes, or does something else that such
/// functions do not.
pub(super) fn answer(memory: &dyn ProcessMemory, function: u64, object: u64) -> Option<Answer> {
    let mut machine = Machine { memory, registers: [None; 16], stack: Vec::new(), flags: None, reads: false };
    machine.registers[Register::RDI.number()] = Some(object);
    let mut at = function;
    for _ in 0..MOST_INSTRUCTIONS {
        let mut code = [0; LONGEST_INSTRUCTION];
        // The last function may end with its memory.
        let there = match memory.read_at(at, &mut code) {
            Ok(()) => code.len(),
            Err(gap) => usize::try_from(gap.address.wrapping_sub(at)).ok()?.min(code.len()),
        };
        let instruction = Decoder::with_ip(64, &code[..there], at, DecoderOptions::NONE).decode();
        match machine.step(&instruction)? {
            Next::Behind => at = instruction.next_ip(),
            Next::At(target) => at = target,
            Next::Return => {
                let value = machine.registers[Register::RAX.number()]?;
                return Some(Answer { value, reads: machine.reads });
            }
        }
    }
    None
}

enum Next {
    Behind,
    At(u64),
    Return,
}

/// What the last comparison left.
#[derive(Clone, Copy)]
struct Flags {
    zero: bool,
    sign: bool,
    carry: bool,
    overflow: bool,
}

impl Flags {
    /// Of a result of so many bytes, without carry and overflow.
    fn of(value: u64, size: usize) -> Self {
        let value = cut(value, size);
        Self { zero: value == 0, sign: value >> (8 * size - 1) & 1 == 1, carry: false, overflow: false }
    }

    fn of_difference(left: u64, right: u64, size: usize) -> Self {
        let (left, right) = (cut(left, size), cut(right, size));
        let flags = Self::of(left.wrapping_sub(right), size);
        let signs_differ = (left ^ right) >> (8 * size - 1) & 1 == 1;
        let was_negative = left >> (8 * size - 1) & 1 == 1;
        Self { carry: left < right, overflow: signs_differ && flags.sign != was_negative, ..flags }
    }

    fn holds(self, condition: ConditionCode) -> Option<bool> {
        Some(match condition {
            ConditionCode::e => self.zero,
            ConditionCode::ne => !self.zero,
            ConditionCode::b => self.carry,
            ConditionCode::ae => !self.carry,
            ConditionCode::be => self.carry || self.zero,
            ConditionCode::a => !self.carry && !self.zero,
            ConditionCode::l => self.sign != self.overflow,
            ConditionCode::ge => self.sign == self.overflow,
            ConditionCode::le => self.zero || self.sign != self.overflow,
            ConditionCode::g => !self.zero && self.sign == self.overflow,
            ConditionCode::s => self.sign,
            ConditionCode::ns => !self.sign,
            _ => return None,
        })
    }
}

/// Registers that hold something known, and what was saved of them.
struct Machine<'m> {
    memory: &'m dyn ProcessMemory,
    registers: [Option<u64>; 16],
    stack: Vec<Option<u64>>,
    flags: Option<Flags>,
    reads: bool,
}

impl Machine<'_> {
    fn step(&mut self, instruction: &Instruction) -> Option<Next> {
        let condition = instruction.condition_code();
        match instruction.mnemonic() {
            Mnemonic::Nop | Mnemonic::Endbr64 => {}
            Mnemonic::Ret => return Some(Next::Return),
            Mnemonic::Jmp => return Some(Next::At(branch(instruction)?)),
            Mnemonic::Push => {
                let saved = self.registers[register(instruction, 0)?];
                self.stack.push(saved);
            }
            Mnemonic::Pop => {
                let saved = self.stack.pop()?;
                self.registers[register(instruction, 0)?] = saved;
            }
            // The frame pointer is set to what is not known here, and not asked for.
            Mnemonic::Mov
                if instruction.op0_register() == Register::RBP
                    && instruction.op1_register() == Register::RSP =>
            {
                self.registers[Register::RBP.number()] = None;
            }
            Mnemonic::Mov | Mnemonic::Movzx => {
                let value = self.operand(instruction, 1)?;
                self.set(instruction, value)?;
            }
            Mnemonic::Movsx | Mnemonic::Movsxd => {
                let unused = 64 - 8 * size(instruction, 1)? as u32;
                let value = self.operand(instruction, 1)?;
                self.set(instruction, ((value << unused) as i64 >> unused) as u64)?;
            }
            Mnemonic::Lea => {
                let address = self.address(instruction)?;
                self.set(instruction, address)?;
            }
            // Whatever was in it.
            Mnemonic::Xor if instruction.op0_register() == instruction.op1_register() => {
                self.set(instruction, 0)?;
                self.flags = Some(Flags::of(0, 8));
            }
            mnemonic @ (Mnemonic::Xor | Mnemonic::And | Mnemonic::Or) => {
                let (left, right) = (self.operand(instruction, 0)?, self.operand(instruction, 1)?);
                let value = match mnemonic {
                    Mnemonic::Xor => left ^ right,
                    Mnemonic::And => left & right,
                    _ => left | right,
                };
                self.flags = Some(Flags::of(value, size(instruction, 0)?));
                self.set(instruction, value)?;
            }
            Mnemonic::Test => {
                let value = self.operand(instruction, 0)? & self.operand(instruction, 1)?;
                self.flags = Some(Flags::of(value, size(instruction, 0)?));
            }
            mnemonic @ (Mnemonic::Cmp | Mnemonic::Sub) => {
                let (left, right) = (self.operand(instruction, 0)?, self.operand(instruction, 1)?);
                self.flags = Some(Flags::of_difference(left, right, size(instruction, 0)?));
                if mnemonic == Mnemonic::Sub {
                    self.set(instruction, left.wrapping_sub(right))?;
                }
            }
            _ if instruction.is_jcc_short_or_near() => {
                if self.flags?.holds(condition)? {
                    return Some(Next::At(branch(instruction)?));
                }
            }
            _ if condition != ConditionCode::None && instruction.op_count() == 1 => {
                let holds = self.flags?.holds(condition)?;
                self.set(instruction, u64::from(holds))?;
            }
            _ if condition != ConditionCode::None && instruction.op_count() == 2 => {
                // What is not moved is cut to its size all the same.
                let from = if self.flags?.holds(condition)? { 1 } else { 0 };
                let value = self.operand(instruction, from)?;
                self.set(instruction, value)?;
            }
            _ => return None,
        }
        Some(Next::Behind)
    }

    /// The value of an operand, cut to its size.
    fn operand(&mut self, instruction: &Instruction, operand: u32) -> Option<u64> {
        let size = size(instruction, operand)?;
        let value = match instruction.op_kind(operand) {
            OpKind::Register => self.registers[register(instruction, operand)?]?,
            OpKind::Memory => {
                let address = self.address(instruction)?;
                let mut bytes = [0; 8];
                self.memory.read_at(address, bytes.get_mut(..size)?).ok()?;
                self.reads = true;
                u64::from_le_bytes(bytes)
            }
            kind if is_immediate(kind) => instruction.immediate(operand),
            _ => return None,
        };
        Some(cut(value, size))
    }

    /// Where an operand in memory is. The stack is not known.
    fn address(&self, instruction: &Instruction) -> Option<u64> {
        let register = |register: Register| match register {
            Register::None | Register::RIP => Some(0),
            _ if register.size() == 8 => self.registers[register.number()],
            _ => None,
        };
        if instruction.segment_prefix() != Register::None {
            return None;
        }
        // What is relative to the instruction is an address already.
        let index = register(instruction.memory_index())?;
        let index = index.wrapping_mul(u64::from(instruction.memory_index_scale()));
        let base = register(instruction.memory_base())?;
        Some(base.wrapping_add(index).wrapping_add(instruction.memory_displacement64()))
    }

    /// Writes the first operand, which must be a register: 32 bits clear what is above them, fewer leave it.
    fn set(&mut self, instruction: &Instruction, value: u64) -> Option<()> {
        let size = size(instruction, 0)?;
        let at = register(instruction, 0)?;
        self.registers[at] = Some(match size {
            4 | 8 => cut(value, size),
            // Where what is above is not known, only the part is asked for: of a truth value.
            _ => self.registers[at].unwrap_or(0) & !mask(size) | cut(value, size),
        });
        Some(())
    }
}

fn branch(instruction: &Instruction) -> Option<u64> {
    (instruction.op0_kind() == OpKind::NearBranch64).then(|| instruction.near_branch_target())
}

/// The whole register that an operand is a low part of.
fn register(instruction: &Instruction, operand: u32) -> Option<usize> {
    let register = instruction.op_register(operand);
    let is_second_byte = [Register::AH, Register::BH, Register::CH, Register::DH].contains(&register);
    (register.is_gpr() && !is_second_byte).then(|| register.full_register().number())
}

fn is_immediate(kind: OpKind) -> bool {
    use OpKind::{
        Immediate8, Immediate8to32, Immediate8to64, Immediate16, Immediate32, Immediate32to64, Immediate64,
    };
    let all =
        [Immediate8, Immediate8to32, Immediate8to64, Immediate16, Immediate32, Immediate32to64, Immediate64];
    all.contains(&kind)
}

/// Bytes of an operand; an immediate has those of the first operand.
fn size(instruction: &Instruction, operand: u32) -> Option<usize> {
    let size = match instruction.op_kind(operand) {
        OpKind::Register => instruction.op_register(operand).size(),
        OpKind::Memory => instruction.memory_size().size(),
        kind if is_immediate(kind) && operand > 0 => size(instruction, 0)?,
        _ => return None,
    };
    matches!(size, 1 | 2 | 4 | 8).then_some(size)
}

fn mask(size: usize) -> u64 {
    u64::MAX >> (64 - 8 * size)
}

fn cut(value: u64, size: usize) -> u64 {
    value & mask(size)
}

#[cfg(test)]
mod tests {
    use process_memory::{AuxiliaryVector, Gap, GapKind, Mapping, ProcessMemory, Thread};

    use super::{Answer, answer};

    const CODE: u64 = 0x1000;
    const OBJECT: u64 = 0x2000;

    /// A function, and an object.
    struct Image {
        code: Vec<u8>,
        object: Vec<u8>,
        auxiliary: AuxiliaryVector,
    }

    impl ProcessMemory for Image {
        fn mappings(&self) -> &[Mapping] {
            &[]
        }

        fn read_at(&self, address: u64, buffer: &mut [u8]) -> Result<(), Gap> {
            for (i, byte) in buffer.iter_mut().enumerate() {
                let address = address.wrapping_add(i as u64);
                let at = |start: u64, bytes: &[u8]| bytes.get(address.wrapping_sub(start) as usize).copied();
                let there = at(CODE, &self.code).or_else(|| at(OBJECT, &self.object));
                *byte = there.ok_or(Gap { address, kind: GapKind::Unmapped })?;
            }
            Ok(())
        }

        fn threads(&self) -> &[Thread] {
            &[]
        }

        fn auxiliary(&self) -> &AuxiliaryVector {
            &self.auxiliary
        }
    }

    fn returned(code: &[u8], object: &[u8]) -> Option<Answer> {
        let image =
            Image { code: code.to_vec(), object: object.to_vec(), auxiliary: AuxiliaryVector::default() };
        answer(&image, CODE, OBJECT)
    }

    #[test]
    fn constants_are_read() {
        let constant = |value| Some(Answer { value, reads: false });
        // mov $0x198,%eax; ret
        assert_eq!(returned(&[0xb8, 0x98, 1, 0, 0, 0xc3], &[]), constant(0x198));
        // The same with a frame: push %rbp; mov %rsp,%rbp; …; pop %rbp; ret
        assert_eq!(
            returned(&[0x55, 0x48, 0x89, 0xe5, 0xb8, 0xa8, 1, 0, 0, 0x5d, 0xc3], &[]),
            constant(0x1a8)
        );
        // endbr64; lea 0x10(%rip),%rax; ret: what is relative to where the next instruction is.
        let code = [0xf3, 0x0f, 0x1e, 0xfa, 0x48, 0x8d, 0x05, 0x10, 0, 0, 0, 0xc3];
        assert_eq!(returned(&code, &[]), constant(CODE + 11 + 0x10));
        // xor %eax,%eax; ret
        assert_eq!(returned(&[0x31, 0xc0, 0xc3], &[]), constant(0));
    }

    /// mov 0x4(%rdi),%eax; cmp $0x23,%eax; je A; cmp $0x24,%eax; jne B; mov $1,%eax; ret; A: mov $2,%eax; ret; B: call
    const BY_PROVIDER: [u8; 30] = [
        0x8b, 0x47, 4, 0x83, 0xf8, 0x23, 0x74, 11, 0x83, 0xf8, 0x24, 0x75, 12, 0xb8, 1, 0, 0, 0, 0xc3, 0xb8,
        2, 0, 0, 0, 0xc3, 0xe8, 0, 0, 0, 0,
    ];

    #[test]
    fn branches_are_taken_as_the_object_says() {
        let of = |provider: u8| returned(&BY_PROVIDER, &[0, 0, 0, 0, provider, 0, 0, 0]);
        assert_eq!(of(0x24), Some(Answer { value: 1, reads: true }));
        assert_eq!(of(0x23), Some(Answer { value: 2, reads: true }));
        // It aborts.
        assert_eq!(of(0x25), None);
    }

    #[test]
    fn a_byte_of_a_handle_says_what_is_a_root() {
        // mov 0x8(%rdi),%rax; test %rax,%rax; je +13; movzbl 0xb(%rax),%eax; and $3,%eax; cmp $2,%al; setne %al; ret;
        // mov $1,%eax; ret
        let code = [
            0x48, 0x8b, 0x47, 8, 0x48, 0x85, 0xc0, 0x74, 13, 0x0f, 0xb6, 0x40, 0xb, 0x83, 0xe0, 3, 0x3c, 2,
            0x0f, 0x95, 0xc0, 0xc3, 0xb8, 1, 0, 0, 0, 0xc3,
        ];
        let of = |handle: u64, state: u8| {
            let mut object = [0; 32];
            object[8..16].copy_from_slice(&handle.to_le_bytes());
            object[27] = state;
            returned(&code, &object).map(|answer| answer.value & 0xff)
        };
        assert_eq!([of(OBJECT + 16, 0xfe), of(OBJECT + 16, 0xfd), of(0, 2)], [Some(0), Some(1), Some(1)]);
    }

    #[test]
    fn what_such_functions_do_not_do_is_refused() {
        let refused: [&[u8]; 7] = [
            // jmp to itself
            &[0xeb, 0xfe],
            // mov %rax,(%rdi); ret
            &[0x48, 0x89, 0x07, 0xc3],
            // ret, with nothing said
            &[0xc3],
            // mov %rsi,%rax; ret: an argument that there is none of
            &[0x48, 0x89, 0xf0, 0xc3],
            // je before any comparison
            &[0x74, 0, 0xb8, 1, 0, 0, 0, 0xc3],
            // pop of what was not pushed
            &[0x58, 0xc3],
            // cut off
            &[0xb8, 1],
        ];
        for code in refused {
            assert_eq!(returned(code, &[0; 8]), None, "{code:x?}");
        }
    }

    #[test]
    fn all_kinds_of_bytes_end() {
        let mut state = 1_u64;
        for _ in 0..20_000 {
            let code: Vec<u8> = (0..40)
                .map(|_| {
                    state =
                        state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                    (state >> 56) as u8
                })
                .collect();
            let _ = returned(&code, &[0x20; 64]);
        }
    }
}
