'use strict';
// `node heap-server.cjs MEGABYTES`: a server with so much live heap in small objects.
const http = require('http');
const v8 = require('v8');
const wanted = Number(process.argv[2]) * 1e6;
const kept = [];
while (v8.getHeapStatistics().used_heap_size < wanted) {
  const part = [];
  for (let i = 0; i < 20000; i++) part.push({ i, name: 'object ' + i, list: [i, i + 1] });
  kept.push(part);
}
const server = http.createServer((request, response) => response.end(String(kept.length)));
server.keepAliveTimeout = 600000;
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port));
