// A thousand more in every turn of the event loop, each slower than a turn.
import { pbkdf2 } from 'node:crypto';

export default async () => {
  for (;;) {
    for (let number = 0; number < 1000; number++) pbkdf2('password', 'salt', 1_000_000, 32, 'sha512', () => {});
    await new Promise((resolve) => setImmediate(resolve));
  }
};
