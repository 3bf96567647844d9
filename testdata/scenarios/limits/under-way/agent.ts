import { pbkdf2 } from 'node:crypto';
import { deflate } from 'node:zlib';

const turn = () => new Promise((resolve) => setTimeout(resolve, 0));

export default async (kind: string) => {
  for (let number = 0; number < 100; number++) {
    if (kind === 'timers') {
      clearTimeout(setTimeout(() => {}, 60_000));
      clearInterval(setInterval(() => {}, 60_000));
      await turn();
    } else {
      await crypto.subtle.digest('SHA-256', new Uint8Array(1));
      await new Promise((resolve) => deflate('x', resolve));
      await new Blob(['x']).arrayBuffer();
      await crypto.subtle.digest('none' as 'SHA-1', new Uint8Array(1)).catch(() => {});
    }
  }
  if (kind === 'too many timers') for (let number = 0; number < 6; number++) setTimeout(() => {}, 1);
  if (kind === 'too many operations') {
    // Slow enough not to be over before the next begins.
    const derive = () => new Promise((resolve) => pbkdf2('password', 'salt', 100_000, 32, 'sha512', resolve));
    await Promise.all([derive(), derive(), derive(), derive(), derive(), derive()]);
  }
  return 'done';
};
