import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildConnector } from '../support/connector-process.js';

const root = resolve(__dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'plugin-package-'));
const [made, example] = [join(folder, 'fav-store'), join(folder, 'store-lists')];
afterAll(() => rmSync(folder, { recursive: true }));

/** As somebody at a terminal would, who knows nothing of this run's own npm. */
function npm(cwd: string, ...args: string[]): string {
  const own = /^npm_(?!config_(registry|cache|userconfig|globalconfig|noproxy|.*proxy)$)|^INIT_CWD$|^NODE_OPTIONS$/;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !own.test(name)));
  const { status, stdout, stderr } = spawnSync('npm', args, { cwd, env, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm ${args.join(' ')} ended with ${status}:\n${stdout}\n${stderr}`);
  return stdout;
}

describe('the author of a plugin', () => {
  beforeAll(() => {
    buildConnector();
    npm(root, 'run', '--silent', 'new:plugin', '--', '@acme/fav-store', made);
    npm(made, 'install', '--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error');
  }, 300_000);

  it('gets a package that compiles and whose tests pass against the whole connector, all of it installed from a tarball', () => {
    const said = npm(made, 'test');
    expect(said).toMatch(/✔ reaches Klaviyo/);
    expect(said).toMatch(/pass 4\n.*fail 0/);
    expect(existsSync(join(made, 'dist/index.d.ts'))).toBe(false);
  }, 180_000);

  it('installs nothing but what runs: no sources, no tests, no configuration', () => {
    expect(readdirSync(join(made, 'node_modules/wallet-crew-klaviyo-connector')).filter((name) => name !== 'node_modules').toSorted()).toEqual(['README.md', 'dist', 'docs', 'package.json']);
    expect(readdirSync(join(made, 'node_modules/wallet-crew-klaviyo-connector/dist'), { recursive: true, encoding: 'utf8' }).filter((name) => /\.(map|tsbuildinfo)$|\.spec\./.test(name))).toEqual([]);
  });

  it('finds an example that works as it stands', () => {
    cpSync(join(root, 'docs/examples/store-lists'), example, { recursive: true, filter: (path) => !/node_modules|dist/.test(path.slice(root.length)) });
    symlinkSync(join(made, 'node_modules'), join(example, 'node_modules'), 'dir');
    expect(npm(example, 'test')).toMatch(/✔ a customer who said yes is on the list of store and language, and on no other/);
  }, 180_000);

  it('is not given a folder that holds something already', () => {
    expect(() => npm(root, 'run', '--silent', 'new:plugin', '--', 'fav-store', made)).toThrow('is not empty');
  });

  it.each(['', '../fav'])('is told what a name is made of: "%s"', (name) => {
    expect(() => npm(root, 'run', '--silent', 'new:plugin', '--', name, join(folder, 'never'))).toThrow('a name is made of small letters');
    expect(existsSync(join(folder, 'never'))).toBe(false);
  });
});
