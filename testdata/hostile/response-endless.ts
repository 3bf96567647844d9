export default {
  fetch: () =>
    new Response(
      new ReadableStream({
        pull(controller) {
          controller.enqueue(new Uint8Array(65536));
        },
      }),
    ),
};
