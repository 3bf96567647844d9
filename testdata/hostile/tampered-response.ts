export default {
  fetch() {
    Response.prototype.arrayBuffer = (async () => new TextEncoder().encode('forged').buffer) as any;
    Response.prototype.text = async () => 'forged';
    Object.defineProperty(Response.prototype, 'status', { get: () => 599 });
    Object.defineProperty(Response.prototype, 'body', { get: () => null });
    return new Response('honest', { status: 202 });
  },
};
