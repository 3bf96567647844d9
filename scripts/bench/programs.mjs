// The programs that are measured: for each set of packages the entry of a whole bundle, and user code of some 300 lines
// of TypeScript that is new each time and uses the packages.

export const sets = {
  'hono, zod': {
    packages: ['hono', 'zod'],
    imports: `import { Hono } from "hono";\nimport { z } from "zod";`,
    use: (n) => `
  const app = new Hono();
  const Body = z.object({ id: z.number(), name: z.string().min(1), tags: z.array(z.string()).default([]) });
  app.post("/items/:id", async (c) => c.json(Body.parse(await c.req.json())));
  const sent = await app.request("/items/${n}", { method: "POST", body: JSON.stringify({ id: ${n}, name: "n${n}" }) });
  const body = (await sent.json()) as Item;
  total += body.id;`,
  },
  'lodash-es': {
    packages: ['lodash-es'],
    imports: `import { chunk, groupBy, sortBy, sumBy } from "lodash-es";`,
    use: (n) => `
  const groups = groupBy(items, (item) => item.id % 3);
  total += sumBy(sortBy(items, "name"), "id") + chunk(items, 2).length + Object.keys(groups).length + ${n};`,
  },
  'react-dom/server': {
    packages: ['react', 'react-dom'],
    imports: `import { createElement } from "react";\nimport { renderToString } from "react-dom/server";`,
    use: (n) => `
  const List = (props: { items: Item[] }) => createElement("ul", null, props.items.map((item) => createElement("li", { key: item.id }, item.name)));
  total += renderToString(createElement(List, { items })).length + ${n};`,
  },
  mathjs: {
    packages: ['mathjs'],
    imports: `import { evaluate, matrix, multiply } from "mathjs";`,
    use: (n) => `
  const product = multiply(matrix([[1, 2], [3, 4]]), matrix([[${n}, 0], [0, 1]]));
  total += evaluate("2 * 3 + ${n}") + product.get([0, 0]);`,
  },
};

/** The entry of a whole bundle: everything that the set exports is kept. */
export function wholeEntry(set, number) {
  const names = set.packages.includes('react-dom') ? ['react', 'react-dom/server'] : set.packages;
  const imports = names.map((name, index) => `import * as ns${index} from ${JSON.stringify(name)};`);
  return `${imports.join('\n')}\nexport default [${names.map((_, index) => `ns${index}`).join(', ')}].map((it) => Object.keys(it).length);\n// ${number}\n`;
}

/** User code that nobody has seen before. */
export function userCode(set, number) {
  const helpers = Array.from({ length: 35 }, (_, index) => helper(number, index));
  return `${set.imports}

interface Item {
  id: number;
  name: string;
}

enum Kind {
  Even = "even${number}",
  Odd = "odd${number}",
}

${helpers.join('\n')}
export default async function main(): Promise<number> {
  const items: Item[] = [3, 1, 2].map((id) => ({ id, name: \`item \${id}\` }));
  let total = ${helpers.map((_, index) => `step${index}(items)`).join(' + ')};${set.use(number)}
  return total;
}
`;
}

const helper = (number, index) => `/** Step ${index} of program ${number}. */
function step${index}(items: readonly Item[]): number {
  const kinds = new Map<Kind, Item[]>();
  for (const item of items) {
    const kind: Kind = item.id % 2 === 0 ? Kind.Even : Kind.Odd;
    kinds.set(kind, [...(kinds.get(kind) ?? []), { ...item, id: item.id + ${index} }]);
  }
  return (kinds.get(Kind.Odd)?.length ?? 0) * ${(number % 97) + index};
}`;
