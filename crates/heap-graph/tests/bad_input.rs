//! Every kind of bad file is refused with a message that says section, record, byte, and what was expected.

mod support;

use support::{read, salvage};

const GOOD: &str = concat!(
    r#"{"snapshot":{"meta":{"node_fields":["type","name","id","self_size","edge_count","detachedness"],"#,
    r#""node_types":[["synthetic","object"],"string","number","number","number","number"],"#,
    r#""edge_fields":["type","name_or_index","to_node"],"#,
    r#""edge_types":[["element","property"],"string_or_number","node"],"#,
    r#""location_fields":["object_index","script_id","line","column"],"#,
    r#""trace_function_info_fields":["function_id","name","script_name","script_id","line","column"],"#,
    r#""trace_node_fields":["id","function_info_index","count","size","children"],"#,
    r#""sample_fields":["timestamp_us","last_assigned_id"]},"#,
    r#""node_count":2,"edge_count":2},"#,
    "\n",
    r#""nodes":[0,0,1,0,2,0"#,
    "\n",
    r#",1,1,3,16,0,0],"#,
    "\n",
    r#""edges":[1,2,6"#,
    "\n",
    r#",0,1,6],"#,
    "\n",
    r#""trace_function_infos":[7,1,2,3,4,5],"#,
    r#""trace_tree":[1,0,2,3,[2,0,1,1,[]]],"#,
    r#""samples":[5,6],"#,
    r#""locations":[6,1,2,3],"#,
    "\n",
    r#""strings":["","Foo","bar"]}"#,
);

fn message(bytes: &[u8]) -> String {
    match read(bytes) {
        Ok(graph) => format!("read: {} nodes", graph.node_count()),
        Err(error) => error.to_string(),
    }
}

