export default {
  fetch() {
    const headers = new Headers();
    for (let number = 0; number < 200; number++) headers.set(`x-${number}`, 'y'.repeat(20_000));
    return new Response('small', { headers });
  },
};
