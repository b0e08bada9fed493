'use strict';
const { bus } = require('./bus');

let number = 0;

function place(request) {
  const order = { number: ++number, url: request.url, lines: [] };
  for (let i = 0; i < 12; i++) order.lines.push({ sku: `sku-${order.number}-${i}`, quantity: i });
  // Meant for the lifetime of the order, but nothing takes it off again.
  bus.on('price-change', (sku) => order.lines.some((line) => line.sku === sku));
  return { number: order.number };
}

module.exports = { handle: place };
