export default () => {
  new ReadableStream({
    type: 'bytes',
    start(controller) {
      for (;;) controller.enqueue(new Uint8Array(1 << 16).fill(1));
    },
  });
};
