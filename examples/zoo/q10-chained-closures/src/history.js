'use strict';

let undo = () => null;

function push(request) {
  const before = undo;
  const snapshot = { url: request.url, words: request.url.split('').map((c, i) => `${c}${i}`) };
  undo = () => {
    undo = before;
    return snapshot;
  };
  return { depth: 1 };
}

module.exports = { handle: push };
