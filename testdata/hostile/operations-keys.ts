export default () => {
  const algorithm = { name: 'RSA-OAEP', modulusLength: 4096, publicExponent: new Uint8Array([1, 0, 1]), hash: 'SHA-256' };
  for (;;) crypto.subtle.generateKey(algorithm, true, ['encrypt', 'decrypt']);
};
