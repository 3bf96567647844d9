export default () => {
  const text = `[${'{"key":[1,2,3]},'.repeat(200_000)}0]`;
  for (;;) JSON.parse(text);
};
