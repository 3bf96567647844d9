export default { fetch: () => new Response('x'.repeat(2 << 20)) };
