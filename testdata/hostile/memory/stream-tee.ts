// One branch is read, the other keeps everything.
export default async () => {
  const source = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1 << 16).fill(1)) });
  const [read, kept] = source.tee();
  for await (const chunk of read) if (chunk.length === 0) return kept.locked;
};
