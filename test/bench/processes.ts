import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { usedBy } from './proc.ts';

/*
 * The processes that are measured. Each is its own, so that the generator's work shows in nobody else's figures, and each is
 * ended by its pid.
 */

export const root = resolve(import.meta.dirname, '../..');

/** The options with which an npm script of this project starts Node. */
function nodeOptionsOf(script: 'start' | 'reconcile'): string[] {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  return scripts[script]!.split('&& node ')[1]!.split(' ').filter((word) => word.startsWith('--'));
}

export interface Running {
  pid: number;
  url: string;
  /** From the start of the process until it said where it listens. */
  startedInMs: number;
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
const stopWithinMs = 15_000;

/** Ends everything at once; for when the bench itself ends early. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL');
}

export interface StartOptions {
  env?: Record<string, string>;
  nodeOptions?: string[];
}

/** The connector as it is installed: the built main file, told by environment and configuration file. */
export function startConnector(options: { databaseUrl?: string; configFile: string; workers: boolean; dataDir?: string; port?: number; profile?: string }): Promise<Running> {
  return start(join(root, 'dist/apps/connector/src/main.js'), {
    nodeOptions: [...nodeOptionsOf('start'), ...(options.profile ? ['--import', join(import.meta.dirname, 'profile.ts')] : [])],
    env: {
      ...(options.profile ? { BENCH_PROFILE: options.profile } : {}),
      ...(options.databaseUrl ? { DATABASE_URL: options.databaseUrl } : {}),
      ...(options.dataDir ? { DATA_DIR: options.dataDir } : {}),
      CONFIG_FILE: options.configFile,
      HOST: '127.0.0.1',
      PORT: String(options.port ?? 0),
      WORKERS: options.workers ? 'on' : 'off',
      LOG_LEVEL: 'info',
    },
  });
}

/** What stands for others' machines shares this one: it must not have four threads that collect garbage at once. */
const aside = ['--enable-source-maps', '--single-threaded-gc', '--max-semi-space-size=64'];

/** One of the small programs beside this file. */
export function startHelper(file: string, env: Record<string, string>, nodeOptions: string[] = []): Promise<Running> {
  return start(join(import.meta.dirname, file), { env, nodeOptions: [...aside, ...nodeOptions] });
}

export interface Ended {
  exitCode: number | null;
  output: string;
  seconds: number;
  cpuSeconds: number;
  peakBytes: number;
}

const sampleMs = 100;

/** One run of the reconciler, as `npm run reconcile -- --once --json` starts it. `tell` hears its progress; `signal` ends it as kill -9 does. */
export async function runReconciler(options: { databaseUrl: string; configFile: string; nodeOptions?: string[]; tell(line: string): void; signal?: AbortSignal }): Promise<Ended> {
  const begun = performance.now();
  const env = { ...process.env, DATABASE_URL: options.databaseUrl, CONFIG_FILE: options.configFile, LOG_LEVEL: 'warn' };
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...nodeOptionsOf('reconcile'), ...(options.nodeOptions ?? []), join(root, 'dist/apps/reconciler/src/main.js'), '--once', '--json'], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  options.signal?.addEventListener('abort', () => child.kill('SIGKILL'));
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => chunk.toString().split('\n').filter(Boolean).forEach(options.tell));
  let used = { cpuSeconds: NaN, peakBytes: NaN };
  // What is asked of a process that is gone is not known: the last answer counts.
  const timer = setInterval(() => void usedBy(child.pid!).then((now) => {
    if (now.peakBytes > 0) used = now;
  }), sampleMs);
  const exitCode = await new Promise<number | null>((resolved) => child.once('close', resolved));
  clearInterval(timer);
  running.delete(child);
  return { exitCode, output, seconds: (performance.now() - begun) / 1000, ...used };
}

async function start(file: string, { env = {}, nodeOptions = [] }: StartOptions): Promise<Running> {
  const begun = performance.now();
  const { DATABASE_URL: _database, CONFIG_FILE: _config, ...inherited } = process.env;
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', ...nodeOptions, file], { env: { ...inherited, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  const ended = new Promise<void>((resolved) => child.once('exit', () => resolved(void running.delete(child))));
  let said = '';
  const url = await new Promise<string>((resolved, failed) => {
    const hear = (chunk: Buffer) => {
      if (said.length < 10_000) said += chunk.toString();
      const found = /"url":"(http:[^"]+)"/.exec(said);
      if (found) resolved(found[1]!);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    void ended.then(() => failed(new Error(`${file} ended at start:\n${said}`)));
  });
  return {
    pid: child.pid!,
    url,
    startedInMs: performance.now() - begun,
    stop: async () => {
      child.kill('SIGTERM');
      if (await Promise.race([ended.then(() => false), wait(stopWithinMs, true, { ref: false })])) child.kill('SIGKILL');
      await ended;
    },
  };
}

/** What a process has used, as its own metrics say: the CPU of a server is the figure that a busy machine disturbs least. */
export async function usage(url: string): Promise<{ cpuSeconds: number; rssBytes: number }> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const value = (name: string) => Number(new RegExp(`^${name} (.+)$`, 'm').exec(text)?.[1] ?? NaN);
  return { cpuSeconds: value('process_cpu_seconds_total'), rssBytes: value('process_resident_memory_bytes') };
}

export function freePort(): Promise<number> {
  return new Promise((resolved, failed) => {
    const server = createServer().once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolved(port));
    });
  });
}
