//! Instance types: the number in a map that says what its objects are.

use super::row::{Derived, NODE26, Need, Row, SOURCE, Span, UNKNOWN};

/// The number of a type that this version of V8 does not have: no map has it.
pub(crate) const NONE: u16 = u16::MAX;

macro_rules! types {
    ($($field:ident $need:ident $name:literal $(from $from:literal $add:literal)? $(measured $span:expr)?;)*) => {
        /// The instance types that reading depends on; `NONE` for those that a version does not have.
        #[derive(Debug, Clone)]
        #[expect(missing_docs, reason = "the names are V8's")]
        pub struct Types { $(pub $field: u16,)* }

        impl Types {
            pub(super) fn resolve(resolve: &mut impl FnMut(&Row) -> Option<i64>) -> Self {
                Self { $($field: resolve(&Row {
                    field: concat!($name, "_TYPE"),
                    symbol: concat!("type ", $name),
                    need: Need::$need,
                    derived: &[$(Derived { from: $from, add: $add })?],
                    measured: { const MEASURED: &[Span] = &[$($span)?]; MEASURED },
                    source: SOURCE,
                }).and_then(|value| u16::try_from(value).ok()).unwrap_or(NONE),)* }
            }
        }
    };
}

// The types of hash tables and contexts stand in one order in all versions; the metadata names only the first.
types! {
    map Required "MAP";
    symbol Required "SYMBOL";
    heap_number Required "HEAP_NUMBER";
    big_int Optional "BIG_INT_BASE" from "type HEAP_NUMBER" -1;
    oddball Required "ODDBALL";
    hole Optional "HOLE" measured (NODE26, UNKNOWN, 274);
    foreign Optional "FOREIGN";
    filler Optional "FILLER" from "type FEEDBACK_VECTOR" 1;
    free_space Optional "FREE_SPACE" from "type FEEDBACK_VECTOR" 2;
    fixed_array Required "FIXED_ARRAY";
    hash_table Required "HASH_TABLE" from "type FIXED_ARRAY" 1;
    ephemeron_hash_table Required "EPHEMERON_HASH_TABLE" from "type FIXED_ARRAY" 2;
    global_dictionary Required "GLOBAL_DICTIONARY" from "type FIXED_ARRAY" 3;
    name_dictionary Required "NAME_DICTIONARY" from "type FIXED_ARRAY" 4;
    number_dictionary Required "NUMBER_DICTIONARY" from "type FIXED_ARRAY" 6;
    ordered_hash_map Required "ORDERED_HASH_MAP" from "type FIXED_ARRAY" 7;
    ordered_hash_set Required "ORDERED_HASH_SET" from "type FIXED_ARRAY" 8;
    fixed_double_array Required "FIXED_DOUBLE_ARRAY";
    weak_fixed_array Required "WEAK_FIXED_ARRAY";
    transition_array Optional "TRANSITION_ARRAY" from "type WEAK_FIXED_ARRAY" 1;
    weak_array_list Required "WEAK_ARRAY_LIST";
    array_list Optional "ARRAY_LIST";
    dependent_code Optional "DEPENDENT_CODE";
    embedder_data_array Optional "EMBEDDER_DATA_ARRAY";
    closure_feedback_cell_array Optional "CLOSURE_FEEDBACK_CELL_ARRAY";
    trusted_fixed_array Optional "TRUSTED_FIXED_ARRAY";
    protected_fixed_array Optional "PROTECTED_FIXED_ARRAY";
    trusted_weak_fixed_array Optional "TRUSTED_WEAK_FIXED_ARRAY";
    protected_weak_fixed_array Optional "PROTECTED_WEAK_FIXED_ARRAY";
    byte_array Required "BYTE_ARRAY";
    trusted_byte_array Optional "TRUSTED_BYTE_ARRAY";
    external_pointer_array Optional "EXTERNAL_POINTER_ARRAY";
    bytecode_array Required "BYTECODE_ARRAY";
    descriptor_array Required "DESCRIPTOR_ARRAY";
    strong_descriptor_array Optional "STRONG_DESCRIPTOR_ARRAY";
    property_array Required "PROPERTY_ARRAY";
    property_cell Required "PROPERTY_CELL";
    cell Optional "CELL";
    context_cell Optional "CONTEXT_CELL";
    feedback_vector Required "FEEDBACK_VECTOR";
    feedback_metadata Required "FEEDBACK_METADATA" from "type FEEDBACK_VECTOR" -1;
    feedback_cell Optional "FEEDBACK_CELL";
    preparse_data Optional "PREPARSE_DATA";
    scope_info Required "SCOPE_INFO";
    sloppy_arguments_elements Optional "SLOPPY_ARGUMENTS_ELEMENTS";
    object_boilerplate_description Optional "OBJECT_BOILERPLATE_DESCRIPTION";
    script_context_table Optional "SCRIPT_CONTEXT_TABLE";
    reg_exp_match_info Optional "REG_EXP_MATCH_INFO";
    coverage_info Optional "COVERAGE_INFO";
    double_string_cache Optional "DOUBLE_STRING_CACHE";
    swiss_name_dictionary Optional "SWISS_NAME_DICTIONARY";
    code Required "CODE";
    code_data_container Optional "CODE_DATA_CONTAINER";
    instruction_stream Optional "INSTRUCTION_STREAM";
    interpreter_data Optional "INTERPRETER_DATA";
    shared_function_info Required "SHARED_FUNCTION_INFO";
    shared_function_info_wrapper Optional "SHARED_FUNCTION_INFO_WRAPPER";
    script Required "SCRIPT";
    function_template_info Required "FUNCTION_TEMPLATE_INFO";
    accessor_pair Required "ACCESSOR_PAIR";
    accessor_info Optional "ACCESSOR_INFO";
    allocation_site Optional "ALLOCATION_SITE";
    allocation_memento Optional "ALLOCATION_MEMENTO";
    weak_cell Optional "WEAK_CELL";
    prototype_info Optional "PROTOTYPE_INFO";
    tuple2 Optional "TUPLE2";
    promise_reaction Optional "PROMISE_REACTION";
    promise_capability Optional "PROMISE_CAPABILITY";
    promise_fulfill_reaction_job_task Optional "PROMISE_FULFILL_REACTION_JOB_TASK";
    promise_reject_reaction_job_task Optional "PROMISE_REJECT_REACTION_JOB_TASK";
    uncompiled_data_with_preparse_data Optional "UNCOMPILED_DATA_WITH_PREPARSE_DATA";
    uncompiled_data_without_preparse_data Optional "UNCOMPILED_DATA_WITHOUT_PREPARSE_DATA";
    wasm_null Optional "WASM_NULL";
    error_stack_data Optional "ERROR_STACK_DATA";
    call_site_info Optional "CALL_SITE_INFO";
    js_proxy Required "JS_PROXY";
    js_global_object Required "JS_GLOBAL_OBJECT";
    js_global_proxy Required "JS_GLOBAL_PROXY";
    js_module_namespace Optional "JS_MODULE_NAMESPACE";
    js_primitive_wrapper Required "JS_PRIMITIVE_WRAPPER";
    js_object Required "JS_OBJECT";
    js_api_object Required "JS_API_OBJECT" from "APIObjectType" 0;
    js_special_api_object Required "JS_SPECIAL_API_OBJECT" from "SpecialAPIObjectType" 0;
    js_array Required "JS_ARRAY";
    js_array_iterator Optional "JS_ARRAY_ITERATOR";
    js_arguments_object Required "JS_ARGUMENTS_OBJECT";
    js_array_buffer Required "JS_ARRAY_BUFFER";
    js_typed_array Required "JS_TYPED_ARRAY";
    js_data_view Required "JS_DATA_VIEW";
    js_bound_function Required "JS_BOUND_FUNCTION";
    js_wrapped_function Optional "JS_WRAPPED_FUNCTION";
    js_function Required "JS_FUNCTION";
    js_date Required "JS_DATE";
    js_error Required "JS_ERROR";
    js_reg_exp Required "JS_REG_EXP";
    js_promise Required "JS_PROMISE";
    js_map Required "JS_MAP";
    js_set Required "JS_SET";
    js_weak_map Required "JS_WEAK_MAP";
    js_weak_set Required "JS_WEAK_SET";
    js_weak_ref Required "JS_WEAK_REF";
    js_finalization_registry Optional "JS_FINALIZATION_REGISTRY";
    js_async_function_object Required "JS_ASYNC_FUNCTION_OBJECT";
    js_async_generator_object Required "JS_ASYNC_GENERATOR_OBJECT";
    js_generator_object Required "JS_GENERATOR_OBJECT" from "type JS_ASYNC_FUNCTION_OBJECT" -1;
    js_external_object Optional "JS_EXTERNAL_OBJECT";
    js_message_object Optional "JS_MESSAGE_OBJECT";
}
