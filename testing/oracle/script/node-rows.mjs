// Writes one row per node: as CSV for people, as fixed records for a program that compares millions.
import fs from 'node:fs';

const COLUMNS =
  'ordinal,id,type,self_raw,self,retained,distance,detachedness,dominator_ordinal,edge_count,class';
const BLOCK = 65536; // rows a write

/**
 * DevTools overwrites the self sizes of the file when it moves sizes to their owners; this keeps the file's own.
 * To be called once, before a snapshot is loaded; the function returned gives the sizes of a snapshot after.
 */
export function keepRawSelfSizes(worker) {
  const { prototype } = worker.HeapSnapshot.JSHeapSnapshot;
  const calculate = prototype.calculateShallowSizes;
  const kept = new WeakMap();
  prototype.calculateShallowSizes = function () {
    const raw = new Uint32Array(this.nodeCount);
    for (let i = 0; i < raw.length; i++) {
      raw[i] = this.nodes.getValue(i * this.nodeFieldCount + this.nodeSelfSizeOffset);
    }
    kept.set(this, raw);
    calculate.call(this);
  };
  return (snapshot) => kept.get(snapshot);
}

export function writeCsv(snapshot, raw, file) {
  const out = fs.openSync(file, 'w');
  const node = snapshot.createNode(0);
  const { retainedSizes, nodeDistances, dominatorsTree } = snapshot;
  let lines = [COLUMNS];
  for (let i = 0; i < snapshot.nodeCount; i++) {
    node.nodeIndex = i * snapshot.nodeFieldCount;
    const row = [i, node.id(), quoted(node.type()), raw[i], node.selfSize(), retainedSizes[i]];
    row.push(nodeDistances[i], node.detachedness(), dominatorsTree[i], node.edgesCount());
    row.push(quoted(node.className().slice(0, 200)));
    lines.push(row.join(','));
    if (lines.length >= BLOCK) {
      fs.writeSync(out, lines.join('\n') + '\n');
      lines = [];
    }
  }
  if (lines.length) fs.writeSync(out, lines.join('\n') + '\n');
  fs.closeSync(out);
}

function quoted(text) {
  return /[",\n\r]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text;
}

/**
 * The record, little endian: f64 id, f64 retained, f64 self, i32 distance, u32 dominator ordinal,
 * u32 detachedness, u32 edge count, u32 raw self; 44 bytes.
 * With `tables` three more: u32 type, u32 class (indices into the tables returned), i32 ordinal of the native
 * context (-1 none, -2 shared); 56 bytes.
 */
export function writeRecords(snapshot, raw, file, tables) {
  const size = tables ? 56 : 44;
  const out = fs.openSync(file, 'w');
  const block = Buffer.alloc(BLOCK * size);
  const node = snapshot.createNode(0);
  const types = new Table();
  const classes = new Table();
  let at = 0;
  for (let i = 0; i < snapshot.nodeCount; i++) {
    node.nodeIndex = i * snapshot.nodeFieldCount;
    block.writeDoubleLE(node.id(), at);
    block.writeDoubleLE(snapshot.retainedSizes[i], at + 8);
    block.writeDoubleLE(node.selfSize(), at + 16);
    block.writeInt32LE(snapshot.nodeDistances[i], at + 24);
    block.writeUInt32LE(snapshot.dominatorsTree[i], at + 28);
    block.writeUInt32LE(node.detachedness(), at + 32);
    block.writeUInt32LE(node.edgesCount(), at + 36);
    block.writeUInt32LE(raw[i], at + 40);
    if (tables) {
      block.writeUInt32LE(types.index(node.type()), at + 44);
      block.writeUInt32LE(classes.index(node.className()), at + 48);
      block.writeInt32LE(snapshot.nodeNativeContextAttribution[i], at + 52);
    }
    at += size;
    if (at === block.length) {
      fs.writeSync(out, block, 0, at);
      at = 0;
    }
  }
  fs.writeSync(out, block, 0, at);
  fs.closeSync(out);
  return tables ? { types: types.values, classes: classes.values } : {};
}

/** Gives each distinct string a number. */
class Table {
  #numbers = new Map();
  values = [];

  index(value) {
    let number = this.#numbers.get(value);
    if (number === undefined) {
      number = this.values.push(value) - 1;
      this.#numbers.set(value, number);
    }
    return number;
  }
}
