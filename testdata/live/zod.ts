import { z } from 'npm:zod@3.25.76';
import * as z4 from 'npm:zod@3.25.76/v4';

const User = z.object({ name: z.string().min(2), age: z.coerce.number().int(), tags: z.array(z.enum(['a', 'b'])).default([]) });

export default () => {
  const failed = User.safeParse({ name: 'A', age: 'x', tags: ['c'] });
  const v4 = z4.object({ email: z4.email() }).safeParse({ email: 'nobody' });
  return {
    parsed: User.parse({ name: 'Ada', age: '36' }),
    issues: failed.error?.issues.map((issue) => [issue.path.join('.'), issue.code, issue.message]),
    v4: v4.error?.issues.map((issue) => [issue.code, issue.message]),
    schema: z4.toJSONSchema(z4.object({ a: z4.string().optional(), b: z4.number() })),
  };
};
