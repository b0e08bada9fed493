'use strict';
// `node large.cjs ROWS`: a server with much live heap, and a leak.
const http = require('http');

class Row { constructor(i) { this.i = i; this.text = 'row ' + i; this.tags = [i, String(i)]; } }
const ballast = Array.from({ length: Number(process.argv[2]) }, (_, i) => new Row(i));

const seen = [];
const recent = new Map();

const server = http.createServer((request, response) => {
  const steps = Array.from({ length: 100 }, (_, i) => ({ step: i, url: request.url + i }));
  const visit = { url: request.url, at: new Date(), headers: { ...request.headers }, steps };
  seen.push(visit);
  recent.set(seen.length, { body: 'answer ' + seen.length });
  if (recent.size > 200) recent.delete(recent.keys().next().value);
  response.end(String(ballast.length));
});
server.listen(Number(process.env.PORT || 0), '127.0.0.1', () => console.log('port', server.address().port));
