'use strict';

const fs = require('fs');
const options = require('./lib/options');
const price = require('./lib/price');
const { write } = require('./lib/write');

/**
 * Writes a heap snapshot and answers whether that worked. The callback, if there is one, is called before this
 * returns, as it always was.
 */
exports.writeSnapshot = function writeSnapshot(filename, callback) {
  if (typeof filename === 'function') {
    callback = filename;
    filename = undefined;
  }
  const name = typeof filename === 'string' ? filename : defaultName();
  let problem = null;
  try {
    warn(price.warning());
    write(name);
  } catch (error) {
    problem = new Error(`heapdump write error ${error.code || error.message}`);
    problem.code = error.code;
    problem.cause = error;
  }
  if (callback) {
    if (problem) callback(problem);
    else callback(null, name);
  }
  return problem === null;
};

/** heapdump-<seconds>.<microseconds>.heapsnapshot */
function defaultName() {
  const now = Date.now();
  const seconds = Math.floor(now / 1000);
  // The clock counts milliseconds; what is below makes two names within one different.
  const microseconds = (now % 1000) * 1000 + Math.floor((process.hrtime()[1] / 1000) % 1000);
  return `heapdump-${seconds}.${microseconds}.heapsnapshot`;
}

/** Standard output is the program's own. */
function warn(message) {
  if (!message) return;
  try {
    fs.writeSync(2, `heapdump: ${message}\n`);
  } catch (error) {
    // Nobody reads it.
  }
}

const { signal, unknown } = options.read(process.env.NODE_HEAPDUMP_OPTIONS);
for (const option of unknown) warn(`unrecognized option: ${option}`);
if (signal && process.platform !== 'win32' && isMainThread()) {
  // A listener for a signal does not keep the process alive.
  process.on('SIGUSR2', () => {
    exports.writeSnapshot((error) => {
      if (error) warn(error.message);
    });
  });
}

function isMainThread() {
  try {
    return require('worker_threads').isMainThread;
  } catch (error) {
    return true;
  }
}
