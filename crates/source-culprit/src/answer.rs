//! The answer: where the growing thing is declared, which statement adds to it, and how sure that is.

use serde::Serialize;

/// Where a variable, a field or a module's property is declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Place {
    /// Absolute path, or the script's URL when it is not a file.
    pub file: String,
    /// 1-based line.
    pub line: u32,
    /// 1-based column, in UTF-16 units.
    pub column: u32,
    /// The variable or field, as `seen`, `state.items` or `Store.sessions`.
    pub symbol: String,
}

/// A statement of the program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Statement {
    /// Absolute path, or the script's URL when it is not a file.
    pub file: String,
    /// 1-based line of the expression that adds.
    pub line: u32,
    /// The statement, on one line.
    pub text: String,
    /// The function it stands in; `None` at the top level of a file.
    pub function: Option<String>,
    /// Why this statement was chosen, in words.
    pub reason: String,
}

/// How sure the answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// Nothing but a name or a class pointed there.
    Guess,
    /// Found by name in the right file, or one of several equals.
    Likely,
    /// The binding was resolved from a position in the heap, and one statement stands out.
    Exact,
}

/// Why a part of the answer is missing or weaker than it could be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Note {
    /// The heap names a script whose text nobody has.
    #[error("the source of script {script_id} is not available")]
    SourceMissing {
        /// V8's number of the script.
        script_id: u32,
    },
    /// The text is not JavaScript or TypeScript that can be parsed.
    #[error("{file} cannot be parsed")]
    CannotParse {
        /// The script.
        file: String,
    },
    /// The text is too long or too deeply nested to be parsed in bounded time.
    #[error("{file} is too large to be parsed")]
    TooLarge {
        /// The script.
        file: String,
    },
    /// A position of the heap lies outside the text: the source changed since, or is another file.
    #[error("{file} does not have the position the heap names; it may have changed")]
    PositionOutside {
        /// The script.
        file: String,
    },
    /// The named variable or field is not declared where the heap says.
    #[error("`{name}` is not declared in {file}")]
    NotDeclared {
        /// The variable or field.
        name: String,
        /// The script.
        file: String,
    },
    /// The script names a source map that cannot be read.
    #[error("the source map of {file} cannot be read, so positions are those of the generated code")]
    SourceMapUnreadable {
        /// The script.
        file: String,
    },
    /// Nothing in the evidence leads to source code.
    #[error("no variable, field or global of the retaining path is declared in source code")]
    NothingNamed,
    /// The search itself failed; a defect of this program or of its parser.
    #[error("the search in the sources failed")]
    SearchFailed,
    /// The search through other files stopped at its limit.
    #[error("the search through other files stopped at its limit")]
    SearchLimited,
}

/// Owner and statement, together with what else was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Culprit {
    /// The declaration that holds the growing collection.
    pub owner: Option<Place>,
    /// The statement that adds to it.
    pub added_at: Option<Statement>,
    /// When the owner is library code: the application's declaration or call that brought it to life.
    pub app_owner: Option<Place>,
    /// When the owner is library code: the application's statement that makes the library add.
    pub app_statement: Option<Statement>,
    /// Further declarations on the retaining path, nearest first.
    pub also_owners: Vec<Place>,
    /// Further statements that add, best first.
    pub also: Vec<Statement>,
    /// How sure `owner` and `added_at` are.
    pub confidence: Confidence,
    /// What is missing and why.
    pub notes: Vec<Note>,
}

impl Culprit {
    /// An answer that knows nothing yet.
    pub(crate) fn unknown() -> Self {
        Self {
            owner: None,
            added_at: None,
            app_owner: None,
            app_statement: None,
            also_owners: Vec::new(),
            also: Vec::new(),
            confidence: Confidence::Guess,
            notes: Vec::new(),
        }
    }

    /// The answer when the search could not be run to its end.
    pub(crate) fn failed() -> Self {
        Self { notes: vec![Note::SearchFailed], ..Self::unknown() }
    }
}
