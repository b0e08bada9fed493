//! Frames as plain data.

use serde::Serialize;

/// What made a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FrameKind {
    /// The interpreter.
    Interpreted,
    /// Sparkplug: machine code, one to one from bytecode.
    Baseline,
    /// The quick optimizing compiler.
    Maglev,
    /// The thorough one.
    Turbofan,
    /// A function that was optimized into another one: it has no frame of its own.
    Inlined,
    /// A function of V8 itself.
    Builtin,
    /// C++.
    Native,
    /// None: a function that waits for one that is on the stack.
    Async,
}

/// A frame.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Frame {
    /// What made it.
    pub kind: FrameKind,
    /// The function's name; none if it cannot be told.
    pub function: Option<String>,
    /// Its script's name.
    pub script: Option<String>,
    /// The line of the call (or of what was being done), from 1.
    pub line: Option<u64>,
    /// The column, from 1.
    pub column: Option<u64>,
    /// The address of its script, untagged.
    #[serde(skip)]
    pub script_address: Option<u64>,
    /// Where that is in the source that people wrote. Source maps lie in files, so that whoever may read files fills it in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub original: Option<OriginalPlace>,
    /// The address of the function's object, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub function_address: Option<String>,
    /// The frame's own address (what its frame pointer was), in hexadecimal; that of the frame around it if the function
    /// was optimized into it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub frame_address: Option<String>,
    /// `this`, in hexadecimal; none if it is no object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub receiver: Option<String>,
    /// Of a frame of C++: the address at which it goes on, in hexadecimal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// Of a frame of C++: the program or library that it is of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub module: Option<String>,
    /// Arguments as words: addresses of objects (tagged), or small integers.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub arguments: Vec<String>,
    /// Variables that closures share, and registers of the interpreter and of baseline code.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub locals: Vec<Local>,
}

/// A place in a source that was compiled to the one that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct OriginalPlace {
    /// The file: its path, or what the source map calls it.
    pub file: String,
    /// The line, from 1.
    pub line: u64,
    /// The column, from 1.
    pub column: u64,
    /// The lines around it by number, where the source map has the source.
    #[serde(skip)]
    pub lines: Vec<(u64, String)>,
}

/// What a frame holds besides its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Local {
    /// The variable's name; of those that live in registers V8 keeps none: `r0` and so on, in the order in which the
    /// function declares them, temporary values last.
    pub name: String,
    /// A word, as arguments are.
    pub value: String,
}

impl Frame {
    /// A frame of which nothing is known but its kind.
    pub(super) fn new(kind: FrameKind) -> Self {
        Self {
            kind,
            function: None,
            script: None,
            line: None,
            column: None,
            script_address: None,
            original: None,
            function_address: None,
            frame_address: None,
            receiver: None,
            address: None,
            module: None,
            arguments: Vec::new(),
            locals: Vec::new(),
        }
    }
}

/// The frames of one thread, innermost first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Stack {
    /// The thread's id.
    pub thread: u32,
    /// The isolate that it runs; none if it runs no JavaScript.
    pub isolate: Option<String>,
    /// Its frames.
    pub frames: Vec<Frame>,
    /// Functions that wait (`await`, `then`) for what the thread does, the first one for the outermost frame's microtask.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub async_frames: Vec<Frame>,
    /// Why the walk ended before the outermost frame.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incomplete: Option<String>,
}

impl Stack {
    /// One without frames.
    pub(super) fn new(thread: u32, isolate: Option<String>) -> Self {
        Self { thread, isolate, frames: Vec::new(), async_frames: Vec::new(), incomplete: None }
    }
}
