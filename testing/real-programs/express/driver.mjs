// An Express server with sessions in memory and several visitors; then its heap is written.
import http from 'node:http';
import v8 from 'node:v8';
import express from 'express';
import session from 'express-session';

const app = express();
app.use(session({ secret: 'a test', resave: false, saveUninitialized: true }));
app.use(express.json());
app.post('/cart', (request, response) => {
  const cart = (request.session.cart ??= []);
  cart.push(request.body);
  response.json({ items: cart.length });
});
app.get('/cart', (request, response) => response.json(request.session.cart ?? []));
app.use((error, _request, response, _next) => response.status(500).json({ message: error.message }));

const server = app.listen(0, '127.0.0.1', async () => {
  const { port } = server.address();
  for (let visitor = 0; visitor < 60; visitor++) {
    let cookie;
    for (let item = 0; item < 5; item++) {
      cookie = await call(port, 'POST', cookie, JSON.stringify({ visitor, item, name: `item ${item}` }));
    }
    await call(port, 'GET', cookie);
  }
  v8.writeHeapSnapshot(process.argv[2]);
  process.exit(0);
});

function call(port, method, cookie, body) {
  const headers = { ...(cookie && { cookie }), ...(body && { 'content-type': 'application/json' }) };
  return new Promise((resolve, reject) => {
    const request = http.request({ port, method, headers, path: '/cart', host: '127.0.0.1' }, (response) => {
      const set = response.headers['set-cookie']?.[0].split(';')[0];
      response.resume().on('end', () => resolve(set ?? cookie));
    });
    request.on('error', reject).end(body);
  });
}
