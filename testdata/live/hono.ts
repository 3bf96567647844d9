import { Hono } from 'npm:hono@4.7.0';
import { cors } from 'npm:hono@4.7.0/cors';
import { zValidator } from 'npm:@hono/zod-validator@0.4.3';
import { z } from 'npm:zod@3.25.76';

const app = new Hono();
app.use(cors());
app.post('/orders/:id', zValidator('json', z.object({ quantity: z.number().int().positive() })), (context) => {
  const { quantity } = context.req.valid('json');
  return context.json({ id: context.req.param('id'), quantity, total: quantity * 2.5 }, 201);
});
app.notFound((context) => context.text(`nothing at ${context.req.path}`, 404));

export default async () => {
  const send = async (path: string, body: unknown) => {
    const response = await app.request(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json' } });
    const text = await response.text();
    return { status: response.status, cors: response.headers.get('access-control-allow-origin'), text: response.status === 400 ? JSON.parse(text).success : text };
  };
  return [await send('/orders/7', { quantity: 3 }), await send('/orders/7', { quantity: -1 }), await send('/other', {})];
};
