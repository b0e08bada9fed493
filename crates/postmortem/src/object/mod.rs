//! What the objects of the heap say: strings, numbers, properties, elements, functions, class names.

mod class_name;
mod dictionary;
mod elements;
mod function;
mod names;
mod number;
mod position;
mod property;
mod scope;
mod string;
mod thread;

pub use class_name::ClassNames;
pub use dictionary::Entry;
pub use elements::{Element, Elements};
pub use function::{FunctionInfo, ScriptPlace};
pub use names::KnownNames;
pub(crate) use names::Privacy;
pub use number::number_text;
pub use position::{LineTable, line_and_column};
pub(crate) use property::{Descriptor, Place};
pub use property::{Property, PropertyValue};
pub use scope::ScopeInfo;
pub use string::Text;
