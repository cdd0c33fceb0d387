import { spawn, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import type { ErrorCode, HookAnswer, HookName } from '#core';
import type { FromIsolate, ToIsolate } from '#isolate';
import { isMap } from '../is-map.js';
import { connectorRoot, readableBy, type FoundPlugin } from './find-plugin.js';
import { sacrificeFirst, usageOf, type Usage } from './usage.js';

/** Only what was compiled runs in an isolate, from the tests too. */
const program = join(connectorRoot, 'dist/libs/isolate/src/main.js');
const lookEveryMs = 20;
/** How often the memory is looked at of a plugin that always answers before the first look. */
const weighEveryMs = 100;
/** How long an isolate may give no sign while it does not use the processor either: it waits for something, or the machine is busy. */
const silenceMs = 2_000;
/** Node itself, its young heap and the code, beside the heap that `memoryMb` limits. */
const besidesHeapMb = 64;
const longestLine = 4_000_000;

export interface IsolateLimits {
  memoryMb: number;
  /** How long its program may take to load. */
  loadMs: number;
}

/** Why an isolate ended. */
export interface Death {
  code: ErrorCode;
  words: string;
}

/** How long each answer may take, and how many are expected. */
interface Awaited {
  answers: FromIsolate[];
  want: number;
  /** Answers of a hook are expected, and nothing else. */
  isAsk: boolean;
  perAnswerMs: number;
  done: () => void;
  watch: NodeJS.Timeout;
  /** When the last sign came, and what had been used by then. */
  sign: { answers: number; at: number; usage: Usage | undefined };
}

/** One process in which one plugin of one tenant runs. It is asked one thing at a time. */
export class Isolate {
  private readonly child: ChildProcess;
  private heard = '';
  private awaited: Awaited | undefined;
  private end: Death | undefined;
  private killedFor: Death | undefined;
  private weighedAt = performance.now();
  private readonly ended: Promise<void>;

  constructor(
    private readonly found: FoundPlugin,
    private readonly limits: IsolateLimits,
  ) {
    const memory = [`--max-old-space-size=${limits.memoryMb}`, '--max-semi-space-size=4'];
    const rights = ['--permission', ...readableBy(found.folder).map((path) => `--allow-fs-read=${path}`)];
    // Its own words, if any, go nowhere: they might be personal data. It finds no variable of ours, and so no secret.
    this.child = spawn(process.execPath, [...memory, ...rights, '--no-warnings', program], { env: {}, cwd: found.folder, stdio: ['ignore', 'ignore', 'ignore', 'pipe', 'pipe'], windowsHide: true });
    this.ended = new Promise((resolve) => {
      this.child.once('error', () => this.die({ code: 'PLUGIN_FAILED', words: 'Its process could not be started.' }, resolve));
      // Not "exit": what it answered before may still be on the way.
      this.child.once('close', (code, signal) => this.die(this.killedFor ?? deathBy(code, signal), resolve));
    });
    // The isolates of a process are no reason for it to stay.
    this.child.unref();
    for (const stream of this.streams) (stream as unknown as { unref(): void }).unref();
    if (this.child.pid !== undefined) sacrificeFirst(this.child.pid);
    this.toIsolate.on('error', () => {});
    this.fromIsolate.setEncoding('utf8').on('error', () => {}).on('data', (text: string) => this.hear(text));
  }

  get isDead(): boolean {
    return this.end !== undefined;
  }

  async load(): Promise<FromIsolate | Death> {
    return this.one({ load: { use: this.found.use, base: this.found.base, folder: this.found.folder } });
  }

  async settings(plain: Record<string, unknown>): Promise<FromIsolate | Death> {
    return this.one({ settings: plain });
  }

  /** Answers from the first input on; fewer than inputs when the isolate died at one, or as many when it had to end afterwards. */
  async ask(hook: HookName, inputs: readonly unknown[], timeoutMs: number): Promise<{ answers: HookAnswer[]; death?: Death }> {
    const { answers, death } = await this.exchange({ ask: { hook, timeoutMs, inputs } }, inputs.length, timeoutMs);
    return { answers: answers.flatMap((message) => ('answer' in message ? [message.answer] : [])), ...(death ? { death } : {}) };
  }

  async kill(): Promise<void> {
    this.child.ref();
    this.child.kill('SIGKILL');
    await this.ended;
  }

  private async one(message: ToIsolate): Promise<FromIsolate | Death> {
    const { answers: [answer], death } = await this.exchange(message, 1, this.limits.loadMs);
    return answer ?? death!;
  }

  private async exchange(message: ToIsolate, want: number, perAnswerMs: number): Promise<{ answers: FromIsolate[]; death?: Death }> {
    const answers: FromIsolate[] = [];
    if (!this.end && want > 0) {
      await new Promise<void>((done) => {
        // The first look is the first that measures: what is answered before is not measured at all.
        const watch = setInterval(() => this.look(), lookEveryMs);
        this.awaited = { answers, want, isAsk: 'ask' in message, perAnswerMs, done, watch, sign: { answers: -1, at: 0, usage: undefined } };
        this.toIsolate.write(`${JSON.stringify(message)}\n`);
      });
      clearInterval(this.awaited?.watch);
      this.awaited = undefined;
      await this.weigh();
    }
    return { answers, ...(this.end ? { death: this.end } : {}) };
  }

  private async weigh(): Promise<void> {
    const { pid } = this.child;
    if (this.end || pid === undefined || performance.now() - this.weighedAt < weighEveryMs) return;
    this.weighedAt = performance.now();
    if (!this.isTooHeavy(usageOf(pid))) return;
    this.endFor(outOfMemory);
    await this.ended;
  }

  private isTooHeavy(usage: Usage | undefined): boolean {
    return usage !== undefined && usage.privateMb > this.limits.memoryMb + besidesHeapMb;
  }

  private hear(text: string): void {
    const lines = (this.heard + text).split('\n');
    this.heard = lines.pop()!;
    if (this.heard.length > longestLine) return this.endFor({ code: 'PLUGIN_ANSWER_UNUSABLE', words: 'It returned more than can be read.' });
    const { awaited } = this;
    for (const line of lines) {
      const message = read(line);
      // Whatever a plugin may write by itself, or make of our own program in its process, is no answer.
      if (!message || ('answer' in message) !== (awaited?.isAsk ?? 'answer' in message)) return this.endFor({ code: 'PLUGIN_FAILED', words: 'It wrote where only answers belong.' });
      if (awaited && awaited.answers.length < awaited.want) awaited.answers.push(message);
    }
    if (awaited && awaited.answers.length === awaited.want) awaited.done();
  }

  /** Once what has already arrived was heard: that we were busy ourselves is not the plugin's fault. */
  private look(): void {
    setImmediate(() => {
      const { awaited } = this;
      const { pid } = this.child;
      if (!awaited || pid === undefined) return;
      const at = performance.now();
      const usage = usageOf(pid);
      if (this.isTooHeavy(usage)) return this.endFor(outOfMemory);
      if (awaited.answers.length !== awaited.sign.answers) {
        awaited.sign = { answers: awaited.answers.length, at, usage };
        return;
      }
      const silentMs = at - awaited.sign.at;
      // On a busy machine time passes without the plugin's doing; what it used of the processor is its own.
      const usedMs = usage && awaited.sign.usage ? usage.cpuMs - awaited.sign.usage.cpuMs : silentMs;
      if (usedMs >= awaited.perAnswerMs || silentMs >= awaited.perAnswerMs + silenceMs) this.endFor({ code: 'PLUGIN_TOO_SLOW', words: `It was stopped after ${awaited.perAnswerMs} ms.` });
    });
  }

  private endFor(death: Death): void {
    this.killedFor ??= death;
    this.child.kill('SIGKILL');
  }

  private die(death: Death, ended: () => void): void {
    this.end ??= death;
    this.awaited?.done();
    ended();
  }

  private get toIsolate(): Writable {
    return this.child.stdio[3] as Writable;
  }

  private get fromIsolate(): Readable {
    return this.child.stdio[4] as Readable;
  }

  private get streams() {
    return [this.toIsolate, this.fromIsolate];
  }
}

const outOfMemory: Death = { code: 'PLUGIN_OUT_OF_MEMORY', words: 'It needed more memory than it may.' };

/** V8 aborts when the heap is full. */
function deathBy(code: number | null, signal: NodeJS.Signals | null): Death {
  if (signal === 'SIGABRT' || code === 134) return outOfMemory;
  return { code: 'PLUGIN_FAILED', words: `It ended its own process (${signal ?? code}).` };
}

function read(line: string): FromIsolate | undefined {
  try {
    const message: unknown = JSON.parse(line);
    return isMap(message) && isWhole(message) ? (message as unknown as FromIsolate) : undefined;
  } catch {
    return undefined;
  }
}

const hookCodes: readonly unknown[] = ['PLUGIN_FAILED', 'PLUGIN_TOO_SLOW', 'PLUGIN_ANSWER_UNUSABLE'] satisfies ErrorCode[];

/** All of a message is there. Something half-said would be waited for, or asked again, for ever. */
function isWhole({ loaded, unusable, problems, answer }: Record<string, unknown>): boolean {
  if (!isMap(answer)) return isMap(loaded) ? Array.isArray(loaded['functions']) && Array.isArray(loaded['others']) : typeof unusable === 'string' || Array.isArray(problems);
  return answer['ok'] === true ? answer['value'] !== undefined : hookCodes.includes(answer['code']) && typeof answer['words'] === 'string';
}
