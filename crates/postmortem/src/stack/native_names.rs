//! The names of functions of C++, from the symbol tables of programs and libraries.

use cpp_demangle::DemangleOptions;

use super::frames::{Frame, FrameKind, Stack};
use super::native::bias;
use crate::core::CoreFile;
use crate::elf::{Elf, symbols_at};

/// Longer names (of templates in templates) are cut.
const LONGEST_NAME: usize = 512;

/// Names the frames of C++ of these stacks: each symbol table is read once.
pub fn name_native_frames(stacks: &mut [Stack], core: &CoreFile) {
    let mut frames: Vec<(&mut Frame, u64)> = Vec::new();
    for stack in stacks {
        // Behind the innermost frame, addresses are those behind calls, which may be those of other functions.
        for (i, frame) in
            stack.frames.iter_mut().enumerate().filter(|(_, frame)| frame.kind == FrameKind::Native)
        {
            let text = frame.address.as_deref().unwrap_or_default().trim_start_matches("0x");
            if let Ok(pc) = u64::from_str_radix(text, 16) {
                frames.push((frame, pc.wrapping_sub(u64::from(i > 0))));
            }
        }
    }
    frames.sort_by(|a, b| a.0.module.cmp(&b.0.module));
    for of_module in frames.chunk_by_mut(|a, b| a.0.module == b.0.module) {
        let Some(path) = of_module[0].0.module.clone() else { continue };
        name_in(of_module, &path, core);
    }
}

fn name_in(frames: &mut [(&mut Frame, u64)], path: &str, core: &CoreFile) -> Option<()> {
    // A library may be mapped more than once, as a file of its own; names come from its image's first mapping.
    let start = core.mapped_files().iter().find(|file| file.path == path && file.offset == 0)?.range.start;
    let file = core.file(path)?;
    let elf = Elf::read(&**file).ok()?;
    let bias = bias(&elf, start)?;
    let addresses: Vec<u64> = frames.iter().map(|(_, pc)| pc.wrapping_sub(bias)).collect();
    for ((frame, _), symbol) in frames.iter_mut().zip(symbols_at(&**file, &elf, &addresses)) {
        frame.function = symbol.map(|symbol| demangled(&symbol.name));
    }
    Some(())
}

/// `v8::internal::Execution::Call` of `_ZN2v88internal9Execution4CallE…`; parameters are left out.
fn demangled(name: &str) -> String {
    let options = DemangleOptions::new().no_params().no_return_type();
    let text =
        cpp_demangle::Symbol::new(name).ok().and_then(|symbol| symbol.demangle_with_options(&options).ok());
    let mut text = text.unwrap_or_else(|| name.to_owned());
    if text.len() > LONGEST_NAME {
        let end = text.floor_char_boundary(LONGEST_NAME);
        text.truncate(end);
        text.push('…');
    }
    text
}
