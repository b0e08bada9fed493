// usage: node load.cjs URL COUNT
const http = require('http');
const agent = new http.Agent({ keepAlive: true });
const total = Number(process.argv[3]);
let done = 0;

function next() {
  if (done === total) {
    agent.destroy();
    console.log(JSON.stringify({ requests: done, failed: 0 }));
    return;
  }
  http.get(process.argv[2], { agent }, (response) => {
    response.resume();
    response.on('end', () => { done++; next(); });
  });
}
next();
