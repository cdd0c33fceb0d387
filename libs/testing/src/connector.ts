import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { stringify } from 'yaml';

const stopWithinMs = 15_000;

/** The connector as it runs in production, in a process of its own and with a database of its own. */
export class Connector {
  private constructor(
    readonly url: string,
    /** Every line it has logged so far. */
    readonly logs: string[],
    private readonly child: ChildProcess,
    private readonly folder: string,
  ) {}

  static async start(config: object): Promise<Connector> {
    const folder = mkdtempSync(join(tmpdir(), 'connector-'));
    const configFile = join(folder, 'connector.yaml');
    writeFileSync(configFile, stringify(config));
    // Plugins that are packages are found as the test itself would find them.
    if (existsSync('node_modules')) symlinkSync(resolve('node_modules'), join(folder, 'node_modules'), 'dir');
    const child = spawn(process.execPath, [program()], { cwd: folder, env: { CONFIG_FILE: configFile, DATA_DIR: join(folder, 'data'), PORT: '0' }, stdio: ['ignore', 'pipe', 'pipe'] });
    // Nobody else would end it when the tests themselves are cut short.
    const end = () => child.kill('SIGKILL');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    const logs: string[] = [];
    try {
      return new Connector(await listening(child, logs), logs, child, folder);
    } catch (error) {
      await remove(folder);
      throw error;
    }
  }

  async stop(): Promise<void> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      const ended = new Promise((resolve) => this.child.once('exit', resolve));
      this.child.kill('SIGTERM');
      const late = setTimeout(() => this.child.kill('SIGKILL'), stopWithinMs);
      await ended;
      clearTimeout(late);
    }
    await remove(this.folder);
  }
}

/** The database stops a moment after its last user, and takes its sign of life away last. */
async function remove(folder: string): Promise<void> {
  for (const endsAt = Date.now() + stopWithinMs; existsSync(join(folder, 'data/postgres/alive')) && Date.now() < endsAt; ) await wait(20);
  rmSync(folder, { recursive: true, force: true });
}

/** Only what was compiled is started, from the sources of this library too. */
function program(): string {
  let root = import.meta.dirname;
  while (!existsSync(join(root, 'package.json'))) root = dirname(root);
  return join(root, 'dist/apps/connector/src/main.js');
}

function listening(child: ChildProcess, logs: string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    let heard = '';
    child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      const lines = (heard + text).split('\n');
      heard = lines.pop()!;
      logs.push(...lines);
      const url = lines.map((line) => /"url":"(http[^"]+)"/.exec(line)?.[1]).find((found) => found !== undefined);
      if (url) resolve(url);
    });
    let complaint = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (complaint += text));
    child.once('close', (code) => reject(new Error(`The connector did not start (${code}). ${complaint || logs.slice(-5).join('\n')}`)));
  });
}
