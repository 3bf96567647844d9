import fs from 'node:fs';
import { mkdtemp, rm, cp, writeFile, utimes, chmod } from 'node:fs/promises';
import os from 'node:os';
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import 'reads-itself';

const code = (work) => {
  try {
    work();
    return 'done';
  } catch (error) {
    return error.code ?? error.name;
  }
};

export default async () => {
  const folder = await mkdtemp('/tmp/work-');
  const at = (path) => `${folder}/${path}`;
  fs.mkdirSync(at('a/b'), { recursive: true });
  await writeFile(at('a/b/c.txt'), 'hello');
  fs.appendFileSync(at('a/b/c.txt'), ', world');
  fs.mkdirSync(at('made'));
  const tree = fs.readdirSync(folder, { recursive: true }).sort();
  const text = fs.readFileSync(at('a/b/c.txt'), 'utf8');
  const notEmpty = code(() => fs.rmdirSync(at('a')));
  fs.renameSync(at('a/b'), at('z'));
  fs.copyFileSync('/hoist/node_modules/reads-itself/index.js', at('copied.js'));
  await cp('/hoist/node_modules/reads-itself', at('whole'), { recursive: true });
  await chmod(at('copied.js'), 0o600);
  await utimes(at('copied.js'), 1, 2);
  const stat = fs.statSync(at('copied.js'));
  await pipeline(Readable.from(['stre', 'amed']), fs.createWriteStream(at('stream')));
  const result = {
    text,
    tree,
    renamed: fs.readdirSync(at('z')),
    copied: fs.readFileSync(at('whole/index.js'), 'utf8').slice(0, 12),
    mode: stat.mode.toString(8),
    times: [stat.atimeMs, stat.mtimeMs],
    stream: fs.readFileSync(at('stream'), 'utf8'),
    codes: {
      hoist: code(() => fs.writeFileSync('/hoist/new', 'x')),
      hoistFolder: code(() => fs.mkdirSync('/hoist/new')),
      unlink: code(() => fs.unlinkSync('/hoist/agent.mjs')),
      etc: code(() => fs.writeFileSync('/etc/new', 'x')),
      link: code(() => fs.linkSync(at('stream'), at('linked'))),
      symlink: code(() => fs.symlinkSync('/etc', at('linked'))),
      exclusive: code(() => fs.writeFileSync(at('stream'), 'x', { flag: 'wx' })),
      notEmpty,
    },
    tmpdir: os.tmpdir(),
  };
  await rm(folder, { recursive: true });
  result.after = fs.readdirSync('/tmp');
  const before = process.cwd();
  process.chdir('/tmp');
  fs.writeFileSync('relative', 'x');
  result.cwd = [before, process.cwd(), fs.readdirSync('.')[0]];
  return result;
};
