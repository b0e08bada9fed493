//! Names that V8 itself looks up: found among the well-known objects.

use crate::heap::Heap;
use crate::heap::words::{is_strong, untag};

/// Addresses of names.
#[derive(Debug, Clone, Default)]
pub struct KnownNames {
    /// The string `constructor`.
    pub constructor: Option<u64>,
    /// `Symbol.toStringTag`
    pub to_string_tag: Option<u64>,
    /// V8's own symbol under which errors keep their captured stack.
    pub error_stack: Option<u64>,
}

impl KnownNames {
    /// Looks through the roots.
    pub fn find(heap: &Heap<'_>) -> Self {
        let mut names = Self::default();
        for word in heap.roots.entries.iter().filter(|word| is_strong(**word)) {
            let object = untag(*word);
            let Some(map) = heap.map_of(object) else { continue };
            if map.is_string() && heap.string_length(object) == Some(11) {
                if heap.name_text(object).as_deref() == Some("constructor") {
                    names.constructor = Some(object);
                }
            } else if map.kind == heap.layout.types.symbol {
                match heap.symbol_text(object).as_deref() {
                    Some("Symbol.toStringTag") => names.to_string_tag = Some(object),
                    Some("error_stack_symbol") => names.error_stack = Some(object),
                    _ => {}
                }
            }
        }
        names
    }
}

/// Who sees a symbol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Privacy {
    /// Programs.
    None,
    /// V8 and Node alone.
    Internal,
    /// A class: `#name`, or that an object is one of the class.
    Name,
}

impl Heap<'_> {
    /// Who sees a symbol: its flags, behind its hash, say it (`Symbol` in `src/objects/name.h`).
    pub(crate) fn symbol_privacy(&self, symbol: u64) -> Privacy {
        let flags = self.half(symbol.wrapping_add(12)).unwrap_or(0);
        // The two lowest bits since V8 14, flags of their own before.
        let (private, name) = match self.layout.version.major {
            14.. => (flags & 0b11 != 0, flags & 0b10 != 0),
            _ => (flags & 1 != 0, flags & 0b11_0000 != 0),
        };
        match (private, name) {
            (_, true) => Privacy::Name,
            (true, false) => Privacy::Internal,
            (false, false) => Privacy::None,
        }
    }

    /// The description of a symbol.
    pub fn symbol_text(&self, symbol: u64) -> Option<String> {
        let name = self.field(symbol, self.layout.fields.symbol_name).ok()?;
        self.name_text(self.target(name)?)
    }

    /// The name of a property: a string's content, a symbol's description in brackets (private names as they are
    /// written), or an index.
    pub fn key_text(&self, word: u64) -> Option<String> {
        if let Some(index) = crate::heap::words::small_integer(word) {
            return Some(index.to_string());
        }
        let object = self.target(word)?;
        let map = self.map_of(object)?;
        if map.is_string() {
            return self.name_text(object);
        }
        if map.kind == self.layout.types.symbol {
            let text = self.symbol_text(object).unwrap_or_default();
            return Some(if text.starts_with('#') { text } else { format!("[{text}]") });
        }
        if map.kind == self.layout.types.heap_number {
            return self.number(word).map(super::number::number_text);
        }
        None
    }
}
