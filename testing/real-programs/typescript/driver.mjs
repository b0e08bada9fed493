// The TypeScript language service checks a small project and completes in it; then its heap is written.
import v8 from 'node:v8';
import ts from 'typescript';

const files = new Map();
for (let i = 0; i < 30; i++) {
  const before = i > 0 ? `import { Model${i - 1} } from './model${i - 1}';` : '';
  files.set(
    `${import.meta.dirname}/model${i}.ts`,
    `${before}
     export interface Options${i}<T extends string = 'a' | 'b'> { kind: T; limit?: number; tags: Set<T> }
     export class Model${i} ${i > 0 ? `extends Model${i - 1}` : ''} {
       readonly items${i} = new Map<string, Options${i}>();
       add${i}(key: string, options: Partial<Options${i}>) {
         const { kind = 'a', limit = ${i}, tags = new Set(['a']) } = options;
         this.items${i}.set(key, { kind, limit, tags: tags as Set<'a' | 'b'> });
         return [...this.items${i}.values()].map(item => ({ ...item, total: item.limit! * 2 }));
       }
       wrong${i}(): number { return 'text ${i}'; }
     }`,
  );
}

const service = ts.createLanguageService({
  getCompilationSettings: () => ({
    strict: true,
    target: ts.ScriptTarget.ES2022,
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
  }),
  getScriptFileNames: () => [...files.keys()],
  getScriptVersion: () => '1',
  getScriptSnapshot: (name) => {
    const text = files.get(name) ?? ts.sys.readFile(name);
    return text === undefined ? undefined : ts.ScriptSnapshot.fromString(text);
  },
  getCurrentDirectory: () => import.meta.dirname,
  getDefaultLibFileName: ts.getDefaultLibFilePath,
  fileExists: (name) => files.has(name) || ts.sys.fileExists(name),
  readFile: (name) => files.get(name) ?? ts.sys.readFile(name),
});

let wrong = 0;
for (const name of files.keys()) {
  wrong += service.getSemanticDiagnostics(name).length;
  service.getCompletionsAtPosition(name, files.get(name).indexOf('this.items') + 5, undefined);
}
if (wrong !== files.size) throw new Error(`${wrong} type errors were found, ${files.size} are there`);
globalThis.service = service; // an editor keeps it
v8.writeHeapSnapshot(process.argv[2]);
process.exit(0);
