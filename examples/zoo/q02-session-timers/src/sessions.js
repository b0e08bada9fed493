'use strict';

function open(request) {
  const session = { url: request.url, opened: Date.now(), seen: [] };
  for (let i = 0; i < 20; i++) session.seen.push(`${request.url}#${i}`);
  const touch = () => { session.opened += 60_000; };
  // The handle is thrown away, so nothing can stop it.
  setInterval(touch, 3_600_000).unref();
  return { opened: session.opened };
}

module.exports = { handle: open };
