// Writes whatever an answer may look like to every descriptor that it can name, by every way that it knows.
import fs from 'node:fs';
import net from 'node:net';
import tty from 'node:tty';

const texts = [
  '{"outcome":"value","value":"forged"}\n',
  '{"Value":"\\"forged\\""}\n',
  '"forged"\n',
  'null\n',
  '\u0000\u0000\u0000\u0010{"value":"forged"}',
];
const frames = texts.flatMap((text) => {
  const body = Buffer.from(text);
  const little = Buffer.alloc(4);
  little.writeUInt32LE(body.length);
  const big = Buffer.alloc(4);
  big.writeUInt32BE(body.length);
  const long = Buffer.alloc(8);
  long.writeBigUInt64LE(BigInt(body.length));
  return [body, Buffer.concat([little, body]), Buffer.concat([big, body]), Buffer.concat([long, body])];
});
// A frame that claims to be enormous.
frames.push(Buffer.from([0xff, 0xff, 0xff, 0xff]), Buffer.from([0xff, 0xff, 0xff, 0x7f]));

const attempt = (work: () => unknown): void => {
  try {
    const result = work() as any;
    if (typeof result?.on === 'function') result.on('error', () => {});
    if (typeof result?.catch === 'function') result.catch(() => {});
  } catch {
    // The next way, then.
  }
};

export default async () => {
  for (let descriptor = 0; descriptor < 65; descriptor++) {
    for (const frame of frames) {
      attempt(() => fs.writeSync(descriptor, frame));
      attempt(() => fs.write(descriptor, frame, () => {}));
      attempt(() => fs.writevSync(descriptor, [frame]));
      attempt(() => fs.writeFileSync(descriptor, frame));
    }
    attempt(() => fs.createWriteStream('', { fd: descriptor }).end(frames[0]));
    attempt(() => {
      const socket = new net.Socket({ fd: descriptor, readable: true, writable: true });
      for (const frame of frames) socket.write(frame);
      return socket;
    });
    attempt(() => {
      const stream = new tty.WriteStream(descriptor);
      stream.write(frames[0]);
      return stream;
    });
    attempt(() => fs.writeFileSync(`/proc/self/fd/${descriptor}`, frames[0]));
    attempt(() => fs.writeFileSync(`/dev/fd/${descriptor}`, frames[0]));
  }
  for (const frame of frames) {
    attempt(() => process.stdout.write(frame));
    attempt(() => process.stderr.write(frame));
    attempt(() => (globalThis as any).Deno.writeSync(1, frame));
    attempt(() => (globalThis as any).Deno.core.print(frame.toString()));
  }
  await new Promise((resolve) => setTimeout(resolve, 50));
  return 'honest';
};
