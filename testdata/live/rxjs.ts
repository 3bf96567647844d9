import { from, interval, lastValueFrom, merge } from 'npm:rxjs@7.8.1';
import { bufferCount, map, scan, take, toArray } from 'npm:rxjs@7.8.1/operators';

export default async () => {
  const sums = await lastValueFrom(from([1, 2, 3, 4]).pipe(scan((sum, value) => sum + value, 0), toArray()));
  const ticks = await lastValueFrom(merge(interval(2).pipe(take(2)), from(['a', 'b'])).pipe(map(String), bufferCount(4)));
  return { sums, ticks };
};
