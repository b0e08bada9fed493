//! Chrome DevTools' own heap code, run headless: the ground truth for numbers.
