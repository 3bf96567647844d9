// Every way to a variable, a name or a number of the host's. The test knows what must not be among them.
import os from 'node:os';
import * as env from 'node:process';
import v8 from 'node:v8';
import { inspect } from 'node:util';
import { createRequire } from 'node:module';
import { getCACertificates } from 'node:tls';

const seen = {};
const attempt = (name, work) => {
  try {
    seen[name] = work();
  } catch (error) {
    seen[name] = `refused: ${error?.name ?? error}`;
  }
};

export default () => {
  attempt('process.env', () => ({ ...process.env }));
  attempt('keys', () => Object.keys(process.env));
  for (const name of ['HOIST_TEST_CANARY', 'AWS_SECRET_ACCESS_KEY', 'PATH', 'HOME', 'HOIST_CACHE', 'npm_config_registry', 'TMPDIR', 'USER']) {
    attempt(`env ${name}`, () => process.env[name]);
    attempt(`env of node:process ${name}`, () => env.env[name]);
    attempt(`Deno.env ${name}`, () => globalThis.Deno.env.get(name));
  }
  attempt('argv', () => process.argv);
  attempt('argv0', () => process.argv0);
  attempt('execArgv', () => process.execArgv);
  attempt('execPath', () => process.execPath);
  attempt('cwd', () => process.cwd());
  attempt('title', () => process.title);
  attempt('hostname', () => os.hostname());
  attempt('homedir', () => os.homedir());
  attempt('tmpdir', () => os.tmpdir());
  attempt('userInfo', () => os.userInfo());
  attempt('networkInterfaces', () => os.networkInterfaces());
  attempt('release', () => os.release());
  attempt('version', () => os.version());
  attempt('report', () => inspect(process.report?.getReport?.()));
  attempt('config', () => inspect(process.config));
  attempt('features', () => inspect(process.features));
  attempt('ids', () => [process.getuid?.(), process.getgid?.(), process.getgroups?.()]);
  attempt('require paths', () => createRequire('file:///hoist/x.js').resolve.paths('x'));
  attempt('v8', () => inspect(v8.getHeapStatistics()).length > 0);
  attempt('certificates', () => getCACertificates('extra'));
  attempt('the whole of process', () => inspect(process, { depth: 4, showHidden: true, getters: true }));
  attempt('the whole of globalThis', () => inspect(globalThis, { depth: 3, showHidden: true, getters: true }));
  attempt('error stacks', () => new Error('where').stack);
  attempt('native stacks', () => {
    try {
      Buffer.alloc(-1);
    } catch (error) {
      return error.stack;
    }
  });
  return seen;
};
