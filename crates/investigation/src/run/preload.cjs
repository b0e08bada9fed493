'use strict';
// Loaded with --require into every Node.js process of the watched program. It opens the inspector on a free
// loopback port and says so in a file of its own, so that the process that listens can be found and watched,
// however many processes a package manager, a loader or a cluster put around it.
(() => {
  const key = Symbol.for('heapdowse.probe');
  const folder = process.env.HEAPDOWSE_PROBE;
  if (!folder || process[key]) return;
  try {
    // A worker thread has no inspector of its own to offer here.
    if (!require('worker_threads').isMainThread) return;
  } catch {}
  const fs = require('fs');
  const path = require('path');
  require('./probe.js')(require, true);

  const announcement = {
    pid: process.pid,
    parent: process.ppid,
    version: process.version,
    arguments: process.argv,
    cluster_worker: false,
  };
  try {
    // Only a process that was forked can be a worker; in any other the module need not be loaded.
    if (process.send) announcement.cluster_worker = require('cluster').isWorker === true;
  } catch {}
  try {
    const inspector = require('inspector');
    // With --inspect on its own command line it is open already.
    if (!inspector.url()) inspector.open(0, '127.0.0.1');
    announcement.url = inspector.url();
  } catch (error) {
    announcement.error = String(error && error.message);
  }
  try {
    const file = path.join(folder, `${process.pid}.json`);
    fs.writeFileSync(`${file}.part`, JSON.stringify(announcement), { mode: 0o600 });
    fs.renameSync(`${file}.part`, file);
  } catch {
    // Without the file the process is not found; it must run on all the same.
  }
})();
