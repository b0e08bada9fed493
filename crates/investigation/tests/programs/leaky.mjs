import http from 'node:http';

const seen = [];

http.createServer((request, response) => {
  // Much more than what our snapshots leave behind in so small a heap.
  const measured = Array.from({ length: 80 }, (_, i) => i + 0.5);
  seen.push({ url: request.url, headers: { ...request.headers }, measured });
  response.end('ok');
}).listen(process.env.PORT, '127.0.0.1', () => console.log('ready to serve'));
