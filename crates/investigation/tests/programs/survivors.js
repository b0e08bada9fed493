'use strict';
// Each request makes objects that the last few requests' worth of which lives on: they live through a scavenge of a
// small new space, are copied and promoted, and die soon after. In a large new space they die before.
const recent = [];
require('http').createServer((request, response) => {
  const made = [];
  for (let i = 0; i < 3000; i++) made.push({ number: i, list: [i, i + 1], next: { text: 'n' + i } });
  recent.push(made);
  if (recent.length > 24) recent.shift();
  response.end('made\n');
}).listen(Number(process.env.PORT));
