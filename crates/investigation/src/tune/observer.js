'use strict';
// What tune adds to each measured process: it counts collections and their pauses from `begin` on.
((require) => {
  const { PerformanceObserver, performance } = require('perf_hooks');
  const MOST_PAUSES = 50000;
  const MINOR = [1, 2];
  const MAJOR = 4;
  let since = 0;
  let counted;
  const tune = {
    begin() {
      since = performance.now();
      counted = { scavenges: 0, full_collections: 0, pause_ms: 0, pauses: [] };
      return true;
    },
    read: () => counted,
  };
  tune.begin();
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) {
      // The observer is told a little after the collection, so some are from before `begin`.
      if (entry.startTime < since) continue;
      const { kind } = entry.detail || entry;
      if (MINOR.includes(kind)) counted.scavenges++;
      else if (kind === MAJOR) counted.full_collections++;
      counted.pause_ms += entry.duration;
      if (counted.pauses.length < MOST_PAUSES) counted.pauses.push(entry.duration);
    }
  }).observe({ entryTypes: ['gc'] });
  process[Symbol.for('heapdowse.tune')] = tune;
  return true;
})(require)
