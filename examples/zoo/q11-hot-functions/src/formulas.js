'use strict';

// A fixed set of formulas, compiled on first use: code and feedback grow until all of them are hot.
const formulas = Array.from({ length: 3000 }, (_, n) => new Function('a', 'b',
  `let s = ${n}; for (let k = 0; k < a; k++) { s += k * b + ${n}; if (s > 1e9) s -= 1e9; } return { s, n${n % 300}: s };`));

let at = 0;
function evaluate() {
  let sum = 0;
  for (let i = 0; i < 24; i++) sum += formulas[(at = (at + 7919) % formulas.length)](120, i).s;
  return { sum };
}

module.exports = { handle: evaluate };
