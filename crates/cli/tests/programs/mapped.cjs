// Calls through three scripts that were "compiled": one has its source map within it, one beside it, and one is another
// script on disk by now. Then waits. Line n of each is line n + 10 of its source.
// node mapped.cjs
'use strict';
const fs = require('fs');
const path = require('path');

const lines = Array.from({ length: 30 }, (_, i) => `// line ${i + 1} as it was written`).join('\n');
const map = (source, sourcesContent) =>
  JSON.stringify({ version: 3, sources: [source], sourcesContent, names: [], mappings: `AAUA${';AACA'.repeat(20)}` });
const code = 'module.exports = function passOn(then) {\n  then();\n};\n';
const load = (name, url) => {
  const file = path.resolve(name);
  fs.writeFileSync(file, `${code}//# sourceMappingURL=${url}\n`);
  return require(file);
};
const data = Buffer.from(map('src/inline.ts', [lines])).toString('base64');
const inline = load('inline.js', `data:application/json;base64,${data}`);
fs.writeFileSync('beside.js.map', map('src/beside.ts'));
const beside = load('beside.js', 'beside.js.map');
fs.writeFileSync('stale.js.map', map('src/stale.ts'));
const stale = load('stale.js', 'stale.js.map');
fs.writeFileSync('stale.js', `\n${code}//# sourceMappingURL=stale.js.map\n`);
const wait = () => {
  fs.writeFileSync('ready', '');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60000);
};
inline(() => beside(() => stale(wait)));