/// What stands in the good file, what to put there, and the message.
const TABLE: &[(&str, &str, &str)] = &[
    (r#"{"snapshot":{"#, "nonsense ", "file, byte 0: expected '{', found 'n'"),
    (r#"{"snapshot":{"#, r#"["snapshot",{"#, "file, byte 0: expected '{', found '['"),
    (r#"{"snapshot":{"#, r#"{"snapshot" {"#, "file, byte 12: expected ':', found '{'"),
    (r#"{"snapshot":{"#, "{snapshot:{", r#"file, byte 1: expected '"', found 's'"#),
    (
        r#"{"snapshot":{"#,
        r#"{"Snapshot":{"#,
        r#"section "snapshot" is missing; a heap snapshot has snapshot, nodes, edges and strings"#,
    ),
    (
        r#""snapshot":{"meta""#,
        r#""snapshot":{"Meta""#,
        r#"snapshot: "meta" is missing (the section begins at byte 12)"#,
    ),
    (
        r#""node_fields":["type","name""#,
        r#""node_fields":["type","nom""#,
        r#"snapshot: meta.node_fields has no field "name" (it has type, nom, id, self_size, edge_count, detachedness) (the section begins at byte 12)"#,
    ),
    (
        r#""node_fields":["type","name""#,
        r#""node_fields":["type",7"#,
        "snapshot: meta.node_fields should hold names (the section begins at byte 12)",
    ),
    (
        r#"[["synthetic","object"],"#,
        r#"["synthetic","#,
        "snapshot: meta.node_types[0] should be the list of types (the section begins at byte 12)",
    ),
    (
        r#""edge_fields":["type","name_or_index","to_node"]"#,
        r#""edge_fields":["type","name_or_index"]"#,
        r#"snapshot: meta.edge_fields has no field "to_node" (it has type, name_or_index) (the section begins at byte 12)"#,
    ),
    (
        r#""edge_fields":["type","name_or_index","to_node"]"#,
        r#""edge_fields":{}"#,
        "snapshot: meta.edge_fields should be a list of names (the section begins at byte 12)",
    ),
    (
        r#""node_count":2,"#,
        r#""node_count":-2,"#,
        r#"snapshot: "node_count" should be an unsigned integer, but is -2 (the section begins at byte 12)"#,
    ),
    (
        r#""node_count":2,"#,
        r#""node_count":2.5,"#,
        r#"snapshot: "node_count" should be an unsigned integer, but is 2.5 (the section begins at byte 12)"#,
    ),
    (
        r#""node_count":2,"#,
        "",
        r#"snapshot: "node_count" should be an unsigned integer, but is missing (the section begins at byte 12)"#,
    ),
    (
        r#""node_count":2,"#,
        r#""node_count":3,"#,
        "nodes: it ends at byte 644 after 2 records, but the header's node_count is 3",
    ),
    (
        r#""node_count":2,"#,
        r#""node_count":1,"#,
        "nodes: there are more nodes than the 1 of the header's node_count (at byte 618)",
    ),
    (
        r#""node_count":2,"#,
        r#""node_count":4294967295,"#,
        "snapshot: node_count is 4294967295, which cannot fit into the file's 818 bytes",
    ),
    (
        r#""edge_count":2}"#,
        r#""edge_count":3}"#,
        "edges: it ends at byte 668 after 2 records, but the header's edge_count is 3",
    ),
    (
        r#""edge_count":2}"#,
        r#""edge_count":1}"#,
        "edges: there are more edges than the 1 of the header's edge_count (at byte 655)",
    ),
    (
        r#""edge_count":2}"#,
        r#""edge_count":"2"}"#,
        r#"snapshot: "edge_count" should be an unsigned integer, but is "2" (the section begins at byte 12)"#,
    ),
    (
        r#""edge_count":2}"#,
        r#""edge_count":9999999999999}"#,
        "snapshot: edge_count is 9999999999999, which cannot fit into the file's 821 bytes",
    ),
    (r#""nodes":[0,"#, r#""nodes":{0,"#, "nodes, byte 617: expected '[', found '{'"),
    (r#""nodes":[0,"#, r#""nodes":[2,"#, "nodes, record 0, byte 618: expected type below 2, found 2"),
    (r#""nodes":[0,"#, r#""nodes":[,"#, "nodes, record 0, byte 618: expected an unsigned integer, found ','"),
    (
        ",1,1,3,16,0,0]",
        ",1,9,3,16,0,0]",
        "nodes, record 1, byte 631: expected name below 3 (number of strings), found 9",
    ),
    (
        ",1,1,3,16,0,0]",
        ",1,4294967296,3,16,0,0]",
        "nodes, record 1, byte 631: expected name below 2^32, found 4294967296",
    ),
    (
        ",1,1,3,16,0,0]",
        ",1,1,4294967296,16,0,0]",
        "nodes, record 1, byte 631: expected id below 2^32, found 4294967296",
    ),
    (
        ",1,1,3,16,0,0]",
        ",1,1,-3,16,0,0]",
        "nodes, record 1, byte 635: expected an unsigned integer, found a negative number",
    ),
    (
        ",1,1,3,16,0,0]",
        ",1,1,3,1.6,0,0]",
        "nodes, record 1, byte 638: expected an unsigned integer, found a fraction",
    ),
    (
        ",1,1,3,16,0,0]",
        ",1,1,3,1e6,0,0]",
        "nodes, record 1, byte 638: expected an unsigned integer, found a fraction",
    ),
    (
        ",1,1,3,16,0,0]",
        ",1,1,3,18446744073709551616,0,0]",
        "nodes, record 1, byte 637: expected an unsigned integer, found an integer of more than 19 digits",
    ),
    (
        ",1,1,3,16,0,0]",
        ",1,1,3,9007199254740992,0,0]",
        "nodes: all self_size add up to 2^53 bytes or more, which no heap has; record 1 has 9007199254740992",
    ),
    (
        ",1,1,3,16,0,0]",
        r#",1,1,3,"16",0,0]"#,
        r#"nodes, record 1, byte 637: expected an unsigned integer, found '"'"#,
    ),
    (
        ",1,1,3,16,0,0]",
        ",1,1,3,null,0,0]",
        "nodes, record 1, byte 637: expected an unsigned integer, found 'n'",
    ),
    (
        ",1,1,3,16,0,0]",
        ",1,1,3,[16],0,0]",
        "nodes, byte 637: expected an unsigned integer, ',' or ']', found '['",
    ),
    (",1,1,3,16,0,0]", ",1,1,3,,0,0]", "nodes, record 1, byte 637: expected an unsigned integer, found ','"),
    (
        ",1,1,3,16,0,0]",
        ",1,1,3,16,0,0,]",
        "nodes, record 2, byte 644: expected 6 integers in the last record, found 1",
    ),
    (
        ",1,1,3,16,0,0]",
        ",1,1,3,16,0]",
        "nodes, record 1, byte 641: expected 6 integers in the last record, found 5",
    ),
    (
        ",1,1,3,16,0,0]",
        ",1,1,3,16,0,0}",
        "nodes, byte 643: expected an unsigned integer, ',' or ']', found '}'",
    ),
    (
        ",1,1,3,16,0,0]",
        ",1,1,3,16,1,0]",
        "nodes: the edge_count of all nodes add up to 3, but there are 2 edges",
    ),
    (
        ",1,1,3,16,0,0]",
        ",1,1,3,16,5000000000,0]",
        "nodes, record 1, byte 631: expected edge_count below 2^32, found 5000000000",
    ),
    (
        ",1,1,3,16,0,0]",
        ",1,1,3,16,0,256]",
        "nodes, record 1, byte 631: expected detachedness below 256, found 256",
    ),
    (
        ",1,1,3,16,0,0]",
        ",1,1,3,1 6,0,0]",
        "nodes, record 1, byte 639: expected an unsigned integer, found '6'",
    ),
    (r#""edges":[1,2,6"#, r#""edges":[2,2,6"#, "edges, record 0, byte 655: expected type below 2, found 2"),
    (
        r#""edges":[1,2,6"#,
        r#""edges":[1,3,6"#,
        "edges, record 0, byte 655: expected name_or_index below 3 (number of strings), found 3",
    ),
    (
        r#""edges":[1,2,6"#,
        r#""edges":[1,2,12"#,
        "edges, record 0, byte 655: expected to_node a multiple of 6 (fields of a node) below 12 (2 nodes), found 12",
    ),
    (
        r#""edges":[1,2,6"#,
        r#""edges":[1,2,7"#,
        "edges, record 0, byte 655: expected to_node a multiple of 6 (fields of a node) below 12 (2 nodes), found 7",
    ),
    (
        r#""edges":[1,2,6"#,
        r#""edges":[1,2,99999999999999999999"#,
        "edges, record 0, byte 659: expected an unsigned integer, found an integer of more than 19 digits",
    ),
    (
        r#""trace_function_infos":[7,"#,
        r#""trace_function_infos":["#,
        "trace_function_infos: it ends at byte 704 after 5 numbers, for records of 6 fields",
    ),
    (
        r#""trace_function_infos":[7,"#,
        r#""trace_function_infos":[x,"#,
        "trace_function_infos, byte 694: expected an unsigned integer, found 'x'",
    ),
    (
        r#""trace_tree":[1,0,"#,
        r#""trace_tree":[1,"#,
        "trace_tree, byte 727: expected a number, '[' or ']', found '['",
    ),
    (
        "\"trace_function_infos\":[7,1,2,",
        "\"trace_function_infos\":[7,1,3,",
        "trace_function_infos: record 0: name 3 should be below 3 (number of strings)",
    ),
    (
        "[2,0,1,1,[]]",
        "[2,1,1,1,[]]",
        "trace_tree: record 1: function_info_index 1 should be below 1 (number of functions)",
    ),
    ("[2,0,1,1,[]]", "[2,0,1,1", "trace_tree, byte 737: expected the rest of a record, found ']'"),
    (
        r#""samples":[5,6]"#,
        r#""samples":[5]"#,
        "samples: it ends at byte 756 after 1 numbers, for records of 2 fields",
    ),
    (r#""samples":[5,6]"#, r#""samples":5"#, "samples, byte 753: expected '[', found '5'"),
    (
        r#""locations":[6,"#,
        r#""locations":[12,"#,
        "locations, record 0, byte 772: expected object_index a multiple of 6 (fields of a node) below 12 (2 nodes), found 12",
    ),
    (
        r#""locations":[6,"#,
        r#""locations":[5,"#,
        "locations, record 0, byte 772: expected object_index a multiple of 6 (fields of a node) below 12 (2 nodes), found 5",
    ),
    (
        r#""locations":[6,1,2,3]"#,
        r#""locations":[6,1,2]"#,
        "locations, record 0, byte 777: expected 4 integers in the last record, found 3",
    ),
    (
        r#""locations":[6,1,2,3]"#,
        r#""locations":[6,1,2,4294967296]"#,
        "locations, record 0, byte 772: expected column below 2^32, found 4294967296",
    ),
    (r#""strings":["","#, r#""strings":[7,"#, r#"strings, byte 793: expected '"', found '7'"#),
    (r#""strings":["","#, r#""strings":{"","#, "strings, byte 792: expected '[', found '{'"),
    (r#""strings":["","#, r#""strings":["" "#, r#"strings, byte 796: expected ',' or ']', found '"'"#),
    (r#""Foo","bar"]}"#, r#""F\qoo","bar"]}"#, "strings, byte 799: expected an escape of JSON, found 'q'"),
    (
        r#""Foo","bar"]}"#,
        r#""F\u00zzoo","bar"]}"#,
        "strings, byte 802: expected four hexadecimal digits, found 'z'",
    ),
    (r#""Foo","bar"]}"#, r#""Foo","bar",]}"#, r#"strings, byte 808: expected '"', found ']'"#),
    (
        r#""Foo","bar"]}"#,
        r#""Foo","bar"]"#,
        "the file ends at byte 808, inside file: ',' or '}' expected. It was cut; --salvage reads what is there",
    ),
    (
        r#""Foo","bar"]}"#,
        r#""Foo","bar""#,
        "the file ends at byte 807, inside strings: ',' or ']' expected. It was cut; --salvage reads what is there",
    ),
    (
        r#""Foo","bar"]}"#,
        r#""Foo","ba"#,
        "the file ends at byte 805, inside strings: the end of a string expected. It was cut; --salvage reads what is there",
    ),
    (r#""Foo","bar"]}"#, r#""Foo","bar"]}}"#, "file, byte 809: expected the end of the file, found '}'"),
    (r#""Foo","bar"]}"#, r#""Foo","bar"],"nodes":[]}"#, r#"section "nodes" comes a second time at byte 809"#),
    (
        r#""Foo","bar"]}"#,
        r#""Foo","bar"],"extra":[1,{"a":]}"#,
        "an unknown section, byte 825: expected '}', found ']'",
    ),
    (
        r#""Foo","bar"]}"#,
        r#""Foo","bar"],"extra":}"#,
        "an unknown section, byte 817: expected a value, found '}'",
    ),
    (r#""Foo","bar"]}"#, r#""Foo","bar"],}"#, r#"file, byte 809: expected '"', found '}'"#),
    (
        r#""edges":"#,
        r#""edgesX":"#,
        r#"section "edges" is missing; a heap snapshot has snapshot, nodes, edges and strings"#,
    ),
    (
        r#""nodes":"#,
        r#""nodesX":"#,
        r#"section "nodes" is missing; a heap snapshot has snapshot, nodes, edges and strings"#,
    ),
    (
        r#""strings":"#,
        r#""stringsX":"#,
        r#"section "strings" is missing; a heap snapshot has snapshot, nodes, edges and strings"#,
    ),
];

#[test]
fn each_error_says_what_is_wrong_and_where() {
    let mut wrong = Vec::new();
    for (found, put, expected) in TABLE {
        assert_eq!(GOOD.matches(found).count(), 1, "{found} must stand once in the good file");
        let message = message(GOOD.replace(found, put).as_bytes());
        if message != *expected {
            wrong.push(format!("{found:?} -> {put:?}\n  is:     {message}\n  should: {expected}"));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_good_file_is_good() {
    let graph = read(GOOD.as_bytes()).expect("the file that all others are made of");
    assert_eq!((graph.node_count(), graph.edge_count()), (2, 2));
    assert_eq!(graph.traces().tree.len(), 2);
    assert!(graph.missing().is_nothing());
}

#[test]
fn nothing_and_almost_nothing() {
    for (bytes, expected) in [
        ("", "file: it is empty"),
        (" \n\t", "file: it is empty"),
        (
            "{",
            "the file ends at byte 1, inside file: ',' or '}' expected. It was cut; --salvage reads what is there",
        ),
        ("{}", "section \"snapshot\" is missing; a heap snapshot has snapshot, nodes, edges and strings"),
        ("\0\0\0", "file, byte 0: expected '{', found byte 0x00"),
        ("\u{feff}{}", "file, byte 0: expected '{', found byte 0xef"),
        ("null", "file, byte 0: expected '{', found 'n'"),
    ] {
        assert_eq!(message(bytes.as_bytes()), expected, "{bytes:?}");
    }
}

#[test]
fn any_changed_byte_is_refused_or_does_no_harm() {
    for at in 0..GOOD.len() {
        for byte in *b"0]\"" {
            let mut changed = GOOD.as_bytes().to_vec();
            changed[at] = byte;
            for outcome in [read(&changed), salvage(&changed)] {
                let Ok(graph) = outcome else { continue };
                assert!(graph.node_count() <= 2 && graph.edge_count() <= 2, "byte {at} as {byte}");
                for edge in graph.nodes().flat_map(|node| graph.edges(node)) {
                    assert!(edge.to.index() < graph.node_count());
                }
            }
        }
    }
}

#[test]
fn nesting_bombs_are_refused_or_skipped_without_recursion() {
    let deep = 300_000;
    let unknown = format!("{}{}", "[".repeat(deep), "]".repeat(deep));
    let with = |text: &str| GOOD.replace("\"samples\"", &format!("\"extra\":{text},\"samples\""));
    assert_eq!(message(with(&unknown).as_bytes()), "read: 2 nodes");
    let in_header = GOOD.replace("\"node_count\"", &format!("\"extra\":{unknown},\"node_count\""));
    assert!(message(in_header.as_bytes()).starts_with("snapshot, byte 12: expected the header's JSON"));
    let tree = GOOD.replace("[2,0,1,1,[]]", &format!("{}{}", "[2,0,1,1,".repeat(deep), "]".repeat(deep)));
    assert!(message(tree.as_bytes()).contains("stacks of more than 10000 frames are not supported"));
    let open = with(&"[{\"a\":".repeat(deep));
    assert!(message(open.as_bytes()).contains("inside an unknown section"), "{}", message(open.as_bytes()));
}
