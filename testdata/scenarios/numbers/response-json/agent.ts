export default { fetch: async (request: Request) => Response.json({ got: await request.json(), half: 0.5 }) };
