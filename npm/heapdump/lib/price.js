'use strict';

const fs = require('fs');
const path = require('path');
const v8 = require('v8');

/** While a snapshot is taken, the process needs so many times its used heap besides. */
const LEAST = 8;
const MOST = 16;

/** A limit above this is none. */
const NO_LIMIT = 2 ** 60;

/** What to say before a snapshot that may not fit into memory; nothing if it will. */
exports.warning = function warning(used = v8.getHeapStatistics().used_heap_size, free = exports.free()) {
  if (free === undefined || free >= used * MOST) return undefined;
  const most = `taking it needs ${megabytes(used * LEAST)} to ${megabytes(used * MOST)} more`;
  const risk = free < used * LEAST ? 'will probably be killed' : 'may be killed';
  return `the heap has ${megabytes(used)}, so ${most}, and ${megabytes(free)} are free: the process ${risk}`;
};

/** Bytes that this process may still take: of its control groups and of the machine, whichever is less. */
exports.free = function free(root = '/') {
  const known = [ofMachine(root), ...ofGroups(root)].filter((bytes) => bytes !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
};

function megabytes(bytes) {
  return `${Math.round(bytes / 1048576)} MB`;
}

function text(...parts) {
  try {
    return fs.readFileSync(path.join(...parts), 'latin1');
  } catch (error) {
    return undefined;
  }
}

function ofMachine(root) {
  const found = /^MemAvailable:\s+(\d+) kB$/m.exec(text(root, 'proc/meminfo') || '');
  return found ? Number(found[1]) * 1024 : undefined;
}

function ofGroups(root) {
  const free = [];
  for (const line of (text(root, 'proc/self/cgroup') || '').split('\n')) {
    const [, controllers, group] = /^\d+:([^:]*):(.*)$/.exec(line) || [];
    if (controllers === '') {
      free.push(...ofGroup(path.join(root, 'sys/fs/cgroup'), group, 'memory.max', 'memory.current'));
    } else if (controllers && controllers.split(',').includes('memory')) {
      const folder = path.join(root, 'sys/fs/cgroup/memory');
      free.push(...ofGroup(folder, group, 'memory.limit_in_bytes', 'memory.usage_in_bytes'));
    }
  }
  return free;
}

/** A group and all above it: each of them can have a limit. */
function ofGroup(folder, group, limitFile, usageFile) {
  const free = [];
  for (let at = path.join('/', group); ; at = path.dirname(at)) {
    const limit = parseInt(text(folder, at, limitFile), 10);
    const usage = parseInt(text(folder, at, usageFile), 10);
    // "max", and a folder that is not seen from inside a container, are no limit.
    if (limit < NO_LIMIT && usage >= 0) free.push(Math.max(0, limit - usage));
    if (at === '/') return free;
  }
}
