'use strict';

const koa = require('koa');
const router = require('koa-router')();

// A native addon: kill -USR2 PID then writes a heap snapshot. Where it could not be built, or was built for
// another version of Node.js, the program runs without it.
try {
  require('heapdump');
} catch (error) {
  if (error.code !== 'MODULE_NOT_FOUND' && error.code !== 'ERR_DLOPEN_FAILED') throw error;
}

const app = koa();

// Which clients did we see? Nothing is ever taken out again.
const clients = [];

app.use(function* rememberClient(next) {
  clients.push(this.request.headers);
  yield next;
});

router.get('/', function* hello() {
  this.body = `Hello, client number ${clients.length}\n`;
});

app.use(router.routes());
app.use(router.allowedMethods());

const server = app.listen(process.env.PORT || 3000, '127.0.0.1', () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
