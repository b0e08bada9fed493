'use strict';
const fs = require('node:fs');

function reloading(request) {
  const state = { url: request.url, changes: 0 };
  fs.watch(__filename, () => { state.changes++; });
  return state;
}

module.exports = { handle: reloading };
