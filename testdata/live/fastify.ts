import Fastify from 'npm:fastify@5.2.1';

export default async () => {
  const app = Fastify();
  app.addHook('onRequest', async (request: any) => {
    request.seen = 'hook';
  });
  app.post(
    '/sum/:name',
    { schema: { body: { type: 'object', properties: { numbers: { type: 'array', items: { type: 'number' } } }, required: ['numbers'] } } },
    async (request: any) => ({ name: request.params.name, seen: request.seen, sum: request.body.numbers.reduce((a: number, b: number) => a + b, 0) }),
  );
  app.get('/fails', async () => {
    throw new Error('on purpose');
  });
  const good = await app.inject({ method: 'POST', url: '/sum/ada', payload: { numbers: [1, 2, 3.5] } });
  const bad = await app.inject({ method: 'POST', url: '/sum/ada', payload: { numbers: 'x' } });
  const fails = await app.inject('/fails');
  const missing = await app.inject('/nowhere');
  await app.close();
  return [good, bad, fails, missing].map((response) => [response.statusCode, response.json()]);
};
