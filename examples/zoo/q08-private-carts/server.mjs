import http from 'node:http';
import { store } from './src/shop.mjs';

http.createServer((request, response) => {
  response.end(JSON.stringify(store.add(request.url)));
}).listen(process.env.PORT || 3000);
