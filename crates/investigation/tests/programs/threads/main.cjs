'use strict';
// Serves by two worker threads in turns: one of them keeps what it is told. With PROCESSES=1 they are processes.
const http = require('http');
const path = require('path');
const { Worker } = require('worker_threads');
const { fork } = require('child_process');

const start = (file) => {
  const script = path.join(__dirname, file);
  const side = process.env.PROCESSES ? fork(script) : new Worker(script);
  const send = (text) => (process.env.PROCESSES ? side.send(text) : side.postMessage(text));
  const waiting = [];
  side.on('message', (answer) => waiting.shift()(answer));
  return (text, then) => { waiting.push(then); send(text); };
};
const sides = [start('auditor.cjs'), start('renderer.cjs')];
const server = http.createServer((request, response) => {
  let left = sides.length;
  for (const ask of sides) ask(request.url, () => { if (--left === 0) response.end('done'); });
});
server.listen(Number(process.env.PORT || 0), '127.0.0.1', () => console.log('port', server.address().port));
