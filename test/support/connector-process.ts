import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import { tenant } from './running-connector.js';

const root = resolve(__dirname, '../..');

/** Compiles what is to be run, unless that is newer than its sources. */
export function buildConnector(): void {
  const builtAt = statSync(join(root, 'dist/.build.tsbuildinfo'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = ['apps', 'libs'].flatMap((folder) => readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts')).map((file) => join(root, folder, file)));
  if (sources.every((file) => statSync(file).mtimeMs < builtAt)) return;
  const built = spawnSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', join(root, 'tsconfig.build.json')], { cwd: root, encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`The connector does not compile:\n${built.stdout}`);
}

/** A connector as it runs in production: a process of its own, started again and again, ended at any moment. */
export class ConnectorProcess {
  private child: ChildProcess | undefined;
  private readonly folder = mkdtempSync(join(tmpdir(), 'connector-e2e-'));
  private address = '';
  /** All it ever wrote, over all its lives. */
  readonly written: string[] = [];
  starts = 0;

  constructor(
    config: Record<string, unknown>,
    private readonly environment: Record<string, string>,
  ) {
    writeFileSync(join(this.folder, 'connector.yaml'), stringify(config));
  }

  /** Where it listens; empty until it first did. A process started again listens elsewhere. */
  get url(): string {
    return this.address;
  }

  get hook(): string {
    return `${this.address}/api/${tenant}/webhooks/listeners/wallet-crew`;
  }

  async start(): Promise<void> {
    const child = spawn(process.execPath, [join(root, 'dist/apps/connector/src/main.js')], {
      cwd: this.folder,
      // Nothing of Jest's own environment: the process must not find the sources instead of what was built.
      env: { PATH: process.env['PATH'] ?? '', HOME: this.folder, PORT: '0', CONFIG_FILE: join(this.folder, 'connector.yaml'), ...this.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    // Nobody else would end it when the test run itself is cut short.
    const end = () => child.kill('SIGKILL');
    process.once('exit', end);
    child.once('exit', () => process.off('exit', end));
    this.starts++;
    await new Promise<void>((listening, failed) => {
      const read = (chunk: Buffer) => {
        this.written.push(chunk.toString());
        const url = /"url":"([^"]+)"/.exec(chunk.toString())?.[1];
        if (!url) return;
        this.address = url;
        listening();
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      // A process that is killed before it listens has started too.
      child.once('exit', (code, signal) => (signal ? listening() : failed(new Error(`The connector ended with ${code}: ${this.written.slice(-5).join('')}`))));
    });
  }

  /** `kill -9`: no handler runs, nothing is finished. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** What Kubernetes does first. Resolves with how the process ended and after how long. */
  async terminate(): Promise<{ code: number | null; signal: NodeJS.Signals | null; ms: number }> {
    return this.end('SIGTERM');
  }

  async dispose(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async end(by: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null; ms: number }> {
    const child = this.child;
    const begun = performance.now();
    if (child && child.exitCode === null && child.signalCode === null) {
      const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
      child.kill(by);
      await ended;
    }
    return { code: child?.exitCode ?? null, signal: child?.signalCode ?? null, ms: performance.now() - begun };
  }
}
