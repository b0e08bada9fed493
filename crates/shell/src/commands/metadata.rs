//! `v8types`, `v8classes`, `v8frametypes`: what V8's executable says of itself.

use std::collections::BTreeMap;

use postmortem::layout::Metadata;

use super::row;
use crate::CommandError;
use crate::answer::{Answer, Cell, Column, left, right};
use crate::options::Call;
use crate::session::Session;
use crate::table::{Address, Command};

pub(super) const ROWS: &[Command] = &[
    Command {
        address: Address::None,
        ..row("v8types", "the types of V8's objects, with their numbers", types)
    },
    Command {
        address: Address::None,
        arguments: "[CLASS]",
        ..row("v8classes", "the classes of V8's objects, with their parents and fields", classes)
    },
    Command {
        address: Address::None,
        ..row("v8frametypes", "the types of frames, with their numbers", frame_types)
    },
];

const NUMBERED: &[Column] = &[right("number", ""), left("name", "")];
const CLASSES: &[Column] = &[right("offset", ""), left("class", ""), left("field", ""), left("type", "")];

/// What the metadata says of classes: `class_CLASS__FIELD__TYPE`, `parent_CLASS__PARENT`, `type_CLASS__NAME_TYPE`.
pub(super) struct Catalogue<'m> {
    fields: BTreeMap<&'m str, Vec<(u64, &'m str, &'m str)>>,
    parents: BTreeMap<&'m str, &'m str>,
    types: BTreeMap<i64, &'m str>,
}

impl<'m> Catalogue<'m> {
    pub(super) fn new(metadata: &'m Metadata) -> Self {
        let mut catalogue =
            Self { fields: BTreeMap::new(), parents: BTreeMap::new(), types: BTreeMap::new() };
        for (name, value) in metadata.all() {
            if let Some((class, rest)) = name.strip_prefix("class_").and_then(|rest| rest.split_once("__")) {
                let (field, kind) = rest.split_once("__").unwrap_or((rest, ""));
                if let Ok(offset) = u64::try_from(value) {
                    catalogue.fields.entry(class).or_default().push((offset, field, kind));
                }
            } else if let Some((class, parent)) =
                name.strip_prefix("parent_").and_then(|rest| rest.split_once("__"))
            {
                catalogue.parents.insert(class, parent);
            } else if let Some((class, _)) = name.strip_prefix("type_").and_then(|rest| rest.split_once("__"))
            {
                catalogue.types.insert(value, class);
            }
        }
        for fields in catalogue.fields.values_mut() {
            fields.sort_unstable();
        }
        catalogue
    }

    /// The class of an instance type.
    pub(super) fn class_of_type(&self, kind: u16) -> Option<String> {
        self.types.get(&i64::from(kind)).map(|class| (*class).to_owned())
    }

    /// Whether anything is known of a class.
    pub(super) fn has(&self, class: &str) -> bool {
        self.fields.contains_key(class)
            || self.parents.contains_key(class)
            || self.types.values().any(|own| *own == class)
    }

    /// A class and what it inherits from.
    pub(super) fn lineage(&self, class: &str, deepest: usize) -> Vec<String> {
        let mut lineage = vec![class.to_owned()];
        let mut at = class;
        while let Some(parent) = self.parents.get(at).filter(|_| lineage.len() < deepest) {
            lineage.push((*parent).to_owned());
            at = parent;
        }
        lineage
    }

    /// The fields of a class, those that it inherits too, by their offsets.
    pub(super) fn fields(&self, class: &str, deepest: usize) -> Vec<(u64, String, String)> {
        let mut found = Vec::new();
        for class in self.lineage(class, deepest) {
            for (offset, field, _) in self.fields.get(class.as_str()).into_iter().flatten() {
                // Constants about a class stand among its fields: sizes of headers, bounds.
                if !field.contains("size") || field.contains("instance_size") {
                    found.push((*offset, class.clone(), (*field).to_owned()));
                }
            }
        }
        found.sort_by_key(|(offset, ..)| *offset);
        found
    }
}

fn types(session: &Session<'_, '_>, _: &Call) -> Result<Answer, CommandError> {
    let mut types: Vec<_> = session.dead.layout().metadata.type_names().collect();
    types.sort_unstable();
    let rows = types.into_iter().map(|(number, name)| vec![number.to_string().into(), name.into()]);
    Ok(Answer::table(NUMBERED, rows.collect()))
}

fn frame_types(session: &Session<'_, '_>, _: &Call) -> Result<Answer, CommandError> {
    let all = session.dead.layout().metadata.all();
    let mut frames: Vec<_> =
        all.filter_map(|(name, value)| Some((value, name.strip_prefix("frametype_")?))).collect();
    frames.sort_unstable();
    let rows = frames.into_iter().map(|(number, name)| vec![number.to_string().into(), name.into()]);
    Ok(Answer::table(NUMBERED, rows.collect()))
}

fn classes(session: &Session<'_, '_>, call: &Call) -> Result<Answer, CommandError> {
    let catalogue = Catalogue::new(&session.dead.layout().metadata);
    let wanted = call.arguments.first();
    if let Some(class) = wanted.filter(|class| !catalogue.has(class)) {
        return Err(CommandError::failed(format!("{class} is no class that is known")));
    }
    let mut names: Vec<&str> = catalogue.fields.keys().chain(catalogue.parents.keys()).copied().collect();
    names.sort_unstable();
    names.dedup();
    let mut rows = Vec::new();
    for class in names.into_iter().filter(|class| wanted.is_none_or(|wanted| wanted == class)) {
        let parent = catalogue.parents.get(class).map(|parent| format!("{class} < {parent}"));
        let shown = parent.unwrap_or_else(|| class.to_owned());
        rows.push(vec![Cell::Nothing, shown.into(), Cell::Nothing, Cell::Nothing]);
        for (offset, field, kind) in catalogue.fields.get(class).into_iter().flatten() {
            rows.push(vec![format!("+{offset:#x}").into(), Cell::Nothing, (*field).into(), (*kind).into()]);
        }
    }
    Ok(Answer::table(CLASSES, rows))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_types_lead_to_classes_only_through_metadata() {
        let metadata = Metadata::default();
        let catalogue = Catalogue::new(&metadata);
        assert!(!catalogue.has("JSObject"));
        assert_eq!(catalogue.class_of_type(1), None);
        assert_eq!(catalogue.lineage("JSArray", 8), ["JSArray"]);
    }
}
