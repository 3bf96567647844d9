export default async () => {
  const request = new Request('https://example.invalid/a?b=1', { method: 'POST', body: JSON.stringify({ c: 2 }) });
  const form = new FormData();
  form.set('file', new Blob(['text'], { type: 'text/plain' }), 'a.txt');
  const key = await crypto.subtle.importKey('raw', new TextEncoder().encode('key'), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const signature = new Uint8Array(await crypto.subtle.sign('HMAC', key, new TextEncoder().encode('data')));
  const stream = new Blob(['compressed '.repeat(100)]).stream().pipeThrough(new CompressionStream('gzip'));
  const packed = await new Response(stream).arrayBuffer();
  const unpacked = await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))).text();
  const controller = new AbortController();
  controller.abort(new Error('stop'));
  const { port1, port2 } = new MessageChannel();
  const message = new Promise((resolve) => (port2.onmessage = (event) => resolve(event.data)));
  port1.postMessage({ clone: new Map([[1, new Date(0)]]) });
  const received: any = await message;
  port1.close();
  port2.close();
  return {
    url: new URL('../x?y=é', 'https://a.invalid/b/c/').href,
    body: await request.json(),
    headers: [...new Headers({ B: '2', a: '1' })],
    file: await (form.get('file') as File).text(),
    signature: btoa(String.fromCharCode(...signature)).slice(0, 12),
    unpacked: unpacked.length,
    aborted: controller.signal.reason.message,
    received: received.clone.get(1).toISOString(),
    cloned: structuredClone({ a: [1n] }).a[0] === 1n,
    params: new URLSearchParams({ a: 'b c' }).toString(),
    pattern: typeof URLPattern,
    random: crypto.getRandomValues(new Uint8Array(4)).length,
    performance: typeof performance.now(),
    decoded: new TextDecoder('utf-16le').decode(new Uint8Array([104, 0, 105, 0])),
    response: (await Response.json({ ok: true }, { status: 418 })).status,
    event: await new Promise((resolve) => {
      const target = new EventTarget();
      target.addEventListener('x', (event) => resolve(event.type));
      target.dispatchEvent(new Event('x'));
    }),
  };
};
