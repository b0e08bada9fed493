'use strict';
// usage: node load.js URL COUNT ROUND     (stops by itself after COUNT requests)
const http = require('node:http');

const base = new URL(process.argv[2] || 'http://127.0.0.1:3000');
const total = Number(process.argv[3] || 500);
const round = Number(process.argv[4] || 0);
const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

function ask(path) {
  return new Promise((resolve, reject) => {
    const request = http.request({ host: base.hostname, port: base.port, path, agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end();
  });
}

let next = 0;
let failed = 0;
async function lane() {
  while (next < total) {
    const i = next++;
    try {
      if ((await ask(`/r${round}/${i}`)) >= 500) failed++;
    } catch {
      failed++;
    }
  }
}

Promise.all(Array.from({ length: 8 }, lane)).then(() => {
  agent.destroy();
  console.log(JSON.stringify({ requests: total, failed }));
});
