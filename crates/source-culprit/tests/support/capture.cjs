'use strict';
// Preloaded into a program: writes a heap snapshot, and the scripts that V8 has, when asked.
const fs = require('node:fs');
const path = require('node:path');
const v8 = require('node:v8');
const { Session } = require('node:inspector');

globalThis.__capture = (dir, name) => {
  v8.writeHeapSnapshot(path.join(dir, `${name}.heapsnapshot`));
  const session = new Session();
  session.connect();
  const scripts = [];
  session.on('Debugger.scriptParsed', ({ params }) => scripts.push(params));
  session.post('Debugger.enable');
  const found = [];
  for (const { scriptId, url, sourceMapURL } of scripts) {
    session.post('Debugger.getScriptSource', { scriptId }, (error, result) => {
      if (!error) found.push({ id: Number(scriptId), url, map: sourceMapURL, text: result.scriptSource });
    });
  }
  session.disconnect();
  fs.writeFileSync(path.join(dir, 'scripts.json'), JSON.stringify(found));
};

if (process.env.CAPTURE_DIR && process.env.CAPTURE_ON_SIGNAL) {
  let count = 0;
  process.on('SIGUSR2', () => {
    globalThis.__capture(process.env.CAPTURE_DIR, `s${count++}`);
    fs.writeFileSync(path.join(process.env.CAPTURE_DIR, `done${count}`), '');
  });
}
