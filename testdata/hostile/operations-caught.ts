// One that catches whatever comes.
import { pbkdf2 } from 'node:crypto';

export default async () => {
  for (;;) {
    try {
      for (;;) pbkdf2('password', 'salt', 1_000_000, 32, 'sha512', () => {});
    } catch {
      // Go on.
    } finally {
      await null;
    }
  }
};
