'use strict';
const http = require('node:http');
const { handle } = require('./src/tags');

http.createServer((request, response) => {
  response.setHeader('content-type', 'application/json');
  response.end(JSON.stringify(handle(request)));
}).listen(process.env.PORT || 3000);
