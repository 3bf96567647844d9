export default {
  fetch() {
    const parts = ['one ', 'two ', 'three'];
    const stream = new ReadableStream({
      async pull(controller) {
        await null;
        const part = parts.shift();
        if (part === undefined) controller.close();
        else controller.enqueue(new TextEncoder().encode(part));
      },
    });
    return new Response(stream);
  },
};
