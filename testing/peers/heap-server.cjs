'use strict';
// `node heap-server.cjs MEGABYTES [distinct]`: a server with so much live heap in small objects. Their strings have the
// same 20,000 texts again and again, or with `distinct` a text of its own each; most of these are sums that V8 keeps as
// their parts, the second the text of a number.
const http = require('http');
const v8 = require('v8');
const distinct = process.argv[3] === 'distinct';
const wanted = Number(process.argv[2]) * 1e6;
const kept = [];
let count = 0;
while (v8.getHeapStatistics().used_heap_size < wanted) {
  const part = [];
  for (let i = 0; i < 20000; i++) {
    part.push({ i, name: 'object ' + (distinct ? count++ : i), list: [i, i + 1] });
  }
  kept.push(part);
}
const server = http.createServer((request, response) => response.end(String(kept.length)));
server.keepAliveTimeout = 600000;
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port));
