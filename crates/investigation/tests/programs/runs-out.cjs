// Keeps 20 arrays of a thousand numbers for each request: few objects, so that the last snapshot is small.
const kept = [];
require('http')
  .createServer((request, response) => {
    for (let i = 0; i < 20; i++) kept.push(new Array(1000).fill(kept.length));
    response.end('ok');
  })
  .listen(process.env.PORT, '127.0.0.1');
