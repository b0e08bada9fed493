// Runs out of memory before it listens.
const kept = [];
for (;;) kept.push(new Array(1000).fill(kept.length));
