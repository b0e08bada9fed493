'use strict';

const kinds = {};

function sniff(request) {
  const body = Buffer.alloc(48_000, request.url);
  // A view, not a copy: eight bytes hold all of them.
  kinds[request.url] = body.subarray(0, 8);
  return { kinds: Object.keys(kinds).length };
}

module.exports = { handle: sniff };
