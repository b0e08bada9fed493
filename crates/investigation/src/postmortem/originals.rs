//! Where frames are in the sources that people wrote, through source maps.

use std::collections::HashMap;
use std::path::Path;

use postmortem::heap::Heap;
use postmortem::stack::{Frame, OriginalPlace, Stack};
use source_culprit::{Mapping, Script, ScriptInfo, Sources};

use crate::run::{LARGEST_SOURCE, ProgramFiles};

/// Fills in the originals of a stack's frames. A map within the script itself came with the memory; one in a file beside
/// the script is taken only if the script there is not another one than ran.
pub fn add_originals(heap: &Heap<'_>, stack: &mut Stack) {
    let mut mappings: HashMap<u64, Option<Mapping>> = HashMap::new();
    for frame in stack.frames.iter_mut().chain(&mut stack.async_frames) {
        let Some(script) = frame.script_address else { continue };
        let mapping = mappings.entry(script).or_insert_with(|| load(heap, frame, script));
        let (Some(mapping), Some(line), Some(column)) = (mapping, frame.line, frame.column) else { continue };
        let from_zero = |number: u64| u32::try_from(number.checked_sub(1)?).ok();
        let position = from_zero(line).zip(from_zero(column));
        let found = position.and_then(|(line, column)| mapping.original(line, column, &Files(None)));
        frame.original = found.map(|place| {
            let line = u64::from(place.line) + 1;
            let lines = place.text.as_deref().map(|text| around(text, line)).unwrap_or_default();
            OriginalPlace { file: place.file, line, column: u64::from(place.column) + 1, lines }
        });
    }
}

/// So many lines before and after a place are kept of its source, and so much of each.
const LINES: u64 = 50;
const LINE_CHARACTERS: usize = 500;

fn around(text: &str, line: u64) -> Vec<(u64, String)> {
    let numbered = (1..).zip(text.lines()).skip_while(|(number, _)| number + LINES < line);
    let near = numbered.take_while(|(number, _)| *number <= line + LINES);
    near.map(|(number, text)| (number, text.chars().take(LINE_CHARACTERS).collect())).collect()
}

fn load(heap: &Heap<'_>, frame: &Frame, script: u64) -> Option<Mapping> {
    let url = frame.script.clone().filter(|url| !source_culprit::is_builtin(url))?;
    let text = heap.source_of(script).filter(|text| text.whole)?.text;
    let ran = Script { url, text, source_map: None };
    Mapping::load(&ran, &Files(Some(&ran))).ok()
}

/// The files of this machine beside a script, unless the script that lies there is another one than ran; or none.
struct Files<'a>(Option<&'a Script>);

impl Sources for Files<'_> {
    fn script(&self, _: u32) -> Option<Script> {
        None
    }

    fn scripts(&self) -> Vec<ScriptInfo> {
        Vec::new()
    }

    fn read_file(&self, path_or_url: &str) -> Option<String> {
        let ran = self.0?;
        // Node.js takes the mark of the byte order away before it compiles.
        let is_another = |here: String| here.trim_start_matches('\u{feff}') != ran.text;
        if read(&ran.url).is_some_and(is_another) {
            return None;
        }
        read(path_or_url)
    }
}

fn read(path_or_url: &str) -> Option<String> {
    let path = source_culprit::to_file(path_or_url);
    // What has no whole path was not loaded from a file, and is none of the folder that we are in.
    let path = Path::new(&path).is_absolute().then_some(path)?;
    ProgramFiles::of(std::process::id()).read(Path::new(&path), LARGEST_SOURCE)
}
