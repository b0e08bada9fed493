'use strict';

// A walk with a drift too small to be told from its steps.
let state = 12345;
function random() {
  state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  return state / 2 ** 32;
}

let held = [];
let seen = 0;
function pool(request) {
  if (++seen % 300 === 0) {
    const size = Math.max(10, Math.round(40_000 * random()));
    held = Array.from({ length: size }, (_, i) => ({ i, url: request.url, text: `${i}:${request.url}` }));
  }
  return { held: held.length };
}

module.exports = { handle: pool };
