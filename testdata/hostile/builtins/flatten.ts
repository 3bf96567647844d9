// A rope of a million strings is made flat, again and again.
export default () => {
  for (;;) {
    let rope = '';
    for (let number = 0; number < 1_000_000; number++) rope += 'part';
    rope.charCodeAt(0);
  }
};
