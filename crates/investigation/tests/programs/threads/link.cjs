'use strict';
// The other side: the thread's parent, or the process's.
const { parentPort } = require('worker_threads');
exports.answer = (handle) => {
  if (parentPort) parentPort.on('message', (text) => parentPort.postMessage(handle(text)));
  else process.on('message', (text) => process.send(handle(text)));
};
