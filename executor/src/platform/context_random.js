// Makes the Math.random of a context of node:vm: the generator of bootstrap.js with a state of its own. Nothing in it is
// looked up by a name, which the context's sandbox could answer.
((multiply, first, second, third, fourth) => {
  const rotateLeft = (value, bits) => (value << bits) | (value >>> (32 - bits));
  const drawBits = () => {
    const before = second;
    const drawn = multiply(rotateLeft(multiply(before, 5), 7), 9) >>> 0;
    third ^= first;
    fourth ^= before;
    second ^= third;
    first ^= fourth;
    third ^= before << 9;
    fourth = rotateLeft(fourth, 11);
    return drawn;
  };
  return {
    random() {
      return ((drawBits() >>> 5) * 67108864 + (drawBits() >>> 6)) / 9007199254740992;
    },
  }.random;
});
