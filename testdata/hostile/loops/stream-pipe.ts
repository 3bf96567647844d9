// A stream that feeds itself.
export default async () => {
  const source = new ReadableStream({ pull: (controller) => controller.enqueue(new Uint8Array(1)) });
  await source.pipeThrough(new TransformStream()).pipeTo(new WritableStream());
};
