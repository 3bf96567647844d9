// Work on other threads that is never waited for.
import { pbkdf2 } from 'node:crypto';

export default () => {
  for (let number = 0; number < 1e9; number++) pbkdf2('x'.repeat(10_000), 'salt', 1000, 32, 'sha512', () => {});
};
