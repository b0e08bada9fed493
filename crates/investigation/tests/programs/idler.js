'use strict';
// Waits, and makes next to nothing: there is nothing to tune.
require('http').createServer((request, response) => {
  setTimeout(() => response.end('waited\n'), 8);
}).listen(Number(process.env.PORT));
