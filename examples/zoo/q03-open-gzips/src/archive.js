'use strict';
const zlib = require('node:zlib');

const open = new Set();

function archive(request) {
  const gzip = zlib.createGzip({ level: 6 });
  open.add(gzip);
  gzip.write(`GET ${request.url}\n`);
  return { open: open.size };
}

module.exports = { handle: archive };
