//! `heapdowse`: finds memory leaks in Node.js programs.

fn main() {}
