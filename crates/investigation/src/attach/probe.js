'use strict';
// What heapdowse adds to a watched process: it reads numbers that only the process itself knows. `run` preloads it;
// `attach` evaluates it in a process that runs already, calls `attend`, and `leave` at the end.
module.exports = (require, stays) => {
  const key = Symbol.for('heapdowse.probe');
  if (process[key]) return process[key];
  const v8 = require('v8');
  const { performance, PerformanceObserver, monitorEventLoopDelay } = require('perf_hooks');

  // The latest collections, in a ring that is there from the start: what is noted never changes the heap's floor.
  const RING = 1024;
  const FIELDS = 6;
  const MAJOR = 4;
  // Each look at the event loop's delay costs about 90 microseconds, so there are four in a second and not twenty.
  const RESOLUTION_MS = 250;
  // A walk over all code of the heap, which takes some milliseconds: its result is good for a while.
  const CODE_MS = 30000;
  // Node.js takes about 0.3 ms to tell of one collection (measured in 20, half of it in 22). In a process that runs
  // already, so many are listened to in a second that this stays within a two-hundredth of what the process itself used.
  const TELLING_MS = 0.3;
  const PORTION = 0.005;
  const WINDOW_MS = 1000;
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
  let window;
  let delay;
  let seen = 0;
  // Collections that may still be told in this second; what it began with is for the first.
  let allowance = 8;
  let bounded = false;
  let forcing = false;
  let cpuBefore;
  let restedSince;
  let rested = 0;
  let registry;
  const baits = [{}, {}, {}, {}];
  let baitAt = 0;
  let majorAt = -1;
  const ring = new Float64Array(RING * FIELDS);
  let codeAt = -Infinity;
  let codeSize;

  const { stringify } = JSON;

  const probe = {
    requests: 0,

    // What one of the others answers, as text: the inspector takes twice as long to hand an object over.
    text(name, ...given) {
      return stringify(probe[name](...given));
    },

    read() {
      const memory = process.memoryUsage();
      return reading(memory, v8.getHeapStatistics(), codeNow(CODE_MS));
    },

    // Before and after collections that heapdowse forces: all of them are told.
    beforeFloor() {
      forcing = true;
      if (registry) listen();
      return probe.read();
    },
    afterFloor() {
      codeNow(0);
      const after = probe.read();
      take();
      forcing = false;
      return after;
    },

    // Collections from the one numbered `since` on, as far as they are still known.
    collections(since) {
      take();
      const kept = [];
      for (let number = Math.max(since, seen - RING); number < seen; number++) {
        const [kind, flags, at_ms, pause_ms, after, forced] = ring.subarray((number % RING) * FIELDS);
        kept.push({ number, kind, flags, at_ms, pause_ms, used_after: after || undefined, forced: forced === 1 });
      }
      const rested_ms = rested + (restedSince === undefined ? 0 : performance.now() - restedSince);
      return { collections: kept, collections_seen: seen, rested_ms, uptime: process.uptime() };
    },

    // All that is known; collections from the one numbered `since` on.
    readAll(since) {
      const memory = process.memoryUsage();
      const heap_statistics = v8.getHeapStatistics();
      const code = codeNow(CODE_MS);
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
      return {
        ...reading(memory, heap_statistics, code),
        ...probe.collections(since),
        resident: memory.rss,
        requests_counted: channels.length > 0,
        heap_statistics,
        spaces: v8.getHeapSpaceStatistics(),
        resources,
        event_loop,
      };
    },

    // Notes collections from now on: all of them, or as many as a process that must not be held up can afford.
    observe(affordable) {
      if (registry) return;
      bounded = affordable;
      cpuBefore = process.cpuUsage();
      registry = typeof FinalizationRegistry === 'function' ? new FinalizationRegistry(collected) : {};
      bait();
      listen();
    },

    // From now on somebody watches through an inspector that heapdowse has opened (or somebody else has).
    attend(byUs) {
      users++;
      opened = opened || byUs;
      leaving = false;
      every(1000);
      probe.observe(true);
      if (delay) return;
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

  function reading(memory, heap, code) {
    silent = 0;
    return {
      heap_used: memory.heapUsed,
      heap_total: memory.heapTotal,
      external: memory.external,
      array_buffers: memory.arrayBuffers,
      code,
      heap_limit: heap.heap_size_limit,
      requests: probe.requests,
    };
  }

  function codeNow(age) {
    if (performance.now() - codeAt < age) return codeSize;
    const code = v8.getHeapCodeStatistics ? v8.getHeapCodeStatistics() : {};
    codeAt = performance.now();
    codeSize = code.code_and_metadata_size === undefined
      ? undefined : code.code_and_metadata_size + code.bytecode_and_metadata_size;
    return codeSize;
  }

  // Hears of collections for a second, or until they become too many; then after a rest again.
  function listen() {
    if (!observer) {
      observer = new PerformanceObserver((list) => told(list.getEntries()));
      observer.observe({ entryTypes: ['gc'] });
      if (restedSince !== undefined) rested += performance.now() - restedSince;
      restedSince = undefined;
    }
    if (bounded && !window) {
      window = setTimeout(nextWindow, WINDOW_MS);
      window.unref();
    }
  }

  function nextWindow() {
    window = undefined;
    const { user, system } = process.cpuUsage(cpuBefore);
    cpuBefore = process.cpuUsage();
    allowance = Math.max(1, ((user + system) / 1000) * PORTION / TELLING_MS);
    listen();
  }

  function deafen() {
    if (!observer) return;
    observer.disconnect();
    observer = undefined;
  }

  function take() {
    if (observer && observer.takeRecords) told(observer.takeRecords());
  }

  function told(entries) {
    for (let index = 0; index < entries.length; index++) {
      const entry = entries[index];
      const { kind, flags } = entry.detail || entry;
      // The observer is told a little after the collection; of several only the last is near to what is left.
      note(kind, flags, entry.startTime, entry.duration, index === entries.length - 1);
    }
    allowance -= entries.length;
    if (bounded && allowance <= 0 && !forcing) {
      deafen();
      if (restedSince === undefined) restedSince = performance.now();
    }
  }

  function note(kind, flags, start, pause, isLast) {
    const at = (seen++ % RING) * FIELDS;
    ring[at] = kind;
    ring[at + 1] = flags;
    ring[at + 2] = start;
    if (kind === MAJOR) majorAt = start;
    ring[at + 3] = pause;
    ring[at + 4] = kind === MAJOR && isLast ? v8.getHeapStatistics().used_heap_size : 0;
    ring[at + 5] = kind === MAJOR && forcing ? 1 : 0;
  }

  // Only a mark-compact collects what is old, so this is called after each, at the price of nothing in between: floors
  // are known by it also while nobody listens. What is given up has waited in line until it was old (up to Node.js
  // 24 scavenges leave what is registered alone, in 26 they do not).
  function collected() {
    if (!registry) return;
    if (!observer && majorAt < baitAt) note(MAJOR, NaN, performance.now(), NaN, true);
    bait();
  }

  function bait() {
    baitAt = performance.now();
    baits.push({});
    if (registry.register) registry.register(baits.shift(), undefined);
  }

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
    const local = `:${Number(port).toString(16).toUpperCase().padStart(4, '0')} `;
    let sum = 0;
    let tables = ['/proc/self/net/tcp', '/proc/self/net/tcp6'];
    let known = false;
    const next = () => {
      const table = tables.shift();
      if (!table) return then(known ? sum : undefined);
      readFile(table, (error, bytes) => {
        if (!error) {
          known = true;
          sum += established(bytes, local);
        }
        next();
      });
    };
    next();
  }

  // Lines of a table of sockets that are a connection with a local port: ` 0: 0100007F:2329 0100007F:8E12 01 ...`. No
  // string is made of the table and no regular expression looks at it: V8 keeps what the last one has looked at, and
  // the table is as long as the machine has connections, so that the heap's floor rose with them.
  function established(bytes, local) {
    let sum = 0;
    for (let at = bytes.indexOf(local); at !== -1; at = bytes.indexOf(local, at + 1)) {
      const [remote, state] = bytes.latin1Slice(at + local.length, at + local.length + 48).split(' ');
      // Behind a remote port stands the state at once.
      if (remote.includes(':') && state === '01') sum++;
    }
    return sum;
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
    clearTimeout(window);
    deafen();
    if (delay) delay.disable();
    registry = delay = window = undefined;
    forcing = false;
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
