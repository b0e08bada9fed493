// Bundles DevTools' heap snapshot worker (TypeScript, written for the browser) into one module for Node.
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { fileURLToPath, pathToFileURL } from 'node:url';

// Node 20 lacks it, the worker needs it.
if (!Promise.withResolvers) {
  Promise.withResolvers = function () {
    let resolve, reject;
    const promise = new this((a, b) => {
      resolve = a;
      reject = b;
    });
    return { promise, resolve, reject };
  };
}

const ENTRY = `
export * from './front_end/entrypoints/heap_snapshot_worker/heap_snapshot_worker.ts';
export * as Model from './front_end/models/heap_snapshot/heap_snapshot.ts';
`;

// The npm package lacks the generated locale files that core/i18n imports; the worker only uses core/i18n for
// progress messages, so a module that answers with the key itself does.
const NO_LOCALES = `
const text = s => String(s);
const STRINGS = ['getLazilyComputedLocalizedString', 'getLocalizedString'];
export const i18n = new Proxy({}, {
  get: (_, key) => key === 'registerUIStrings' ? () => ({}) : STRINGS.includes(key) ? () => text : text,
});
export const TimeUtilities = i18n, ByteUtilities = i18n;
export const DevToolsLocale = { DevToolsLocale: { instance: () => ({ locale: 'en-US' }) } };
`;

const fromTypeScript = {
  name: 'from-typescript',
  setup(build) {
    build.onResolve({ filter: /(^|\/)i18n\/i18n\.js$/ }, () => ({ path: 'i18n', namespace: 'no-locales' }));
    build.onLoad({ filter: /.*/, namespace: 'no-locales' }, () => ({ contents: NO_LOCALES, loader: 'js' }));
    // DevTools imports './x.js' where the source is './x.ts'.
    build.onResolve({ filter: /^\.{1,2}\/.*\.js$/ }, (args) => {
      const js = path.resolve(args.resolveDir, args.path);
      const ts = js.replace(/\.js$/, '.ts');
      return !fs.existsSync(js) && fs.existsSync(ts) ? { path: ts } : undefined;
    });
  },
};

// ORACLE_MODULES names another folder whose node_modules has the packages.
const home = process.env.ORACLE_MODULES || path.dirname(fileURLToPath(import.meta.url));
const require = createRequire(path.join(home, 'x.js'));

/** The worker as a module, and the version of DevTools it comes from. Builds on first use. */
export async function devtoolsWorker() {
  const packageJson = require.resolve('chrome-devtools-frontend/package.json');
  const root = path.dirname(packageJson);
  const { version } = JSON.parse(fs.readFileSync(packageJson));
  const bundle = path.join(path.dirname(root), '.devtools-oracle', `worker-${version}.mjs`);
  if (!fs.existsSync(bundle)) await build(root, bundle);
  return { worker: await import(pathToFileURL(bundle)), version };
}

async function build(root, bundle) {
  fs.mkdirSync(path.dirname(bundle), { recursive: true });
  const unfinished = `${bundle}.${process.pid}`;
  await require('esbuild').build({
    stdin: { contents: ENTRY, resolveDir: root, loader: 'ts' },
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    outfile: unfinished,
    logLevel: 'error',
    plugins: [fromTypeScript],
  });
  fs.renameSync(unfinished, bundle); // two oracles may start at once
}
