'use strict';

const trail = [];

function record(url) {
  trail.push({ url, at: process.hrtime.bigint() });
}

module.exports = { record };
