// Processor time on other threads than the program's.
import { pbkdf2 } from 'node:crypto';

export default async () => {
  for (;;) {
    const jobs = Array.from({ length: 8 }, (_, index) => {
      return new Promise((resolve) => pbkdf2(`password ${index}`, 'salt', 500_000, 32, 'sha512', resolve));
    });
    await Promise.all(jobs);
  }
};
