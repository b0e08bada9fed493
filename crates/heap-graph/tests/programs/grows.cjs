'use strict';
// `node grows.cjs FOLDER`: things that grow and things that are exchanged, and three snapshots of them.
const v8 = require('v8');
const path = require('path');
const { EventEmitter } = require('events');

class Request { constructor(i) { this.url = '/item/' + i; this.headers = { host: 'h' + i, accept: ['*'] }; } }
class Session { constructor(i) { this.user = 'user ' + i; this.seen = new Date(i); } }
class Cached { constructor(i) { this.body = 'body of ' + i; } }
class Link { constructor(i, next) { this.number = 'link ' + i; this.next = next; } }
class Job { constructor(i) { this.name = 'job ' + i; } }

const requests = [];
const sessions = new Map();
const names = Object.create(null);
const cache = new Map();
const queue = [];
const emitter = new EventEmitter();
emitter.setMaxListeners(0);
let links = null;
let text = '';

function work(from, count) {
  for (let i = from; i < from + count; i++) {
    requests.push(new Request(i));
    sessions.set('session ' + i, new Session(i));
    names['name ' + i] = [i, 'value ' + i];
    links = new Link(i, links);
    if (i % 4 === 0) emitter.on('change', () => i);
    cache.set(i, new Cached(i));
    if (cache.size > 500) cache.delete(cache.keys().next().value);
    queue.push(new Job(i));
    if (queue.length > 300) queue.shift();
    text += i;
  }
}

work(0, 2000);
for (let round = 1; round <= 3; round++) {
  v8.writeHeapSnapshot(path.join(process.argv[2], `${round}.heapsnapshot`));
  work(round * 2000, 2000);
}
