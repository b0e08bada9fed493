import http from 'node:http';

const seen = [];

http.createServer((request, response) => {
  seen.push({ url: request.url, headers: { ...request.headers }, tags: [1, 2, 3, 4, 5, 6, 7, 8].map(String) });
  response.end('ok');
}).listen(process.env.PORT, '127.0.0.1', () => console.log('ready to serve'));
