//! The talk's words.

/// A word, other ways to say it, what it means, and which number of this version belongs to it.
pub(super) struct Term {
    pub(super) word: &'static str,
    pub(super) aliases: &'static [&'static str],
    pub(super) text: &'static str,
    /// A field of `v8.getHeapStatistics()`, the name of a heap space, or `max_semi_space`.
    pub(super) number: Option<&'static str>,
}

macro_rules! terms {
    ($($word:literal $([$($alias:literal),*])? $(= $number:literal)? : $text:literal)*) => {
        /// All of them.
        pub(super) const TERMS: &[Term] = &[$(Term {
            word: $word,
            aliases: &[$($($alias),*)?],
            text: $text,
            number: terms!(@ $($number)?),
        }),*];
    };
    (@) => { None };
    (@ $number:literal) => { Some($number) };
}

terms! {
    "shallow size" ["shallow", "self size"]: "The memory of an object alone, without anything it refers to. Of most objects that is little: an array's is large only when its elements are stored in it."
    "retained size" ["retained"]: "The memory that would be free if the object were: its own and that of everything that only it keeps alive. The first number to look at when asking who holds the memory."
    "distance": "How many references lie between the program's roots and an object, on the shortest way. Objects of one kind that lie at a distance of their own are often those that leaked."
    "dominator" ["dominators", "dominator tree"]: "An object dominates another when every path from the roots to the other leads through it: without it the other would be garbage. The retained size is the size of all that is dominated."
    "retainer" ["retainers"]: "An object that refers to this one and so keeps it alive. Weak references do not."
    "retaining path" ["path"]: "The references that lead from a root to an object. To end a leak, one of them has to be cut."
    "root" ["gc root", "roots"]: "Where the collector begins to mark: the global object, the stack, handles of C++ code. What no root reaches is garbage."
    "node": "One object, string, function or piece of V8's own data in a heap graph."
    "edge": "One reference from a node to another in a heap graph."
    "rss" ["resident set", "resident set size"]: "The part of the process's memory that is in the machine's memory now: the heap, buffers, code, stacks and what malloc keeps. It falls late or never after memory was freed, so that it grows does not tell a leak."
    "heap used" ["heapused", "used heap"] = "used_heap_size": "Bytes in use in the JavaScript heap, garbage that is not collected yet included."
    "heap total" ["heaptotal", "committed"] = "total_heap_size": "Bytes that V8 has taken from the system for the JavaScript heap."
    "heap limit" ["heap_size_limit", "heap size limit"] = "heap_size_limit": "The size that the JavaScript heap cannot exceed: beyond it the program ends with \"JavaScript heap out of memory\". V8 computes it from the memory of the machine or container: half of it up to 2 GB, 4 GB from 15 GB of memory on."
    "new space" ["young generation", "nursery"] = "new_space": "Where objects begin. It is small, fills quickly, and is collected by scavenges; what lives through two of them moves to old space."
    "semi-space" ["semispace", "semi space"] = "max_semi_space": "One of the two halves of new space. A scavenge copies what lives from one to the other. They begin small and grow when much survives, up to the number here (--max-semi-space-size)."
    "old space" ["old generation"] = "old_space": "Where objects are that lived through two scavenges. It is collected by mark-compact, when it has grown by a factor since the last time. Leaks end up here."
    "large object space" ["lo space", "large objects"] = "large_object_space": "Objects too large for a page of the other spaces, each with pages of its own; they are never moved."
    "code space" ["code"] = "code_space": "Machine code that V8 compiled. It grows while a program warms up."
    "scavenge" ["minor gc", "scavenger"]: "A collection of new space: what lives is copied, the rest is gone. Short (about a millisecond) and frequent; its time goes with what lives, not with what is garbage."
    "mark-compact" ["mark-sweep", "major gc", "full gc", "mark compact", "mark sweep"]: "A collection of the whole heap: everything reachable is marked, the rest is freed, and pages with many holes are emptied into others. Marking runs in steps and beside the program. Called mark-sweep before Node 20."
    "promotion" ["promoted"]: "The move of an object from new space to old space. A lot of promotion of what dies soon after means that new space is too small for the program."
    "floor": "What the heap holds right after a full collection. Only when it rises with the work done does the heap leak."
    "external" ["external memory"] = "external_memory": "Memory outside the JavaScript heap that JavaScript objects hold: buffers, strings of C++ code, compiled modules."
    "array buffers" ["arraybuffers", "buffer", "buffers"]: "The bytes of ArrayBuffers and Buffers. They lie outside the heap and are counted in external; small Buffers share pages of 8 KB, so one of them can hold the whole page."
    "external memory pressure": "A reason in GC traces: memory outside the heap grew so much that V8 collects to free the objects that hold it."
    "allocation failure": "A reason in GC traces, and no failure: new space was full, so it is collected."
    "finalize incremental marking": "A reason in GC traces: old space had reached its limit, marking was done in steps beside the program and is now brought to its end."
    "mu" ["average mu", "current mu", "mutator utilization"]: "In GC traces the share of time that the program had, and not the collector: on average, and since the last full collection. Near 0 the program does little but collect."
    "reduce" ["memory reducer"]: "In GC traces: a collection that also gives memory back, because the program is idle, a snapshot is taken or memory is short."
    "pooled": "In GC traces since Node 22: memory that V8 keeps for new pages. It is not in use, and counts in the resident set."
    "lazy gc": "V8 collects when it has a reason. With a high limit a heap grows far above its floor; that looks like a leak and is none."
    "leak" ["memory leak"]: "Objects that the program does not need any more, and that are reachable still, accumulate with the work done."
    "accumulation point": "The object under which what leaks gathers: an array, a Map, a list of listeners."
    "detached": "A DOM node that was removed from its document and is still held."
}
