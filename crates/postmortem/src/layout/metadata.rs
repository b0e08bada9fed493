//! The metadata that V8 compiles into its executable for debuggers: integers named `v8dbg_...`, and its version.

use rustc_hash::FxHashMap;

use crate::core::Executable;

const PREFIX: &str = "v8dbg_";
const VERSION: &str = "_ZN2v88internal7Version";

/// The values by name. Fields are found by class and field alone: the third part of their names, the C++ type, changes
/// from version to version.
#[derive(Debug, Default)]
pub struct Metadata {
    values: FxHashMap<String, i64>,
    fields: FxHashMap<(String, String), i64>,
    types: FxHashMap<String, i64>,
    /// major, minor, build, patch
    version: [Option<i64>; 4],
}

impl Metadata {
    /// Reads them out of the executable's file.
    pub fn read(executable: &Executable) -> Self {
        let mut metadata = Self::default();
        for symbol in executable.symbols() {
            let Some(bytes) = executable.variable(symbol.value, 4) else { continue };
            let Ok(bytes) = <[u8; 4]>::try_from(bytes.as_slice()) else { continue };
            metadata.add(&symbol.name, i64::from(i32::from_le_bytes(bytes)));
        }
        metadata
    }

    fn add(&mut self, name: &str, value: i64) {
        if let Some(part) = name.strip_prefix(VERSION) {
            let parts = ["6major_E", "6minor_E", "6build_E", "6patch_E"];
            if let Some(i) = parts.iter().position(|known| *known == part) {
                self.version[i] = Some(value);
            }
            return;
        }
        let Some(name) = name.strip_prefix(PREFIX) else { return };
        self.values.insert(name.to_owned(), value);
        let mut parts = name.strip_prefix("class_").unwrap_or_default().splitn(3, "__");
        if let (Some(class), Some(field)) = (parts.next(), parts.next()) {
            self.fields.insert((class.to_owned(), field.to_owned()), value);
        }
        if let Some((_, kind)) = name.strip_prefix("type_").and_then(|rest| rest.split_once("__")) {
            self.types.insert(kind.to_owned(), value);
        }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether the executable has none: it is not Node, or was built without.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Version of V8, as far as the executable says it.
    pub fn version(&self) -> [Option<i64>; 4] {
        self.version
    }

    /// A value by the name that a row gives.
    pub fn value(&self, symbol: &str) -> Option<i64> {
        let mut words = symbol.split(' ');
        match (words.next()?, words.next(), words.next()) {
            ("class", Some(class), Some(field)) => {
                self.fields.get(&(class.to_owned(), field.to_owned())).copied()
            }
            ("type", Some(kind), None) => self.types.get(&format!("{kind}_TYPE")).copied(),
            (name, None, None) => self.values.get(name).copied(),
            _ => None,
        }
    }

    /// All values by their whole names, without `v8dbg_`, in no order.
    pub fn all(&self) -> impl Iterator<Item = (&str, i64)> {
        self.values.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// The names of instance types by number.
    pub fn type_names(&self) -> impl Iterator<Item = (i64, &str)> {
        self.types.iter().map(|(name, value)| (*value, name.strip_suffix("_TYPE").unwrap_or(name)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_field_is_found_whatever_its_type_is_called() {
        for third in ["Object", "Tagged_Object_", "Tagged_NameOrScopeInfoT_"] {
            let mut metadata = Metadata::default();
            metadata.add(&format!("v8dbg_class_SharedFunctionInfo__name_or_scope_info__{third}"), 24);
            assert_eq!(metadata.value("class SharedFunctionInfo name_or_scope_info"), Some(24));
        }
    }

    #[test]
    fn types_and_plain_values_and_the_version_are_found() {
        let mut metadata = Metadata::default();
        metadata.add("v8dbg_type_JSMap__JS_MAP_TYPE", 2114);
        metadata.add("v8dbg_off_fp_function", -16);
        metadata.add("_ZN2v88internal7Version6minor_E", 4);
        assert_eq!(metadata.value("type JS_MAP"), Some(2114));
        assert_eq!(metadata.value("off_fp_function"), Some(-16));
        assert_eq!(metadata.value("type JS_SET"), None);
        assert_eq!(metadata.version(), [None, Some(4), None, None]);
    }
}
