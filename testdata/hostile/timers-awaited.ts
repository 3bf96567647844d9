import { setTimeout as sleep } from 'node:timers/promises';

export default async () => {
  for (;;) {
    for (let number = 0; number < 1000; number++) void sleep(60_000);
    await sleep(0);
  }
};
