import speaks from 'speaks';
const from = async (name: string) => (await import(name)).default;
const failed = (name: string) => from(name).catch((error) => error.code ?? error.name);
export default async () => [
  (await from('speaks/language/es.mjs')) === speaks, (await from('spea' + 'ks')) === speaks, speaks.languages(), speaks.made(),
  typeof (await from('no' + 'de:fs')).readFileSync, await failed('./not' + 'there.js') !== undefined,
];
