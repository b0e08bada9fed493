// A Koa server that answers some hundred requests of its own client; then its heap is written.
import http from 'node:http';
import v8 from 'node:v8';
import Koa from 'koa';
import Router from '@koa/router';

const app = new Koa();
const router = new Router();
const recent = [];

app.use(async (ctx, next) => {
  const started = process.hrtime.bigint();
  await next();
  ctx.set('x-nanoseconds', String(process.hrtime.bigint() - started));
});
router.get('/items/:id', (ctx) => {
  recent.push({ id: ctx.params.id, headers: ctx.headers, at: new Date() });
  ctx.body = { id: ctx.params.id, related: recent.slice(-3).map((item) => item.id) };
});
router.get('/stats', (ctx) => {
  ctx.body = { seen: recent.length };
});
app.use(router.routes()).use(router.allowedMethods());

const server = app.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
  for (let i = 0; i < 400; i++) await get(agent, port, i % 10 ? `/items/${i}` : '/stats');
  v8.writeHeapSnapshot(process.argv[2]);
  process.exit(0);
});

function get(agent, port, path) {
  return new Promise((resolve, reject) => {
    const request = http.get({ agent, port, path, host: '127.0.0.1' }, (response) => {
      response.resume().on('end', resolve);
    });
    request.on('error', reject);
  });
}
