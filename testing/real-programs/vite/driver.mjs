// Vite builds a small page of components, minified and with source maps; then its heap is written.
import fs from 'node:fs';
import path from 'node:path';
import v8 from 'node:v8';
import { build } from 'vite';

const root = fs.mkdtempSync(path.join(import.meta.dirname, 'page-'));
const write = (name, text) => fs.writeFileSync(path.join(root, name), text);
const COMPONENTS = 40;

write('index.html', '<!doctype html><div id="app"></div><script type="module" src="./main.js"></script>');
for (let i = 0; i < COMPONENTS; i++) {
  write(
    `component${i}.js`,
    `import { h } from 'preact';
     import { useState } from 'preact/hooks';
     import './component${i}.css';
     export function Component${i}({ title }) {
       const [count, setCount] = useState(${i});
       return h('section', { class: 'c${i}', onClick: () => setCount(count + 1) }, title, ' ', count);
     }`,
  );
  write(`component${i}.css`, `.c${i} { margin: ${i}px; } .c${i}:hover { color: rgb(${i}, ${i}, 0); }`);
}
const numbers = Array.from({ length: COMPONENTS }, (_, i) => i);
write(
  'main.js',
  `import { h, render } from 'preact';
   ${numbers.map((i) => `import { Component${i} } from './component${i}.js';`).join('\n')}
   const parts = [${numbers.map((i) => `h(Component${i}, { title: 'part ${i}' })`).join(', ')}];
   render(h('main', null, parts), document.getElementById('app'));`,
);

// Kept, as a watching build keeps its last result.
globalThis.result = await build({
  root,
  configFile: false,
  logLevel: 'error',
  build: { write: false, sourcemap: true, minify: true },
});
fs.rmSync(root, { recursive: true });
v8.writeHeapSnapshot(process.argv[2]);
process.exit(0);
