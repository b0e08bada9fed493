'use strict';

/** Reads NODE_HEAPDUMP_OPTIONS: `signal` and `nosignal`, the last one counts. */
exports.read = function read(text) {
  let signal = true;
  const unknown = [];
  for (const option of (text || '').split(/\s*,\s*/)) {
    if (option === 'signal') signal = true;
    else if (option === 'nosignal') signal = false;
    else if (option !== '') unknown.push(option);
  }
  return { signal, unknown };
};
