import { chunk, debounce, groupBy, merge, orderBy, sumBy, template } from 'npm:lodash-es@4.17.21';

export default () => {
  const people = [
    { name: 'Ada', team: 'a', score: 3 },
    { name: 'Bob', team: 'b', score: 5 },
    { name: 'Cyd', team: 'a', score: 4 },
  ];
  return {
    teams: groupBy(people, 'team'),
    total: sumBy(people, 'score'),
    order: orderBy(people, ['team', 'score'], ['asc', 'desc']).map((person) => person.name),
    chunks: chunk([1, 2, 3, 4, 5], 2),
    merged: merge({ a: { b: 1 } }, { a: { c: [2] } }),
    text: template('hello <%= name %>')({ name: 'world' }),
    debounce: typeof debounce(() => 1, 5).cancel,
  };
};
