// A WebSocket server whose messages worker threads answer, with clients that come and go; then its heap is written.
import { once } from 'node:events';
import v8 from 'node:v8';
import { Worker, isMainThread, parentPort } from 'node:worker_threads';
import { WebSocket, WebSocketServer } from 'ws';

if (isMainThread) await serve();
else answer();

function answer() {
  const counts = new Map();
  parentPort.on('message', ({ id, text }) => {
    counts.set(text, (counts.get(text) ?? 0) + 1);
    parentPort.postMessage({ id, answer: `${text} for the ${counts.get(text)}. time` });
  });
}

async function serve() {
  const workers = [1, 2].map(() => new Worker(new URL(import.meta.url)));
  const waiting = new Map();
  const rooms = new Map();
  for (const worker of workers) {
    worker.on('message', ({ id, answer }) => {
      waiting.get(id)?.send(answer);
      waiting.delete(id);
    });
  }
  let id = 0;
  const server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  server.on('connection', (socket, request) => {
    const room = request.url.slice(1);
    if (!rooms.has(room)) rooms.set(room, new Set());
    rooms.get(room).add(socket);
    socket.on('close', () => rooms.get(room).delete(socket));
    socket.on('message', (data) => {
      waiting.set(++id, socket);
      workers[id % workers.length].postMessage({ id, text: String(data) });
    });
  });
  await once(server, 'listening');
  const { port } = server.address();
  const stay = [];
  for (let i = 0; i < 60; i++) {
    const client = new WebSocket(`ws://127.0.0.1:${port}/room${i % 7}`);
    await once(client, 'open');
    for (let j = 0; j < 5; j++) {
      client.send(`message ${(i * j) % 20}`);
      await once(client, 'message');
    }
    if (i % 3) stay.push(client);
    else {
      client.close();
      await once(client, 'close');
    }
  }
  v8.writeHeapSnapshot(process.argv[2]);
  process.exit(stay.length === 40 ? 0 : 1);
}
