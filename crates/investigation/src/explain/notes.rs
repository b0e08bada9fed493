//! What is worth knowing of some flags beyond V8's own line about them.

/// Flags with what they do for a program, and what to use where they are gone.
pub(super) const NOTES: [(&str, &str); 20] = [
    (
        "max-old-space-size",
        "The limit of old space, in MB. The limit of the whole heap is this and three times the largest semi-space, so read heap_size_limit, never the flag. Raising it only delays the end of a program that leaks; a limit above what the container has lets the kernel kill the process before V8 collects.",
    ),
    (
        "max-heap-size",
        "The limit of the whole heap, in MB, exactly. It overrides what the sizes of old and new space come to.",
    ),
    ("initial-old-space-size", "Old space is not collected before it has this size, in MB."),
    ("initial-heap-size", "The heap is not collected in full before it has this size, in MB."),
    (
        "max-semi-space-size",
        "The largest size of one of new space's halves, in MB. Alone it changes little, because new space grows only when much of it survives; with --min-semi-space-size scavenges become rarer and less is promoted, for more memory.",
    ),
    (
        "min-semi-space-size",
        "The size in MB that new space's halves begin with. The flag that makes scavenges rarer: it replaces what --experimental-new-space-growth-heuristic was for.",
    ),
    ("semi-space-growth-factor", "By which factor new space grows when much of it survives."),
    (
        "experimental-new-space-growth-heuristic",
        "Let new space grow by what survived and not by a fixed factor. Gone since Node 16 (node then stops with \"bad option\"): use --min-semi-space-size, with --max-semi-space-size at least as large, or --semi-space-growth-factor.",
    ),
    (
        "scavenger-max-new-space-capacity-mb",
        "The largest new space that the scavenger lets grow, in MB; only in Node 22 and 24.",
    ),
    (
        "optimize-for-size",
        "Less memory for more CPU: measured on one workload 25 % less resident memory for 22 % more CPU.",
    ),
    (
        "lite-mode",
        "Less memory for much more CPU. It turns WebAssembly off, which parts of Node need: not to be advised.",
    ),
    (
        "expose-gc",
        "The program can call gc(). Collecting by hand hides what V8 would do and costs pauses; it is meant for tests.",
    ),
    ("memory-reducer", "When the program is idle, V8 collects to give memory back."),
    (
        "gc-memory-reducer-start-delay-ms",
        "How long the program has to be idle before the memory reducer works.",
    ),
    (
        "heap-growing-percent",
        "By how many percent the heap may grow until the next full collection; 0 lets V8 compute it.",
    ),
    ("gc-interval", "Collect after so many allocations; for tests of V8 itself."),
    ("minor-ms", "Collect new space by marking instead of copying."),
    ("minor-mc", "Collect new space by marking instead of copying; called --minor-ms since Node 22."),
    (
        "trace-gc",
        "One line on standard output for each collection: `heapdowse gc` reads them. Not accepted in NODE_OPTIONS.",
    ),
    (
        "trace-gc-nvp",
        "As --trace-gc, with all numbers, promotion among them: `heapdowse gc` reads them. Not accepted in NODE_OPTIONS.",
    ),
];
