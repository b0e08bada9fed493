const http = require('http');
let answered = 0;

http.createServer((request, response) => {
  response.end('ok');
  if (++answered === 700) process.exit(9);
}).listen(process.env.PORT);
