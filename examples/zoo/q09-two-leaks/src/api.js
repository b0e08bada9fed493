'use strict';
const { record } = require('./audit');
const { remember } = require('./reports');

let seen = 0;
function api(request) {
  record(request.url);
  if (++seen % 25 === 0) remember(request.url);
  return { seen };
}

module.exports = { handle: api };
