import { createRequire } from 'node:module';
import 'reads-itself';

const require = createRequire(import.meta.url);
const name = ['reads', 'itself'].join('-');
const folder = `/hoist/node_modules/${name}`;
const failure = (id) => import(id).then(() => 'loaded', (error) => error.message);

export default async () => {
  const one = await import(`${name}/plugins/one`);
  const two = await import(`${name}/plugins/two`);
  const module = await import(`${folder}/plugins/module.mjs`);
  const broken = await import(`${name}/plugins/broken`).catch((error) => `${error.name} ${error.code} ${error.message}`);
  const esm = await import(name);
  return {
    esm: [esm.kind, esm.url],
    cjs: Object.keys(one),
    callable: [two.default(), two.extra],
    module: { name: module.name, same: module.same, two: module.table.two, filename: module.filename },
    typeless: Object.keys(await import(`${folder}/plugins/typeless.js`)),
    json: (await import(`${name}/data/table.json`, { with: { type: 'json' } })).default.two,
    wasm: (await import(`${folder}/data/add.wasm`)).add(2, 3),
    builtin: (await import(['pa', 'th'].join(''))).sep,
    same: one.default === require(`${name}/plugins/one`),
    failures: {
      broken,
      without: (await failure(`${name}/data/table.json`)).includes('needs an import attribute'),
      missing: (await failure(`${folder}/nope.js`)).includes("it is not in this program's files"),
      unknown: (await failure(`un${'known'}`)).includes("it is not in this program's files"),
      native: (await failure(`${folder}/plugins/native.node`)).includes('the package reads-itself holds a native add-on'),
      typed: (await failure(`${folder}/plugins/typed.ts`)).includes('is TypeScript, which cannot be loaded at run time'),
      https: (await failure(`https${'://'}example.test/x.js`)).includes('https'),
    },
  };
};
