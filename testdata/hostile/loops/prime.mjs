import { generatePrimeSync } from 'node:crypto';

export default () => {
  for (;;) generatePrimeSync(4096, { safe: true });
};
