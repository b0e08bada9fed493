'use strict';
// What heapdowse adds to a watched process: it reads numbers that only the process itself knows. `run` preloads it;
// `attach` evaluates it in a process that runs already, calls `attend`, and `leave` at the end.
module.exports = (require, stays) => {
  const key = Symbol.for('heapdowse.probe');
  if (process[key]) return process[key];
  const v8 = require('v8');

  // Collections and ticks of the event loop are kept by `attend` alone.
  const MOST_COLLECTIONS = 1024;
  const MAJOR = 4;
  const RESOLUTION_MS = 50;
  // Seconds of running event loop without a word from heapdowse until the probe looks whether it is still there.
  const SILENT = 3;
  const SILENT_WITHOUT_PROC = 8;
  // For an inspector that was open before: somebody else may be connected to it for ever.
  const ABANDONED = 600;

  const channels = [];
  const count = () => { probe.requests++; };
  let users = 0;
  let opened = false;
  let leaving = false;
  let moving = false;
  let portBefore;
  let silent = 0;
  let looking = false;
  let timer;
  let observer;
  let delay;
  let seen = 0;
  const collections = [];

  const probe = {
    requests: 0,
    read() {
      silent = 0;
      const memory = process.memoryUsage();
      const code = v8.getHeapCodeStatistics ? v8.getHeapCodeStatistics() : {};
      return {
        heap_used: memory.heapUsed,
        heap_total: memory.heapTotal,
        external: memory.external,
        array_buffers: memory.arrayBuffers,
        code: code.code_and_metadata_size === undefined
          ? undefined : code.code_and_metadata_size + code.bytecode_and_metadata_size,
        heap_limit: v8.getHeapStatistics().heap_size_limit,
        requests: probe.requests,
      };
    },

    // All that is known; collections from the one numbered `since` on.
    readAll(since) {
      const resources = {};
      for (const type of process.getActiveResourcesInfo ? process.getActiveResourcesInfo() : []) {
        resources[type] = (resources[type] || 0) + 1;
      }
      let event_loop = null;
      if (delay && delay.count !== 0 && delay.max > 0) {
        const over = (nanoseconds) => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS);
        event_loop = { mean_ms: over(delay.mean), max_ms: over(delay.max) };
        delay.reset();
      }
      const kept = collections.filter((collection) => collection.number >= since);
      return {
        ...probe.read(),
        resident: process.memoryUsage().rss,
        requests_counted: channels.length > 0,
        heap_statistics: v8.getHeapStatistics(),
        spaces: v8.getHeapSpaceStatistics(),
        resources,
        event_loop,
        collections: kept,
        collections_seen: seen,
        uptime: process.uptime(),
      };
    },

    // From now on somebody watches through an inspector that heapdowse has opened (or somebody else has).
    attend(byUs) {
      users++;
      opened = opened || byUs;
      leaving = false;
      every(1000);
      if (observer) return;
      const { PerformanceObserver, monitorEventLoopDelay } = require('perf_hooks');
      observer = new PerformanceObserver((list) => {
        const entries = list.getEntries();
        for (const entry of entries) {
          const { kind, flags } = entry.detail || entry;
          collections.push({ number: seen++, kind, flags, at_ms: entry.startTime, pause_ms: entry.duration });
        }
        // The observer is told a little after the collection; of several only the last is near to what is left.
        const last = collections[collections.length - 1];
        if (last && last.kind === MAJOR) last.used_after = v8.getHeapStatistics().used_heap_size;
        if (collections.length > MOST_COLLECTIONS) collections.splice(0, collections.length - MOST_COLLECTIONS);
      });
      observer.observe({ entryTypes: ['gc'] });
      delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      delay.enable();
    },

    // The end of what `attend` began. The inspector is closed once nobody is connected any more: closing it under
    // a connection stops the whole process until the other side agrees.
    leave() {
      users--;
      if (users > 0) return;
      leaving = true;
      if (opened) every(50);
      else end();
    },

    // Opens the inspector anew on a free port as soon as nobody is connected: of several processes that were all
    // told to open it on the same port, the next one can follow.
    move() {
      moving = true;
      every(50);
    },
  };

  function every(milliseconds) {
    silent = 0;
    clearInterval(timer);
    timer = setInterval(tick, milliseconds);
    timer.unref();
  }

  function tick() {
    silent++;
    if (looking) return;
    if (!opened) {
      if (silent >= ABANDONED) end();
      return;
    }
    if (!leaving && !moving && silent < SILENT) return;
    looking = true;
    connections((number) => {
      looking = false;
      if (number === 0 && moving) reopen();
      else if (number === 0 || (number === undefined && (leaving || silent >= SILENT_WITHOUT_PROC))) end();
    });
  }

  // How many clients are connected to the inspector; undefined when that cannot be read.
  function connections(then) {
    let port;
    try {
      port = new URL(require('inspector').url()).port;
    } catch {
      // It is closed already.
      return then(0);
    }
    const { readFile } = require('fs');
    const hex = Number(port).toString(16).toUpperCase().padStart(4, '0');
    const established = new RegExp(`^ *\\d+: [0-9A-F]+:${hex} [0-9A-F]+:[0-9A-F]+ 01 `, 'gm');
    let sum = 0;
    let tables = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];
    let known = false;
    const next = () => {
      const table = tables.shift();
      if (!table) return then(known ? sum : undefined);
      readFile(table, 'latin1', (error, text) => {
        if (!error) {
          known = true;
          sum += (text.match(established) || []).length;
        }
        next();
      });
    };
    next();
  }

  function reopen() {
    moving = false;
    const inspector = require('inspector');
    portBefore = process.debugPort;
    close();
    inspector.open(0, '127.0.0.1');
    every(1000);
  }

  function close() {
    if (process._debugEnd) process._debugEnd();
    else require('inspector').close();
  }

  function end() {
    clearInterval(timer);
    if (observer) observer.disconnect();
    if (delay) delay.disable();
    observer = delay = undefined;
    if (!stays) {
      for (const channel of channels) channel.unsubscribe(count);
      delete process[key];
    }
    if (!opened) return;
    opened = false;
    close();
    if (portBefore !== undefined) process.debugPort = portBefore;
  }

  try {
    const diagnostics = require('diagnostics_channel');
    for (const name of ['http.server.request.start', 'http2.server.stream.start']) {
      // The channel is kept: in some versions a channel that nobody holds forgets its subscribers.
      const channel = diagnostics.channel(name);
      channel.subscribe(count);
      channels.push(channel);
    }
  } catch {
    // Node.js before 14.17 does not count requests; the load then says how many there were.
  }
  Object.defineProperty(process, key, { value: probe, configurable: true });
  return probe;
};
