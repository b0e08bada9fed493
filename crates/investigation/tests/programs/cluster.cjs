const cluster = require('cluster');

if (cluster.isMaster) {
  cluster.fork();
  cluster.fork();
} else {
  const seen = [];
  require('http').createServer((request, response) => {
    seen.push({ ...request.headers, tags: [1, 2, 3, 4, 5, 6, 7, 8].map(String) });
    response.end('ok');
  }).listen(process.env.PORT);
}
