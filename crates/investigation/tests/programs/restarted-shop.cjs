'use strict';
// Keeps something of each request.
class Visit {
  constructor(url) {
    this.url = url;
    this.tags = [1, 2, 3, 4, 5, 6, 7, 8].map((number) => `tag ${number} ${Math.random()}`);
  }
}
const visits = [];
const server = require('http').createServer((request, response) => {
  visits.push(new Visit(request.url));
  response.end('ok');
});
server.listen(0, '127.0.0.1', () => console.log('port', server.address().port));
