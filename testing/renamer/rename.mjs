// Renames every variable and every file of a small program, in place.
//
//   node rename.mjs FOLDER
//
// Line numbers stay as they are. Prints, as JSON, which file became which and, for each file, which variable
// became which: `{ "files": { "src/cart.js": "f1/f2.js" }, "symbols": { "src/cart.js": { "carts": ["v7"] } } }`.
// Properties keep their names (they may belong to a library's interface), and so do `load.js`, packages and data.
import fs from 'node:fs';
import path from 'node:path';
import { parse } from 'acorn';
import { analyze } from 'eslint-scope';
import MagicString from 'magic-string';

const root = path.resolve(process.argv[2]);
const KEEP = new Set(['load.js']);
const GIVEN = new Set(['require', 'module', 'exports', '__filename', '__dirname', 'arguments']);

function* scripts(folder) {
  for (const entry of fs.readdirSync(folder, { withFileTypes: true })) {
    const whole = path.join(folder, entry.name);
    if (entry.name === 'node_modules') continue;
    if (entry.isDirectory()) yield* scripts(whole);
    else if (/\.[cm]?js$/.test(entry.name) && !KEEP.has(entry.name)) yield whole;
  }
}

function* nodes(node) {
  if (!node || typeof node.type !== 'string') return;
  yield node;
  for (const value of Object.values(node)) {
    if (Array.isArray(value)) for (const child of value) yield* nodes(child);
    else if (value && typeof value.type === 'string') yield* nodes(value);
  }
}

const files = [...scripts(root)].sort();
const newName = new Map();
let count = 0;
for (const file of files) {
  // Folders stay: data files beside a script are found by relative paths.
  newName.set(file, path.join(path.dirname(file), `m${++count}${path.extname(file)}`));
}

const relative = (file) => path.relative(root, file).split(path.sep).join('/');
const answer = { files: {}, symbols: {} };

function renamed(file) {
  const text = fs.readFileSync(file, 'utf8');
  const isModule = file.endsWith('.mjs');
  const tree = parse(text, { ecmaVersion: 'latest', sourceType: isModule ? 'module' : 'script', allowReturnOutsideFunction: true, allowHashBang: true, ranges: true });
  const out = new MagicString(text);
  const shorthand = new Map();
  const paths = [];
  const imported = new Map();
  const kept = new Set();
  const exported = (declaration) => {
    const named = declaration.declarations ?? [declaration];
    for (const one of named) kept.add((one.id).start);
  };
  for (const node of nodes(tree)) {
    if (node.type === 'Property' && node.shorthand) {
      const value = node.value.type === 'AssignmentPattern' ? node.value.left : node.value;
      shorthand.set(value.start, node.key.name);
    }
    // The name that is imported or exported is another module's business.
    if (node.type === 'ImportSpecifier' && node.imported.start === node.local.start) imported.set(node.local.start, node.imported.name);
    if (node.type === 'ExportNamedDeclaration' && node.declaration) exported(node.declaration);
    if (node.type === 'Literal' && typeof node.value === 'string') paths.push(node);
  }
  const symbols = {};
  const done = new Set();
  const manager = analyze(tree, { ecmaVersion: 2022, sourceType: isModule ? 'module' : 'commonjs', ignoreEval: true });
  let variables = 0;
  for (const scope of manager.scopes) {
    if (scope.type === 'global') continue;
    for (const variable of scope.variables) {
      if (GIVEN.has(variable.name) || !variable.identifiers.length) continue;
      if (variable.identifiers.some((place) => kept.has(place.start))) continue;
      const fresh = `v${++variables}`;
      (symbols[variable.name] ??= []).push(fresh);
      const places = [...variable.identifiers, ...variable.references.map((r) => r.identifier)];
      for (const place of places) {
        if (done.has(place.start)) continue;
        done.add(place.start);
        const key = shorthand.get(place.start);
        const from = imported.get(place.start);
        const text = key ? `${key}: ${fresh}` : from ? `${from} as ${fresh}` : fresh;
        out.overwrite(place.start, place.end, text);
      }
    }
  }
  for (const literal of paths) {
    // A path to load, or a file's name that is joined to a folder.
    if (!/^\.{1,2}\//.test(literal.value) && !/\.[cm]?js$/.test(literal.value)) continue;
    const target = path.resolve(path.dirname(file), literal.value);
    const found = [target, `${target}.js`, path.join(target, 'index.js')].find((name) => newName.has(name));
    if (!found) continue;
    const to = path.relative(path.dirname(newName.get(file)), newName.get(found));
    const bare = to.startsWith('.') || !literal.value.startsWith('.');
    out.overwrite(literal.start, literal.end, `'${bare ? to : `./${to}`}'`);
  }
  answer.files[relative(file)] = relative(newName.get(file));
  answer.symbols[relative(file)] = symbols;
  return out.toString();
}

const texts = files.map((file) => [file, renamed(file)]);
for (const file of files) fs.unlinkSync(file);
for (const [file, text] of texts) fs.writeFileSync(newName.get(file), text);
console.log(JSON.stringify(answer));
