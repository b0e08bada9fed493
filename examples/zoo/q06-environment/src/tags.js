'use strict';

let seen = 0;

// Meant for child processes that report errors. glibc's setenv never frees a value, because somebody may still hold
// a pointer to it.
function tag(request) {
  process.env.LAST_REQUEST = `${++seen} ${request.url} ${'-'.repeat(8000)}`;
  return { seen };
}

module.exports = { handle: tag };
