import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { buildConnector } from '../support/connector-process.js';
import { freshDatabase, type FreshDatabase } from '../support/database.js';
import { configFor } from '../support/running-connector.js';

const commands = ['connector', 'explain', 'setup', 'replay', 'reconciler'] as const;
const folder = mkdtempSync(join(tmpdir(), 'commands-e2e-'));
beforeAll(buildConnector, 240_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** `leaves`: whoever reads that is gone before anything is written. */
async function run(command: string, given: readonly string[], { env = {}, leaves = [] }: { env?: Record<string, string>; leaves?: readonly ('stdout' | 'stderr')[] } = {}): Promise<Ended> {
  const main = resolve(import.meta.dirname, `../../dist/apps/${command}/src/main.js`);
  const child = spawn(process.execPath, [main, ...given], { cwd: folder, env: { PATH: process.env['PATH'] ?? '', HOME: folder, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const written = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    if (leaves.includes(name)) child[name].destroy();
    else child[name].on('data', (chunk: Buffer) => (written[name] += chunk.toString()));
  }
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, ...written };
}

describe('a command whose reader has left, as `head` does', () => {
  it.each(commands)('%s ends as it would have', async (command) => {
    expect(await run(command, ['--help'], { leaves: ['stdout'] })).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(await run(command, ['--nonsense'], { leaves: ['stdout', 'stderr'] })).toMatchObject({ code: command === 'connector' ? 1 : 2 });
  }, 60_000);
});

it.each(commands)('%s answers --help with how it is used', async (command) => {
  const { code, stdout } = await run(command, ['--help']);
  expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(`npm ${{ connector: 'start', reconciler: 'run reconcile' }[command as string] ?? `run ${command}`}`) });
}, 60_000);

describe('where another process listens on the port', () => {
  const configured = { CONFIG_FILE: join(folder, 'connector.yaml') };
  let database: FreshDatabase;
  let other: Server;

  beforeAll(async () => {
    writeFileSync(configured.CONFIG_FILE, stringify(configFor('http://127.0.0.1:1', 'http://127.0.0.1:1')));
    database = await freshDatabase();
    other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
  });
  afterAll(async () => {
    other?.close();
    await database?.drop();
  });

  it.each([
    ['the connector', 'connector', configured, 1],
    ['the sandbox', 'connector', {}, 1],
    ['the reconciler', 'reconciler', configured, 2],
  ])('%s says which it is and what to do', async (_who, command, own, code) => {
    const { port } = other.address() as AddressInfo;
    const ended = await run(command, [], { env: { ...own, PORT: String(port), DATABASE_URL: database.url } });
    expect(ended.code).toBe(code);
    expect(ended.stderr).toMatch(new RegExp(`^ADDRESS_UNUSABLE: .*port ${port}: another process listens there\\.\nSet PORT`, 'm'));
    expect(ended.stderr).not.toContain('    at ');
  }, 60_000);
});
