const made = [new Request('http://localhost/a'), new Response('body'), new Headers({ a: 'b' }), new URL('http://localhost/b'),
  new FormData(), new Blob(['x']), new TextDecoder(), new AbortController(), new ReadableStream(), new EventTarget(),
  new CompressionStream('gzip'), new TextEncoder(), new File(['x'], 'name'), structuredClone(new Map([[1, 2]]))];
export const value = async () => `${made.length} ${await made[1].clone().text()} ${await made[5].text()}`;
