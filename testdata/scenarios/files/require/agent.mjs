import { createRequire } from 'node:module';
import 'reads-itself';

const require = createRequire(import.meta.url);
const name = ['reads', 'itself'].join('-');
const folder = `/hoist/node_modules/${name}`;
const failure = (id) => {
  try {
    return require(id);
  } catch (error) {
    return `${error.name} ${error.code}`;
  }
};

export default () => ({
  one: require(`${name}/plugins/one`),
  two: require(`${name}/plugins/two`)(),
  resolved: require.resolve(name),
  json: require(`${name}/data/table.json`).two,
  module: require(`${folder}/plugins/module.mjs`).name,
  typeless: require(`${folder}/plugins/typeless.js`).typeless,
  kind: require(name).kind,
  version: require(`${name}/package.json`).version,
  again: require(name) === require(`${folder}/index.js`),
  failures: {
    broken: failure(`${name}/plugins/broken`),
    native: failure(`${folder}/plugins/native.node`),
    typed: failure(`${folder}/plugins/typed.ts`),
    nope: failure(`${folder}/nope`),
    hidden: failure(`${name}/index.mjs`),
  },
});
