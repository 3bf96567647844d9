// A property that is looked for through a million prototypes.
export default () => {
  let value: any = Object.create(null);
  for (let level = 0; level < 300_000; level++) value = Object.create(value);
  for (;;) 'nowhere' in value;
};
