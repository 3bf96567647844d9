import counted, { count, increment as more, receiver } from 'live-binding';
import * as binding from 'live-binding';
import one from 'majors@1.2.0';
import { version as two } from 'majors@2';
import { isEven } from 'circular-esm';
import settled from 'top-level-await';
import counter, { next } from 'counter';
import { describe, type Shape } from './shape';

interface Seen {
  before: number;
  after: number[];
}

export default async (): Promise<unknown> => {
  const seen: Seen = { before: count, after: [] };
  more()
  more()
  seen.after.push(count, binding.count, counted());
  const { version } = await import('majors@1.2.0');
  const shape: Shape = { count };
  return [
    seen, receiver(), Object.keys(binding).sort(), one.version, version, two, isEven(10), settled, next(), counter.next(),
    describe(shape),
  ];
};
