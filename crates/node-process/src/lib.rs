//! What a Node.js process is on this machine: /proc, ports, signals, process trees.
