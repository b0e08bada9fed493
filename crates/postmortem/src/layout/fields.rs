//! Offsets, sizes and constants.

use super::row::{
    Derived, NODE18, NODE18_3, NODE20, NODE21, NODE22, NODE24, NODE25, NODE26, Need, Row, SOURCE, Span,
    UNKNOWN, five, odd, six,
};

/// The row's value as its need says: required ones are there or the layout is refused.
macro_rules! value {
    (Required $value:expr) => {
        $value.unwrap_or_default() as u64
    };
    (Optional $value:expr) => {
        $value.map(|value| value as u64)
    };
}

macro_rules! kind {
    (Required) => { u64 };
    (Optional) => { Option<u64> };
}

macro_rules! fields {
    ($($(#[$doc:meta])* $field:ident $need:ident $name:literal $symbol:literal [$($from:literal $add:literal),*] $measured:expr;)*) => {
        /// Offsets of fields in bytes from the start of their object, unless said otherwise, and constants.
        #[derive(Debug, Clone)]
        pub struct Fields { $($(#[$doc])* #[doc = concat!("`", $name, "`")] pub $field: kind!($need),)* }

        impl Fields {
            pub(super) fn resolve(resolve: &mut impl FnMut(&Row) -> Option<i64>) -> Self {
                Self { $($field: {
                    const MEASURED: &[Span] = &$measured;
                    value!($need resolve(&Row {
                        field: $name,
                        symbol: $symbol,
                        need: Need::$need,
                        derived: &[$(Derived { from: $from, add: $add }),*],
                        measured: MEASURED,
                        source: SOURCE,
                    }))
                },)* }
            }
        }
    };
}

const fn all(value: u64) -> [Span; 1] {
    [(NODE18, UNKNOWN, value)]
}

const fn none() -> [Span; 0] {
    []
}

fields! {
    map_instance_size Required "Map.instance_size_in_words" "class Map instance_size_in_words" [] all(8);
    map_inobject_start Required "Map.inobject_properties_start" "class Map inobject_properties_start_or_constructor_function_index" [] all(9);
    map_instance_type Required "Map.instance_type" "class Map instance_type" [] all(12);
    map_bit_field Required "Map.bit_field" "class Map bit_field" [] all(14);
    map_bit_field2 Required "Map.bit_field2" "class Map bit_field2" [] all(15);
    map_bit_field3 Required "Map.bit_field3" "class Map bit_field3" [] all(16);
    map_prototype Required "Map.prototype" "class Map prototype" [] none();
    map_constructor Required "Map.constructor_or_back_pointer" "class Map constructor_or_back_pointer" [] none();
    map_descriptors Required "Map.instance_descriptors" "class Map instance_descriptors" [] none();
    js_properties Required "JSReceiver.raw_properties_or_hash" "class JSReceiver raw_properties_or_hash" [] all(8);
    js_elements Required "JSObject.elements" "class JSObject elements" [] all(16);
    function_shared Required "JSFunction.shared" "class JSFunction shared" [] none();
    function_context Required "JSFunction.context" "class JSFunction context" [] none();
    function_code Optional "JSFunction.code" "class JSFunction code" [] [(NODE20, NODE21, 48), (NODE21, NODE22, 24)];
    function_dispatch_handle Optional "JSFunction.dispatch_handle" "" [] [(NODE24, UNKNOWN, 24)];
    shared_data Required "SharedFunctionInfo.function_data" "class SharedFunctionInfo function_data" [] [(NODE22, UNKNOWN, 8)];
    shared_untrusted_data Optional "SharedFunctionInfo.untrusted_function_data" "" [] [(NODE24, UNKNOWN, 16)];
    shared_name Required "SharedFunctionInfo.name_or_scope_info" "class SharedFunctionInfo name_or_scope_info" [] none();
    shared_script Required "SharedFunctionInfo.script" "class SharedFunctionInfo script" ["class SharedFunctionInfo script_or_debug_info" 0] none();
    script_source Required "Script.source" "class Script source" [] none();
    script_name Required "Script.name" "class Script name" [] none();
    script_line_offset Required "Script.line_offset" "" ["class Script name" 8] none();
    script_column_offset Required "Script.column_offset" "" ["class Script name" 16] none();
    script_line_ends Required "Script.line_ends" "class Script line_ends" [] none();
    uncompiled_inferred_name Required "UncompiledData.inferred_name" "class UncompiledData inferred_name" [] none();
    uncompiled_start Required "UncompiledData.start_position" "class UncompiledData start_position" [] none();
    string_length Required "String.length" "class String length" [] none();
    cons_first Required "ConsString.first" "class ConsString first" [] none();
    cons_second Required "ConsString.second" "class ConsString second" [] none();
    sliced_parent Required "SlicedString.parent" "class SlicedString parent" [] none();
    sliced_offset Required "SlicedString.offset" "class SlicedString offset" [] none();
    thin_actual Required "ThinString.actual" "class ThinString actual" [] none();
    external_resource Required "ExternalString.resource" "class ExternalString resource" [] none();
    external_data Required "ExternalString.resource_data" "" ["class ExternalString resource" 8] none();
    string_chars Required "SeqOneByteString.chars" "class SeqOneByteString chars" [] none();
    symbol_name Required "Symbol.name" "class Symbol name" [] none();
    heap_number_value Required "HeapNumber.value" "class HeapNumber value" [] none();
    oddball_kind Required "Oddball.kind" "class Oddball kind" ["class Oddball kind_offset" 0] none();
    array_length Required "FixedArrayBase.length" "class FixedArrayBase length" [] none();
    array_data Required "FixedArray.data" "class FixedArray data" [] none();
    descriptors_header Required "DescriptorArray.header_size" "class DescriptorArray header_size" [] none();
    js_array_length Required "JSArray.length" "class JSArray length" [] all(24);
    array_buffer_byte_length Required "JSArrayBuffer.byte_length" "class JSArrayBuffer byte_length" [] none();
    view_byte_length Required "JSArrayBufferView.byte_length" "class JSArrayBufferView byte_length" [] none();
    typed_external_pointer Required "JSTypedArray.external_pointer" "class JSTypedArray external_pointer" [] none();
    typed_base_pointer Required "JSTypedArray.base_pointer" "class JSTypedArray base_pointer" [] none();
    date_value Required "JSDate.value" "class JSDate value" [] none();
    /// 1 if the value is a plain double, 0 if it is a tagged number.
    date_is_raw Required "JSDate.value is a double" "" [] six([0, 0, 0, 1, 1], 1);
    regexp_source Required "JSRegExp.source" "class JSRegExp source" [] none();
    regexp_flags Required "JSRegExp.flags" "" ["class JSRegExp source" 8] none();
    promise_result Required "JSPromise.reactions_or_result" "class JSPromise reactions_or_result" [] all(24);
    promise_flags Required "JSPromise.flags" "class JSPromise flags" [] all(32);
    collection_table Required "JSCollection.table" "class JSCollection table" [] all(24);
    bound_target Required "JSBoundFunction.bound_target_function" "class JSBoundFunction bound_target_function" [] all(24);
    bound_this Required "JSBoundFunction.bound_this" "class JSBoundFunction bound_this" [] all(32);
    bound_arguments Required "JSBoundFunction.bound_arguments" "class JSBoundFunction bound_arguments" [] all(40);
    proxy_target Required "JSProxy.target" "class JSProxy target" [] five([16, 16, 16, 16, 16]);
    proxy_handler Required "JSProxy.handler" "class JSProxy handler" [] five([24, 24, 24, 24, 24]);
    weak_ref_target Required "JSWeakRef.target" "class JSWeakRef target" [] all(24);
    weak_cell_target Required "WeakCell.target" "class WeakCell target" [] five([16, 16, 16, 16, 24]);
    wrapper_value Required "JSPrimitiveWrapper.value" "class JSPrimitiveWrapper value" [] all(24);
    generator_function Required "JSGeneratorObject.function" "class JSGeneratorObject function" [] all(24);
    generator_receiver Required "JSGeneratorObject.receiver" "class JSGeneratorObject receiver" [] all(40);
    /// Where it is suspended, counted as in a frame of the interpreter.
    generator_bytecode_offset Required "JSGeneratorObject.input_or_debug_pos" "" [] all(48);
    /// Of an async generator: the queue of its requests.
    async_function_promise Required "JSAsyncFunctionObject.promise" "" [] all(80);
    generator_position Required "JSGeneratorObject.continuation" "class JSGeneratorObject continuation" [] all(64);
    property_cell_name Required "PropertyCell.name" "" [] all(8);
    property_cell_details Required "PropertyCell.property_details_raw" "" [] all(16);
    property_cell_value Required "PropertyCell.value" "class PropertyCell value" [] all(24);
    accessor_getter Required "AccessorPair.getter" "class AccessorPair getter" [] all(8);
    accessor_setter Required "AccessorPair.setter" "class AccessorPair setter" [] all(16);
    allocation_site_weak_next Required "AllocationSite.weak_next" "class AllocationSite weak_next" [] all(40);
    bytecode_data Required "BytecodeArray.data" "class BytecodeArray data" [] none();
    /// First byte of a bytecode array's header that is not tagged.
    bytecode_header_tagged Required "BytecodeArray tagged header" "" [] five([40, 40, 56, 56, 56]);
    /// Four bytes: how many bytes its registers take in a frame.
    bytecode_frame_size Required "BytecodeArray.frame_size" "" [] five([40, 40, 48, 48, 48]);
    bytecode_source_positions Required "BytecodeArray.source_position_table" "" [] five([32, 32, 24, 24, 24]);
    /// 0: pairs of signed numbers; 1: the first number is unsigned, with two flags in its low bits.
    source_position_format Required "source position encoding" "" [] [(NODE18, NODE25, 0), (NODE25, UNKNOWN, 1)];
    code_flags Required "Code.flags" "class Code flags" [] [(NODE20, NODE21, 48), (NODE21, NODE22, 40)];
    code_instruction_start Required "Code.instruction_start" "class Code instruction_start" [] [(NODE20, NODE21, 40), (NODE21, NODE22, 32)];
    code_instruction_size Required "Code.instruction_size" "class Code instruction_size" [] [(NODE20, NODE21, 56), (NODE21, NODE22, 44)];
    code_metadata_size Optional "Code.metadata_size" "" [] [(NODE18, NODE20, 44), (NODE20, NODE21, 60)];
    /// 1 if a code object holds its own instructions.
    code_instruction_stream Optional "Code.instruction_stream" "" [] odd([None, None, Some(24)], [(NODE20, UNKNOWN, 32)]);
    code_is_inline Required "Code holds instructions" "" [] five([1, 0, 0, 0, 0]);
    code_deoptimization_data Required "Code.deoptimization_data_or_interpreter_data" "class Code deoptimization_data" [] [(NODE18, NODE20, 16), (NODE22, UNKNOWN, 8)];
    code_position_table Required "Code.position_table" "class Code source_position_table" [] [(NODE18, NODE20, 24), (NODE22, UNKNOWN, 16)];
    /// Bytes of instructions' own header in their object.
    instruction_stream_header Optional "InstructionStream.instruction_start" "class InstructionStream instruction_start" [] none();
    instruction_stream_size Optional "InstructionStream.body_size" "" [] [(NODE21, UNKNOWN, 24)];
    instruction_stream_code Optional "InstructionStream.code" "" [] [(NODE20, UNKNOWN, 8)];
    feedback_vector_header Required "FeedbackVector.raw_feedback_slots" "class FeedbackVector raw_feedback_slots" [] five([48, 56, 56, 48, 48]);
    /// 1 if the metadata ends with two more numbers for each closure.
    feedback_metadata_has_closures Required "FeedbackMetadata.create_closure_slot_count" "" [] six([0, 0, 0, 1, 1], 1);
    free_space_unit Required "FreeSpace.size unit" "" [] five([1, 1, 1, 1, 8]);
    /// 1 if arrays of these types have two words more in their header.
    boilerplate_header Required "ObjectBoilerplateDescription header" "" [] five([32, 32, 32, 32, 32]);
    scope_info_flags_raw Required "ScopeInfo.flags is plain" "" [] six([0, 0, 0, 1, 1], 1);
    scope_info_last_word Required "ScopeInfo flag 31: one word more" "" [] five([0, 0, 0, 0, 1]);
    scope_info_first Required "ScopeInfo first variable" "scopeinfo_idx_first_vars" [] none();
    template_class_name Required "FunctionTemplateInfo.class_name" "class FunctionTemplateInfo class_name" [] five([16, 16, 16, 16, 16]);
    ephemeron_prefix Required "EphemeronHashTable first entry" "" [] all(40);
    name_dictionary_prefix Required "NameDictionary prefix" "namedictionaryshape_prefix_size" [] none();
    number_dictionary_prefix Required "NumberDictionary prefix" "numberdictionaryshape_prefix_size" [] none();
    dictionary_elements Required "DICTIONARY_ELEMENTS" "elements_dictionary_elements" [] none();
    /// Which of two orders the kinds of typed arrays have.
    typed_order Required "order of typed arrays" "" [] five([0, 0, 0, 1, 1]);
    first_context_type Required "FirstContextType" "FirstContextType" [] none();
    last_context_type Required "LastContextType" "LastContextType" [] none();
    last_js_function_type Required "LastJSFunctionType" "LastJSFunctionType" ["type JS_FUNCTION" 15] none();
    roots Required "Isolate.roots_table" "" [] six([288, 496, 592, 640, 688], 584);
    root_undefined Required "roots: undefined" "" [] five([4, 4, 4, 4, 0]);
    root_hole Required "roots: the hole" "" [] five([5, 5, 5, 5, 1]);
    root_null Required "roots: null" "" [] five([6, 6, 6, 6, 2]);
    root_true Required "roots: true" "" [] five([7, 7, 7, 7, 3]);
    root_false Required "roots: false" "" [] five([8, 8, 8, 8, 4]);
    root_empty_string Required "roots: empty string" "" [] five([9, 9, 9, 9, 5]);
    isolate_entry_frame Required "Isolate.c_entry_fp" "" [] odd([Some(18184), Some(18432), Some(392)], five([17720, 384, 272, 320, 328]));
    /// What V8 is doing, as a number (`v8::StateTag`); of two bytes since V8 12.
    isolate_state Optional "Isolate.current_vm_state" "" [] odd([Some(18232), Some(18480), Some(440)], [(NODE18, NODE18_3, 17688), (NODE18_3, NODE20, 17768), (NODE20, NODE22, 432), (NODE22, NODE24, 440), (NODE24, NODE25, 488), (NODE25, UNKNOWN, 496)]);
    isolate_handles Optional "Isolate.handle_scope_data" "" [] [(NODE22, NODE24, 512), (NODE24, UNKNOWN, 560)];
    isolate_new_buffer Required "Isolate.new_allocation_info" "" [] odd([Some(52328), Some(52672), Some(192)], five([50664, 184, 192, 200, 200]));
    isolate_old_buffer Required "Isolate.old_allocation_info" "" [] odd([Some(52360), Some(52704), Some(216)], five([50688, 208, 216, 224, 224]));
    /// In the isolate group.
    group_dispatch_table Optional "IsolateGroup.js_dispatch_table" "" [] [(NODE24, NODE26, 2392)];
    isolate_dispatch_table Optional "Isolate.js_dispatch_table" "" [] [(NODE26, UNKNOWN, 616)];
    global_handles_space Required "GlobalHandles.regular_nodes" "" [] five([16, 8, 8, 8, 8]);
    /// Mask of a global handle's flags that holds its state.
    global_handle_state Required "GlobalHandles node state mask" "" [] five([7, 3, 3, 3, 3]);
    /// 1 if a page's header is in memory of its own, 0 if it is in the page.
    page_is_split Required "MemoryChunk metadata apart" "" [] six([0, 0, 0, 1, 1], 1);
    /// Where a page names the address of its own header.
    page_self Optional "MemoryChunk.metadata" "" [] [(NODE22, UNKNOWN, 8)];
    page_flags Required "MemoryChunk.flags" "" [] six([8, 8, 0, 0, 0], 0);
    page_size Required "MemoryChunk.size" "" [] six([0, 0, 16, 48, 48], 48);
    page_heap Required "MemoryChunk.heap" "" [] six([16, 16, 24, 64, 64], 64);
    page_area_start Required "MemoryChunk.area_start" "" [] six([24, 24, 32, 72, 72], 72);
    page_area_end Required "MemoryChunk.area_end" "" [] six([32, 32, 40, 56, 56], 56);
    page_owner Required "MemoryChunk.owner" "" [] six([64, 64, 72, 80, 80], 80);
    page_next Required "MemoryChunk.list_next" "" [] odd([None, None, Some(240)], six([232, 264, 264, 264, 256], 264));
    space_id Required "Space.id" "" [] all(16);
    space_new Required "NEW_SPACE" "" [] odd([Some(4), Some(5), None], five([7, 1, 1, 1, 1]));
    space_old Required "OLD_SPACE" "" [] odd([Some(1), Some(1), None], five([1, 2, 2, 2, 2]));
    space_first_large Required "first large object space" "" [] odd([Some(5), Some(6), Some(6)], six([4, 5, 6, 7, 7], 7));
    space_last_large Required "last large object space" "" [] odd([Some(7), Some(9), Some(10)], six([6, 8, 10, 12, 12], 12));
    frame_context Required "frame: context or type" "off_fp_context_or_frame_type" [] none();
    frame_function Required "frame: function" "off_fp_function" [] none();
    frame_arguments Required "frame: arguments" "off_fp_args" [] none();
    frame_bytecode_array Required "frame: bytecode array" "off_fp_bytecode_array" [] none();
    frame_bytecode_offset Required "frame: bytecode offset" "off_fp_bytecode_offset" [] none();
    /// Words between the bytecode offset and the first register: newer frames keep their feedback there.
    frame_registers_behind Required "frame: words before registers" "" [] five([0, 0, 1, 1, 1]);
    frame_type_entry Required "EntryFrame" "frametype_EntryFrame" [] none();
    frame_type_construct_entry Required "ConstructEntryFrame" "frametype_ConstructEntryFrame" [] none();
    code_kind_mask Required "CodeKind mask" "CodeKindFieldMask" [] none();
    code_kind_baseline Required "CodeKind baseline" "CodeKindBaseline" [] none();
    deoptimization_literals Optional "DeoptimizationData literal array" "DeoptimizationDataLiteralArrayIndex" [] [(NODE18, NODE20, 2)];
    deoptimization_inlining Optional "DeoptimizationData inlining positions" "DeoptimizationDataInliningPositionsIndex" [] [(NODE18, NODE20, 7)];
}
