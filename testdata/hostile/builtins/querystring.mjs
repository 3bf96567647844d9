import querystring from 'node:querystring';

export default () => {
  const text = 'a=%41&'.repeat(500_000);
  for (;;) querystring.parse(text, '&', '=', { maxKeys: 0 });
};
