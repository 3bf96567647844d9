export default {
  async fetch(request: Request) {
    const url = new URL(request.url);
    return Response.json({
      method: request.method,
      path: url.pathname,
      query: url.searchParams.get('q'),
      header: request.headers.get('x-test'),
      body: await request.text(),
    });
  },
};
