import { digest, roundTrip, joined, inspected, isBuffer } from 'bare-builtins';
import { run } from 'context-user';
export default async () => [digest('abc').slice(0, 8), roundTrip('text'), joined, inspected, isBuffer, await Promise.all([run('x'), run('y')])];
