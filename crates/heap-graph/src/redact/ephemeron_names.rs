//! The names of WeakMap entries quote the names of their keys and values, so they have to be written anew.

use crate::analysis::weak_map_entry;

/// `N / part of key (` of an entry's name, whether or not the rest is as it should be: V8 cuts long names.
pub(super) fn head(name: &str) -> Option<usize> {
    let shared = name.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = name.len() - shared.len();
    let opening = " / part of key (";
    (digits > 0 && shared.starts_with(opening)).then_some(digits + opening.len())
}

/// An entry's name with what it quotes written anew. `None` if it is not one that readers understand.
///
/// `quote` gets a quoted name and the id of the node whose it should be, and answers what stands for it, or `None`
/// if that node has another name. (A name that contains `) -> value (` can be taken apart in several ways.)
pub(super) fn rewrite<'a>(
    name: &'a str,
    mut quote: impl FnMut(&'a str, u64) -> Option<String>,
) -> Option<String> {
    let entry = weak_map_entry(name)?;
    let start = head(name)?;
    let value_end = name.rfind(" @").and_then(|table| name[..table].rfind(" @"))?;
    let value_id: u64 = leading_number(&name[value_end + 2..])?;
    for (at, _) in name[..value_end].match_indices(") -> value (") {
        let Some(key_end) = name[..at].rfind(" @").filter(|&end| end >= start) else { continue };
        let Ok(key_id) = name[key_end + 2..at].parse::<u64>() else { continue };
        let key = quote(&name[start..key_end], key_id);
        let value = quote(&name[at + ") -> value (".len()..value_end], value_id);
        if let (Some(key), Some(value)) = (key, value) {
            return Some(format!(
                "{}{key} @{key_id}) -> value ({value} @{value_id}) pair in WeakMap (table @{entry})",
                &name[..start]
            ));
        }
    }
    None
}

fn leading_number(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    text[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_are_replaced_by_the_nodes_they_belong_to() {
        let name = "2 / part of key (a) -> value (b @5 @11) -> value (Foo @13) pair in WeakMap (table @17)";
        let quote = |text: &str, id| match (text, id) {
            ("a) -> value (b @5", 11) => Some("KEY".to_owned()),
            ("Foo", 13) => Some("Bar".to_owned()),
            _ => None,
        };
        let new = rewrite(name, quote).unwrap();
        assert_eq!(new, "2 / part of key (KEY @11) -> value (Bar @13) pair in WeakMap (table @17)");
        assert_eq!(rewrite(name, |_, _| None), None);
    }

    #[test]
    fn a_cut_name_is_none() {
        let name = "12 / part of key (abc @11) -> value (xy";
        assert_eq!(rewrite(name, |text, _| Some(text.to_owned())), None);
        assert_eq!(head(name), Some("12 / part of key (".len()));
        assert_eq!(head("/ part of key ("), None);
    }
}
