export default {
  async fetch(request: Request) {
    const { name } = await request.json();
    return new Response(`<p>${name}</p>`, { status: 201, headers: { 'content-type': 'text/html', 'x-one': '1' } });
  },
};
