#!/usr/bin/env node
// Ground truth: Chrome DevTools' own heap snapshot code, run headless in Node (>= 20).
//
//   npm ci
//   node [--max-old-space-size=16000] devtools-oracle.mjs COMMAND ... [-o OUT]
//
//   summary A           header, counts, total size, statistics, node and edge types
//   aggregates A        by class key: name, count, shallow, retained, distance
//   nodes A -o OUT      one row per node in file order, CSV; --bin: records (see node-rows.mjs);
//                       --bin --tables: records with type, class and native context, tables on stdout
//   diff A B            the "Comparison" view: B against A
//   filter NAME A       aggregates under a filter: objectsRetainedByDetachedDomNodes, objectsRetainedByConsole,
//                       objectsRetainedByEventHandlers, objectsRetainedByContexts, duplicatedStrings,
//                       sharedNativeContext, noNativeContext
//   dupstrings A        duplicate strings: value, count, sizes; --whole: values are not cut to 200 characters
//   contexts A          native context sizes and the retained-by-context summary
//   path A ID           dominators and retaining paths of the object @ID
//   interfaces A        the inferred interface definitions
//   bench A             times of the phases and peak memory: load, initialize, aggregates
//   bench-diff A B
//   serve               commands from standard input, a JSON list of words on each line; an answer line for each
//   --threads 2         dominators in a second thread, as the Memory panel does
//   --no-interfaces     plain objects stay class "Object"
import fs from 'node:fs';
import readline from 'node:readline';
import { isMainThread, workerData } from 'node:worker_threads';
import { devtoolsWorker } from './worker-bundle.mjs';
import { load } from './load.mjs';
import { keepRawSelfSizes, writeCsv, writeRecords } from './node-rows.mjs';

const { worker, version } = await devtoolsWorker();
let rawSelfSizes; // of the snapshots that were loaded, when somebody will ask

const commands = {
  async summary(a) {
    const { snapshot, warnings } = await open(a);
    const { meta, ...header } = snapshot.profile.snapshot;
    emit({ ...totals(snapshot), header, meta, warnings });
  },
  async aggregates(a) {
    const { snapshot } = await open(a);
    emit({ ...totals(snapshot), aggregates: classRows(snapshot.aggregatesWithFilter({})) });
  },
  async filter(filterName, a) {
    const { snapshot } = await open(a);
    const aggregates = classRows(snapshot.aggregatesWithFilter({ filterName }));
    emit({ ...totals(snapshot), filter: filterName, aggregates });
  },
  async dupstrings(a) {
    const { snapshot } = await open(a);
    const row = ({ value, truncated, length, hash, count, totalSelfSize, totalRetainedSize }) => ({
      value: options.whole ? value : value.slice(0, 200),
      ...{ truncated, length, hash, count, totalSelfSize, totalRetainedSize },
    });
    emit(snapshot.getDuplicateStrings().map(row));
  },
  async contexts(a) {
    const { snapshot } = await open(a);
    emit({
      nativeContexts: snapshot.getNativeContextSizes(),
      retainedByContext: snapshot.getRetainedByContextSummary(),
    });
  },
  async interfaces(a) {
    const { snapshot } = await open(a);
    emit(JSON.parse(snapshot.interfaceDefinitions()));
  },
  async path(a, id) {
    const { snapshot } = await open(a);
    const index = snapshot.nodeIndexForId(Number(id));
    emit({
      info: snapshot.getObjectInfo(index),
      dominators: snapshot.getDominatorsOf(index),
      retaining: snapshot.getRetainingPaths(index),
    });
  },
  async diff(a, b) {
    const before = await open(a);
    const after = await open(b);
    emit({ devtools: version, diff: difference(before.snapshot, after.snapshot) });
  },
  async nodes(a) {
    rawSelfSizes ??= keepRawSelfSizes(worker);
    const { snapshot } = await open(a);
    const raw = rawSelfSizes(snapshot);
    let tables = {};
    if (options.bin) tables = writeRecords(snapshot, raw, options.out, options.tables);
    else writeCsv(snapshot, raw, options.out);
    say(JSON.stringify({ ...totals(snapshot), ...tables }));
  },
  async bench(a) {
    const { snapshot, parse_ms, init_ms } = await open(a);
    const started = performance.now();
    const classes = Object.keys(snapshot.aggregatesWithFilter({})).length;
    console.log(
      JSON.stringify({
        parse_ms: Math.trunc(parse_ms),
        init_ms: Math.trunc(init_ms),
        aggregates_ms: Math.trunc(performance.now() - started),
        classes,
        total: snapshot.totalSize,
        nodes: snapshot.nodeCount,
        max_rss_mb: peakMegabytes(),
      }),
    );
  },
  async 'bench-diff'(a, b) {
    const before = await open(a);
    const after = await open(b);
    const started = performance.now();
    const classes = Object.keys(difference(before.snapshot, after.snapshot)).length;
    console.log(
      JSON.stringify({
        loadA_ms: Math.trunc(before.parse_ms + before.init_ms),
        loadB_ms: Math.trunc(after.parse_ms + after.init_ms),
        diff_ms: Math.trunc(performance.now() - started),
        classes,
        max_rss_mb: peakMegabytes(),
      }),
    );
  },
};

