//! `v8code`: code objects and their instructions.

use iced_x86::{Decoder, DecoderOptions, Formatter, GasFormatter};
use postmortem::answers::hex;
use postmortem::stack::{Code, CodeKind};
use process_memory::ReadExt;

use super::{row, switch};
use crate::CommandError;
use crate::answer::{Answer, Cell, Column, left};
use crate::options::Call;
use crate::session::{Opened, Session, pointer};
use crate::table::Command;

pub(super) const ROWS: &[Command] = &[Command {
    options: &[switch('d', "its instructions, too")],
    ..row("v8code", "code of V8's (ADDR may also be an instruction), and what it is of", code)
}];

const INSTRUCTIONS: &[Column] = &[left("address", ""), left("instruction", "")];
/// No function's code is longer.
const LONGEST: u64 = 16 << 20;

fn code(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let at = call.word()?;
    let found = session.isolates.iter().find_map(|opened| {
        let codes = opened.codes();
        let code =
            codes.of(at & !7).or_else(|| codes.find(at).filter(|code| (code.start..code.end).contains(&at)));
        code.map(|code| (opened, code))
    });
    let Some((opened, code)) = found else {
        let (opened, object) = session.object(at)?;
        return Err(CommandError::failed(format!(
            "{} is no code, but {}",
            hex(object),
            opened.class_of(object)
        )));
    };
    let mut answer = Answer::default();
    answer.field("code", Cell::Address(code.object));
    fields(opened, code.object, &mut answer);
    if call.has('d') {
        disassemble(opened, code.object, &mut answer)?;
    }
    answer.words = vec![pointer(code.object)];
    Ok(answer)
}

fn kind_name(kind: CodeKind) -> &'static str {
    match kind {
        CodeKind::Builtin => "V8's own",
        CodeKind::Baseline => "baseline (Sparkplug)",
        CodeKind::Maglev => "optimized (Maglev)",
        CodeKind::Turbofan => "optimized (TurboFan)",
        CodeKind::Other => "other",
    }
}

/// What there is to know of a code object.
pub(super) fn fields(opened: &Opened<'_, '_>, object: u64, answer: &mut Answer) {
    let Some(code) = opened.codes().of(object) else {
        answer.field("instructions", Cell::Nothing);
        return;
    };
    answer.field("kind", kind_name(code.kind));
    answer.field("instructions", format!("{}-{}", hex(code.start), hex(code.end)));
    answer.field("instruction size", Cell::Number(code.end - code.start));
}

/// The instructions of a code object, as the processor reads them.
pub(super) fn disassemble(
    opened: &Opened<'_, '_>,
    object: u64,
    answer: &mut Answer,
) -> Result<(), CommandError> {
    let Some(Code { start, end, .. }) = opened.codes().of(object) else {
        return Err(CommandError::failed(format!("{} has no instructions", hex(object))));
    };
    let bytes = opened.heap.memory.bytes_at(start, (end - start).min(LONGEST));
    let bytes =
        bytes.map_err(|gap| CommandError::failed(format!("the instructions are not there: {gap}")))?;
    let mut decoder = Decoder::with_ip(64, &bytes, start, DecoderOptions::NONE);
    let mut formatter = GasFormatter::new();
    let mut rows = Vec::new();
    while decoder.can_decode() {
        let instruction = decoder.decode();
        let mut text = String::new();
        formatter.format(&instruction, &mut text);
        rows.push(vec![Cell::Address(instruction.ip()), Cell::Text(text)]);
    }
    answer.append(Answer::table(INSTRUCTIONS, rows));
    Ok(())
}
