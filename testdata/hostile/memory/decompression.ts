// A few kilobytes that unpack to gigabytes.
export default async () => {
  const zeros = new ReadableStream({
    start(controller) {
      for (let number = 0; number < 256; number++) controller.enqueue(new Uint8Array(1 << 16));
      controller.close();
    },
  });
  const packed = await new Response(zeros.pipeThrough(new CompressionStream('gzip'))).bytes();
  const kept: Uint8Array[] = [];
  for (;;) kept.push(await new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'))).bytes());
};