async function open(file) {
  if (!opened) return load(worker, file, { threads: options.threads, interfaces: !options['no-interfaces'] });
  const { size, mtimeMs, ino } = fs.statSync(file);
  const key = [file, size, mtimeMs, ino].join();
  const heap = opened.get(key) ?? (await load(worker, file));
  opened.delete(key);
  opened.set(key, heap);
  if (opened.size > 2) opened.delete(opened.keys().next().value);
  return heap;
}

/** Many questions to one process: it keeps the last two snapshots. */
async function serve() {
  opened = new Map();
  rawSelfSizes = keepRawSelfSizes(worker);
  for await (const line of readline.createInterface({ input: process.stdin })) {
    said = '';
    let answer;
    try {
      const parsed = parse(JSON.parse(line));
      options = parsed.options;
      const [command, ...files] = parsed.positional;
      await commands[command](...files);
      answer = { said };
    } catch (error) {
      answer = { error: String(error?.stack ?? error) };
    }
    console.log(JSON.stringify(answer));
  }
}

function say(text) {
  if (said === undefined) console.log(text);
  else said += text;
}

function emit(value) {
  const text = JSON.stringify(value, null, 1);
  if (options.out) fs.writeFileSync(options.out, text);
  else fs.writeSync(1, text + '\n'); // whole before the exit below, also into a pipe
}

function totals(snapshot) {
  return {
    devtools: version,
    node_count: snapshot.nodeCount,
    edge_count: snapshot.containmentEdges.length / snapshot.edgeFieldsCount,
    strings: snapshot.strings.length,
    total_size: snapshot.totalSize,
    root_retained: snapshot.rootNode().retainedSize(),
    max_js_id: snapshot.maxJSObjectId ?? undefined,
    statistics: snapshot.getStatistics(),
  };
}

function classRows(aggregates) {
  const rows = {};
  for (const [key, { name, count, self, maxRet, distance }] of Object.entries(aggregates)) {
    rows[key] = { name, count, self, retained: maxRet, distance };
  }
  return rows;
}

function difference(before, after) {
  // The interfaces of the newer snapshot name the objects of both.
  const base = before.aggregatesForDiff(after.interfaceDefinitions());
  const rows = {};
  for (const [key, row] of Object.entries(after.calculateSnapshotDiff(1, base))) {
    const { name, addedCount, removedCount, countDelta, addedSize, removedSize, sizeDelta } = row;
    rows[key] = { name, addedCount, removedCount, countDelta, addedSize, removedSize, sizeDelta };
  }
  return rows;
}

function peakMegabytes() {
  return Math.round(process.resourceUsage().maxRSS / 1024);
}

function parse(words) {
  const options = { threads: 1 };
  const positional = [];
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === '-o') options.out = words.shift();
    else if (word === '--threads') options.threads = Number(words.shift());
    else if (word.startsWith('--')) options[word.slice(2)] = true;
    else positional.push(word);
  }
  return { options, positional };
}

let options;
let opened; // the snapshots that `serve` keeps
let said; // what the commands of `serve` would have printed
if (isMainThread) {
  const parsed = parse(process.argv.slice(2));
  options = parsed.options;
  const [command, ...files] = parsed.positional;
  if (command === 'serve') {
    await serve();
    process.exit(0);
  }
  if (!Object.hasOwn(commands, command ?? '')) {
    console.error('unknown command; see the head of this file');
    process.exit(2);
  }
  await commands[command](...files);
  process.exit(0);
} else {
  new worker.HeapSnapshot.SecondaryInitManager(workerData.port);
}
