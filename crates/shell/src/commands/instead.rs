//! What mdb and llnode have and a heap has not: what to use instead.

use crate::syntax::{Form, Stage};

/// A name, in which form, and what to use.
struct Instead {
    form: Form,
    name: &'static str,
    instead: &'static str,
}

const fn mdb(name: &'static str, instead: &'static str) -> Instead {
    Instead { form: Form::Mdb, name, instead }
}

const fn llnode(name: &'static str, instead: &'static str) -> Instead {
    Instead { form: Form::Llnode, name, instead }
}

const fn bare(name: &'static str, instead: &'static str) -> Instead {
    Instead { form: Form::Bare, name, instead }
}

const ROWS: &[Instead] = &[
    mdb(
        "v8field",
        "offsets are not set by hand: they are found, and checked against the core's own roots; `heapdowse v8 layout CORE` shows each with where it comes from",
    ),
    mdb(
        "v8load",
        "the layout of V8 needs not be loaded: it is read out of the program; `heapdowse v8 layout CORE` shows it",
    ),
    mdb("v8warnings", "warnings are always shown, on standard error; 2>/dev/null hides them"),
    mdb("load", "nothing needs to be loaded: the commands are here"),
    mdb(
        "findleaks",
        "it finds leaks of C memory in illumos' libumem; for leaks of JavaScript use `heapdowse run` or `attach` on the running program, and here ::findjsobjects and ADDR::findjsobjects -r",
    ),
    mdb(
        "umastat",
        "it shows illumos' libumem; for V8's memory use ::findjsobjects -v, for all memory `heapdowse top`",
    ),
    mdb("stack", "native frames are not walked here; JavaScript frames are: ::jsstack"),
    mdb("threads", "::status counts the threads; ::jsstack shows those that run JavaScript"),
    llnode("settings", "colours follow --color and NO_COLOR; the layout is fixed"),
    llnode("load", "nothing needs to be loaded: the commands are here"),
    bare("plugin", "no plug-in needs to be loaded: the commands are here"),
    bare(
        "thread",
        "::jsstack shows the stacks of all threads that run JavaScript; `frame select N` chooses a frame",
    ),
    bare("memory", "ADDR::dump shows bytes: 0x3f1a40c2d5a9,40::dump"),
    bare(
        "process",
        "a core does not run; for a running program use `heapdowse shell PID`, or `heapdowse attach`",
    ),
    bare("target", "the core is named when the shell starts: `heapdowse shell CORE --exe FILE`"),
    bare("fromCoredump", JS_API),
    bare("getProcessInfo", JS_API),
    bare("getProcessObject", JS_API),
    bare("getHeapTypes", JS_API),
    bare("getObjectAtAddress", JS_API),
    bare("nextInstance", JS_API),
];

/// llnode can be called from JavaScript as an add-on.
const JS_API: &str = "it is llnode's JavaScript interface; programs ask heapdowse with --json (docs/json.md): `heapdowse \
findjsobjects CORE --json`, `heapdowse jsprint CORE ADDR --json`, `heapdowse v8 nodeinfo CORE --json`";

/// What to say of a command that makes no sense here.
pub(crate) fn instead_of(stage: &Stage) -> Option<String> {
    let name = stage.name.split('(').next().unwrap_or_default();
    let name = name.strip_prefix("llnode.").unwrap_or(name);
    let fits = |row: &&Instead| row.name == name && (row.form == stage.form || stage.form == Form::Bare);
    ROWS.iter().find(fits).map(|row| row.instead.to_owned())
}
