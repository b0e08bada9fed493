// webpack bundles a small program with lazy parts; then its heap is written.
import fs from 'node:fs';
import path from 'node:path';
import v8 from 'node:v8';
import webpack from 'webpack';

const root = fs.mkdtempSync(path.join(import.meta.dirname, 'program-'));
const write = (name, text) => fs.writeFileSync(path.join(root, name), text);
const PARTS = 60;

for (let i = 0; i < PARTS; i++) {
  write(
    `part${i}.js`,
    `import { h, Fragment } from 'preact';
     export const shared${i} = new Map([['part', ${i}]]);
     export default function part${i}(props) {
       return h(Fragment, null, h('b', null, props.title), [...shared${i}.keys()].join());
     }
     export const unused${i} = () => 'dropped ${i}';`,
  );
}
const numbers = Array.from({ length: PARTS }, (_, i) => i);
write(
  'index.js',
  `import { render, h } from 'preact';
   ${numbers.filter((i) => i % 2).map((i) => `import part${i} from './part${i}.js';`).join('\n')}
   render([${numbers.filter((i) => i % 2).map((i) => `h(part${i}, { title: '${i}' })`)}], document.body);
   ${numbers.filter((i) => i % 2 === 0).map((i) => `import('./part${i}.js').then(console.log);`).join('\n')}`,
);

const compiler = webpack({
  context: root,
  mode: 'development',
  devtool: 'source-map',
  entry: './index.js',
  output: { path: path.join(root, 'out') },
});
globalThis.compiler = compiler; // a development server keeps it, and the last result
globalThis.stats = await new Promise((resolve, reject) => {
  compiler.run((error, stats) => (error ? reject(error) : resolve(stats)));
});
if (stats.hasErrors()) throw new Error(stats.toString('errors-only'));
fs.rmSync(root, { recursive: true });
v8.writeHeapSnapshot(process.argv[2]);
process.exit(0);
