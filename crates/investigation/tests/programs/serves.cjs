'use strict';
// Answers requests. In its environment: OWN=1 takes SIGUSR1 for itself, WORKER=1 has a worker thread with a class
// of its own.
const http = require('http');
const v8 = require('v8');
class Kept {}
const kept = [];
if (process.env.OWN) process.on('SIGUSR1', () => console.log('own handler'));
if (process.env.WORKER) {
  const { Worker } = require('worker_threads');
  new Worker('class OnlyInWorker {}; globalThis.kept = Array.from({ length: 1000 }, () => new OnlyInWorker()); setInterval(() => {}, 1000)', { eval: true });
}
const server = http.createServer((request, response) => {
  if (request.url.startsWith('/block/')) {
    const end = Date.now() + Number(request.url.slice(7));
    while (Date.now() < end);
  }
  if (request.url === '/grow') for (let i = 0; i < 100000; i++) kept.push(new Kept());
  if (request.url === '/fork') {
    require('child_process').spawn(process.execPath, ['-e', 'setTimeout(() => {}, 5000)'], { stdio: 'ignore' });
  }
  // Another program under the same process id, from Node.js 22.15 on.
  if (request.url === '/exec') process.execve(process.execPath, [process.execPath, __filename], process.env);
  // With --expose-gc: three hundred scavenges in turns of the event loop, and then one of all.
  if (request.url === '/churn') {
    let left = 300;
    const again = () => {
      if (left-- > 0) { global.gc({ type: 'minor' }); return setImmediate(again); }
      global.gc();
      setTimeout(() => response.end('done'), 50);
    };
    return again();
  }
  if (request.url === '/end') {
    // As a server that ends in order does.
    response.on('finish', () => { server.close(); server.closeAllConnections(); });
  }
  response.end(String(v8.getHeapStatistics().used_heap_size));
});
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port));
