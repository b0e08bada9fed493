const cluster = require('cluster');

if (cluster.isMaster) {
  cluster.fork();
  cluster.fork();
} else {
  const seen = [];
  require('http').createServer((request, response) => {
    // Some kilobytes, so that few requests to each of two workers show it.
    seen.push({ ...request.headers, tags: Array.from({ length: 100 }, (_, i) => `${seen.length} ${i}`) });
    response.end('ok');
  }).listen(process.env.PORT);
}
