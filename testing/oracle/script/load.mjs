// Loads a snapshot the way the DevTools Memory panel does.
import fs from 'node:fs';
import { Worker } from 'node:worker_threads';

const CHUNK = 10e6; // characters, as in DevTools' ChunkedFileReader

/** `threads: 2` computes dominators in a second thread as the panel does; the numbers are the same. */
export async function load(worker, file, { threads = 1, interfaces = true } = {}) {
  const warnings = [];
  console.warn = (...words) => warnings.push(words.join(' ').slice(0, 500));

  const started = performance.now();
  const loader = new worker.HeapSnapshotLoader.HeapSnapshotLoader({ sendEvent() {} });
  let failure;
  loader.parsingComplete.catch((error) => (failure = error));
  for await (const chunk of fs.createReadStream(file, { encoding: 'utf8', highWaterMark: CHUNK })) {
    loader.write(chunk);
    await new Promise((resolve) => setImmediate(resolve)); // lets a parse error come up
    if (failure) throw failure;
  }
  loader.close();
  await loader.parsingComplete;
  const parsed = performance.now();

  const { port1, port2 } = new MessageChannel();
  let second;
  if (threads === 2) {
    const entry = new URL('./devtools-oracle.mjs', import.meta.url);
    second = new Worker(entry, { workerData: { port: port2 }, transferList: [port2] });
    second.unref();
  } else {
    new worker.HeapSnapshot.SecondaryInitManager(port2);
  }
  const snapshot = await loader.buildSnapshot(port1);
  const initialized = performance.now();
  port1.close();
  second?.terminate();
  if (!interfaces) snapshot.applyInterfaceDefinitions([]);
  return { snapshot, warnings, parse_ms: parsed - started, init_ms: initialized - parsed };
}
