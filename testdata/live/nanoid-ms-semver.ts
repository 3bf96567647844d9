import { customAlphabet, nanoid } from 'npm:nanoid@5.0.9';
import ms from 'npm:ms@2.1.3';
import semver from 'npm:semver@7.6.3';
import pLimit from 'npm:p-limit@6.2.0';

export default async () => {
  let running = 0;
  let most = 0;
  const limit = pLimit(2);
  await Promise.all(
    [1, 2, 3, 4, 5].map(() =>
      limit(async () => {
        most = Math.max(most, ++running);
        await new Promise((resolve) => setTimeout(resolve, 1));
        running--;
      }),
    ),
  );
  return {
    lengths: [nanoid().length, customAlphabet('ab', 7)().replace(/[ab]/g, '').length],
    ms: [ms('2 days'), ms(60000, { long: true })],
    semver: [semver.satisfies('1.10.0', '^1.2'), semver.sort(['1.10.0', '1.2.0']), semver.inc('1.2.3', 'minor')],
    most,
  };
};
