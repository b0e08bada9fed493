//! What the heap graph says about one accumulation point, as plain data.

/// A function's position as V8 gives it: the parameter list's start (an arrow function's or a class's own
/// start), counted from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct FunctionPosition {
    /// V8's number of the script.
    pub script_id: u32,
    /// 0-based line.
    pub line: u32,
    /// 0-based column in UTF-16 units.
    pub column: u32,
}

/// What kind of thing grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CollectionKind {
    /// An `Array`.
    Array,
    /// A `Map`.
    Map,
    /// A `Set`.
    Set,
    /// A `WeakMap` or `WeakSet`.
    Weak,
    /// A plain object whose keys grow.
    Dictionary,
    /// Listeners of an `EventEmitter` or `EventTarget`.
    Listeners,
    /// Objects that point to each other.
    LinkedList,
    /// A string that gets longer.
    Text,
    /// Reactions that wait for a promise.
    Promise,
    /// An instance of a class that holds its things inside.
    Instance,
    /// Not known.
    Unknown,
}

/// One holder on the way from the growing collection to the roots.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hop {
    /// A variable captured by closures.
    ContextSlot {
        /// The variable's name in the script that runs.
        name: String,
        /// Functions declared in the variable's scope.
        closures: Vec<FunctionPosition>,
        /// Functions whose own activation the context is (generators and async functions that wait).
        activations: Vec<FunctionPosition>,
        /// Functions declared deeper inside.
        nested: Vec<FunctionPosition>,
    },
    /// A variable captured by closures that V8 does not name, and that is one of several.
    OneOfSlots {
        /// The variables' names in the script that runs.
        names: Vec<String>,
        /// The class of what it holds.
        holds: String,
        /// As for [`Hop::ContextSlot`].
        closures: Vec<FunctionPosition>,
        /// As for [`Hop::ContextSlot`].
        activations: Vec<FunctionPosition>,
        /// As for [`Hop::ContextSlot`].
        nested: Vec<FunctionPosition>,
    },
    /// An exported variable of an ECMAScript module.
    ModuleVariable {
        /// The name under which it is exported.
        export: String,
        /// Functions of that module.
        functions: Vec<FunctionPosition>,
    },
    /// A property or private field of an object.
    Property {
        /// The property's name; private names start with `#`.
        name: String,
        /// The holder's class.
        holder_class: String,
        /// The holder's constructor.
        constructor: Option<FunctionPosition>,
    },
    /// A property of a function or class.
    StaticProperty {
        /// The property's name.
        name: String,
        /// The function's or class's name.
        function_name: String,
        /// The function's position.
        function: Option<FunctionPosition>,
    },
    /// A property of the global object.
    GlobalProperty {
        /// The property's name.
        name: String,
    },
    /// `module.exports` of a CommonJS file.
    ModuleExports {
        /// The file.
        file: String,
    },
    /// An element of an array, a value of a `Map` or a key computed at run time.
    Element,
    /// Something of V8's own on the way; it has no name in the source.
    Internal {
        /// V8's name of the edge.
        name: String,
    },
}

/// What the things that are added look like.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Growing {
    /// Their class.
    pub class_name: Option<String>,
    /// Their constructor.
    pub constructor: Option<FunctionPosition>,
    /// Names of their own properties.
    pub fields: Vec<String>,
    /// Positions of functions among them or held directly by them, such as listeners.
    pub functions: Vec<FunctionPosition>,
    /// Classes of what came with them and holds them, nearest first.
    pub brought_by: Vec<String>,
}

/// An accumulation point and what holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// What grows.
    pub kind: CollectionKind,
    /// Its class, as `Array` or `LRUCache`.
    pub class_name: String,
    /// The constructor of the growing object itself, where V8 gives one.
    pub constructor: Option<FunctionPosition>,
    /// Its holders, nearest first.
    pub chain: Vec<Hop>,
    /// What is added.
    pub growing: Growing,
}
