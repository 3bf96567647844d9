import v8 from 'node:v8';

export default () => {
  const value = new Map(Array.from({ length: 200_000 }, (_, index) => [index, { index }]));
  for (;;) v8.deserialize(v8.serialize(value));
};
