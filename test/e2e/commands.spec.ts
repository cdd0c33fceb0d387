import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buildConnector } from '../support/connector-process.js';

const commands = ['explain', 'setup', 'replay', 'reconciler'] as const;
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
    expect(await run(command, ['--nonsense'], { leaves: ['stdout', 'stderr'] })).toMatchObject({ code: 2 });
  }, 60_000);
});
