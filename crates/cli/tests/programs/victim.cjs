'use strict';
// Serves a sum over objects that live in its heap: whoever changes one of them changes the answer.
const http = require('http');
const { spawnSync } = require('child_process');
const megabytes = Number(process.argv[2] || 8);
const kept = [];
for (let i = 0; i < megabytes * 4000; i++) kept.push({ number: i, text: 'text ' + i, more: [i, i + 0.5] });
const step = Math.max(1, Math.floor(kept.length / 2000));
function sum() {
  let sum = 0;
  for (let i = 0; i < kept.length; i += step) {
    const { number, text, more } = kept[i];
    sum = (sum * 31 + number + text.length + text.charCodeAt(text.length - 1) + more[1]) % 1000000007;
  }
  return String(sum);
}
const leaked = [];
const secret = Buffer.alloc(1 << 20, 'a-secret-that-is-in-memory ');
const server = http.createServer((request, response) => {
  switch (request.url) {
    // A child of its own: it must get all of the memory that a child gets.
    case '/spawn':
      return response.end(String(spawnSync(process.execPath, ['-e', 'process.exit(7)']).status));
    // New garbage and new objects, as a working server makes them.
    case '/work':
      for (let i = 0; i < 2000; i++) kept[(Math.random() * 1000) | 0].extra = { i };
      return response.end('worked');
    // Closed at once, without a word: the other end must learn of it at once too.
    case '/destroy':
      return request.socket.destroy();
    case '/leak':
      for (let i = 0; i < 20000; i++) leaked.push({ i, more: [i] });
      return response.end('leaked');
    case '/grow': {
      const more = Buffer.alloc(32 << 20, 1);
      leaked.push(more);
      return response.end('grown');
    }
    case '/exit':
      response.end('bye');
      return setImmediate(() => process.exit(0));
    case '/secret':
      return response.end(String(secret.length));
    default:
      return response.end(sum());
  }
});
server.keepAliveTimeout = 60000;
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port));
