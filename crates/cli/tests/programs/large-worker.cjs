'use strict';
// `node large-worker.cjs ROWS`: a server whose worker thread has much live heap, and a leak. A worker that has ended and one
// that does nothing come first, so that the numbers of threads are not those of a list.
const http = require('http');
const { Worker, isMainThread, parentPort, threadId, workerData } = require('worker_threads');

if (isMainThread) {
  const ended = new Worker('0', { eval: true });
  ended.on('exit', () => {
    new Worker('globalThis.idle = "idle"; setInterval(() => {}, 1000)', { eval: true });
    const worker = new Worker(__filename, { workerData: Number(process.argv[2]) });
    const waiting = [];
    worker.on('message', (text) => (text === 'ready' ? listen() : waiting.shift().end(text)));
    const server = http.createServer((request, response) => {
      waiting.push(response);
      worker.postMessage(request.url);
    });
    const listen = () =>
      server.listen(Number(process.env.PORT || 0), '127.0.0.1', () => console.log('port', server.address().port));
  });
} else {
  class Row { constructor(i) { this.i = i; this.text = 'row ' + i; this.tags = [i, String(i)]; } }
  const ballast = Array.from({ length: workerData }, (_, i) => new Row(i));
  globalThis.whoami = 'thread ' + threadId;
  const seen = [];
  parentPort.on('message', (url) => {
    const steps = Array.from({ length: 100 }, (_, i) => ({ step: i, url: url + i }));
    seen.push({ url, at: new Date(), steps });
    parentPort.postMessage(String(ballast.length));
  });
  parentPort.postMessage('ready');
}
