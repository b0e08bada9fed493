'use strict';

function quotes(request) {
  const rows = Array.from({ length: 60 }, (_, i) => ({ at: i, text: `${request.url}/${i}`, price: Math.random() }));
  return JSON.parse(JSON.stringify(rows)).filter((row) => row.price > 0.9);
}

module.exports = { handle: quotes };
