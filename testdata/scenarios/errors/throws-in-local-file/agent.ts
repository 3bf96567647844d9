import { fail } from './lib/fail.ts';
export default async () => {
  await fail();
};
