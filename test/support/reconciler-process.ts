import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { stringify } from 'yaml';
import type { Report } from '#core';

const main = resolve(__dirname, '../../dist/apps/reconciler/src/main.js');

export interface ReconcilerEnd {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** The reconciler as a CronJob starts it: a process of its own, again and again. */
export class Reconciler {
  private readonly folder = mkdtempSync(join(tmpdir(), 'reconciler-e2e-'));
  private child: ChildProcess | undefined;

  constructor(
    config: Record<string, unknown>,
    private readonly environment: Record<string, string>,
  ) {
    writeFileSync(join(this.folder, 'connector.yaml'), stringify(config));
  }

  /** `said` hears what it writes to standard error. */
  run(args: readonly string[], said: (text: string) => void = () => {}): Promise<ReconcilerEnd> {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: this.folder,
      env: { PATH: process.env['PATH'] ?? '', HOME: this.folder, PORT: '0', CONFIG_FILE: join(this.folder, 'connector.yaml'), ...this.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    const end = () => child.kill('SIGKILL');
    process.once('exit', end);
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => {
      stderr += chunk.toString();
      said(chunk.toString());
    });
    return new Promise((resolve) =>
      child.once('close', (code, signal) => {
        process.off('exit', end);
        resolve({ code, signal, stdout, stderr });
      }),
    );
  }

  /** One run to its end, with its report. */
  async report(...args: string[]): Promise<Report> {
    const { code, stdout, stderr } = await this.run(['--once', '--json', ...args]);
    if (code !== 0) throw new Error(`The reconciler ended with ${code}: ${stderr.slice(-2000)}`);
    return (JSON.parse(stdout) as { report: Report }).report;
  }

  end(signal: NodeJS.Signals): void {
    this.child?.kill(signal);
  }

  dispose(): void {
    this.end('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** What was found, by kind; kinds of which there is nothing are left out. */
export function foundIn({ drift }: Report): Record<string, number> {
  return Object.fromEntries(drift.filter(({ found }) => found > 0).map(({ kind, found }) => [kind, found]));
}

export function leftIn({ drift }: Report): Record<string, number> {
  return Object.fromEntries(drift.filter(({ left }) => left > 0).map(({ kind, left }) => [kind, left]));
}
