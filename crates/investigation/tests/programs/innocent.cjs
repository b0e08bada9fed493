const http = require('http');

http.createServer((request, response) => {
  const items = Array.from({ length: 50 }, (_, i) => ({ id: i, name: `item ${i}` }));
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(items));
}).listen(process.env.PORT);
