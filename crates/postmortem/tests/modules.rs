//! Variables of modules have their own names and values.

mod common;

use postmortem::answers::{Describer, Limits, MemberKind, Value, ValueKind};
use postmortem::heap::Liveness;
use postmortem::object::ClassNames;
use test_heaps::cores::{How, core};
use test_heaps::nodes::SUPPORTED;

use common::open;

/// The text of the property `name` of each variable of the function, by the variable.
fn variables(function: &Value) -> Vec<(String, String)> {
    let variables = function.members.iter().filter(|member| member.kind == MemberKind::Variable);
    let named = |value: &Value| {
        let name = value.members.iter().find(|member| member.name == "name");
        name.and_then(|name| name.value.text.clone()).unwrap_or_default()
    };
    variables.map(|member| (member.name.clone(), named(&member.value))).collect()
}

#[test]
fn variables_of_modules_have_their_names() {
    for version in SUPPORTED {
        let opened = open(core(version, "modules.mjs", &[], How::Gcore).expect("a core"));
        let heap = opened.heap();
        let classes = ClassNames::new(&heap);
        let limits = Limits { depth: 2, elements: 200, string: 100 };
        let describer = Describer::new(&heap, &classes, limits);
        let function = |name: &str| {
            let live = Liveness::mark(&heap);
            let found = live.objects(&heap).find(|object| {
                let is_function = heap.shared_of(*object).is_some();
                is_function && heap.function(*object).is_some_and(|info| info.name == name)
            });
            let value = describer.object(found.expect("the function")).expect("a value");
            assert_eq!(value.kind, ValueKind::Function);
            value
        };
        let small = variables(&function("fewVariables"));
        for name in ["alpha", "beta"] {
            assert!(small.contains(&(name.to_owned(), name.to_owned())), "{version}: {small:?}");
        }
        let large = variables(&function("manyVariables"));
        let expected = (0..90).map(|i| format!("v{i}"));
        for name in expected {
            assert!(large.contains(&(name.clone(), name.clone())), "{version}: {name} of {large:?}");
        }
    }
}
