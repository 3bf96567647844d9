export default {
  async fetch(request: Request) {
    const bytes = new Uint8Array(await request.arrayBuffer());
    return new Response(`${request.method} ${request.headers.get('content-type')} ${[...bytes.slice(0, 4)]} ${bytes.length}`);
  },
};
