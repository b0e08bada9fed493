//! Heap snapshot bytes to a heap graph with Chrome DevTools' exact numbers, and back.
