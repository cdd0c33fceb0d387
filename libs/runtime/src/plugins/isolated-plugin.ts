import type { Clock, HookAnswer, HookName, InstalledPlugin, Log, Meter } from '#core';
import type { FromIsolate } from '#isolate';
import { findPlugin, type FoundPlugin } from './find-plugin.js';
import { Isolate, type Death } from './isolate.js';
import type { PluginSettings } from './plugin-settings.js';

/** After so many failures in a row that cost an isolate or all of the time, it is not asked for a while. */
const failuresUntilPause = 5;
const firstPauseMs = 10_000;
const longestPauseMs = 300_000;
/** So that a plugin which takes all of its time for every input is paused before it has taken it for all of them. */
const mostAtOnce = 25;
/** An isolate nobody has asked for so long is ended; it starts again when it is needed. */
const idleMs = 300_000;

export interface Surroundings {
  configFile: string;
  /** How long a plugin may take to load. Milliseconds. */
  loadMs: number;
  clock: Clock;
  log: Log;
  meter: Meter;
}

/** One plugin of one tenant: started when it is first asked, started again when it died, paused when that leads nowhere. */
export class IsolatedPlugin {
  private turn: Promise<unknown> = Promise.resolve();
  private idle: NodeJS.Timeout | undefined;
  private failures = 0;
  private pauseMs = 0;
  private paused: { until: number; because: Death } | undefined;

  constructor(
    private readonly tenant: string,
    readonly installed: InstalledPlugin,
    private found: FoundPlugin,
    private readonly entry: PluginSettings,
    private readonly around: Surroundings,
    /** One that is loaded with these settings, if there is one already. */
    private isolate: Isolate | undefined,
  ) {
    this.rest();
  }

  /** One batch after another: an isolate can do only one thing at a time. */
  ask(hook: HookName, inputs: readonly unknown[]): Promise<HookAnswer[]> {
    const answers = this.turn.then(() => this.askNow(hook, inputs));
    this.turn = answers.catch(() => undefined);
    return answers;
  }

  async close(): Promise<void> {
    clearTimeout(this.idle);
    await this.isolate?.kill();
  }

  private async askNow(hook: HookName, inputs: readonly unknown[]): Promise<HookAnswer[]> {
    clearTimeout(this.idle);
    const answers: HookAnswer[] = [];
    while (answers.length < inputs.length) {
      const open = inputs.slice(answers.length, answers.length + mostAtOnce);
      const because = this.pausedBecause() ?? (await this.start());
      if (because) {
        answers.push(...inputs.slice(answers.length).map(() => refusal(because)));
        break;
      }
      const { answers: given, death } = await this.isolate!.ask(hook, open, this.entry.timeoutMs);
      for (const answer of given) this.judge(answer);
      answers.push(...given);
      if (!death) continue;
      // The input it was at has killed it; those after it are asked again, in a fresh isolate.
      if (given.length < open.length) answers.push(refusal(death));
      this.died(death);
    }
    this.rest();
    return answers;
  }

  /** Forgotten first, so that nobody asks an isolate that is about to end. */
  private letGo(): void {
    void this.isolate?.kill();
    this.isolate = undefined;
  }

  private rest(): void {
    clearTimeout(this.idle);
    this.idle = setTimeout(() => this.letGo(), idleMs).unref();
  }

  /** An isolate that is ready to be asked, or why there is none. */
  private async start(): Promise<Death | undefined> {
    if (this.isolate && !this.isolate.isDead) return undefined;
    // What runs is what is on record, even if the file was replaced meanwhile.
    const found = findPlugin(this.entry.use, this.around.configFile);
    if (found && found.version !== this.found.version) this.installed.version = found.version;
    this.found = found ?? this.found;
    this.isolate = new Isolate(this.found, { memoryMb: this.entry.memoryMb, loadMs: this.around.loadMs });
    const why = troubleWith(await this.isolate.load()) ?? troubleWith(await this.isolate.settings(this.entry.settings ?? {}));
    if (!why) return undefined;
    await this.isolate.kill();
    this.died(why);
    return why;
  }

  private judge(answer: HookAnswer): void {
    if (!answer.ok && answer.code === 'PLUGIN_TOO_SLOW') return this.failed(answer);
    this.failures = 0;
    this.pauseMs = 0;
  }

  private died(death: Death): void {
    this.around.meter.count('connector_plugin_deaths_total', { tenant: this.tenant, plugin: this.installed.name, code: death.code });
    this.around.log.warn('plugin ended', { tenant: this.tenant, plugin: this.installed.name, code: death.code, words: death.words });
    this.failed(death);
  }

  private failed(because: Death): void {
    this.failures++;
    if (this.failures < failuresUntilPause) return;
    // The pause over, a single failure begins the next and longer one.
    this.failures = failuresUntilPause - 1;
    this.pauseMs = Math.min(Math.max(firstPauseMs, this.pauseMs * 2), longestPauseMs);
    this.paused = { until: this.around.clock.now() + this.pauseMs, because };
    this.around.log.error('plugin paused', { tenant: this.tenant, plugin: this.installed.name, code: because.code, forMs: this.pauseMs });
  }

  private pausedBecause(): Death | undefined {
    if (!this.paused || this.paused.until <= this.around.clock.now()) return undefined;
    return { code: this.paused.because.code, words: `It is paused after failing again and again. ${this.paused.because.words}` };
  }
}

const refusal = ({ code, words }: Death): HookAnswer => ({ ok: false, code, words });

function troubleWith(answer: FromIsolate | Death): Death | undefined {
  if ('loaded' in answer || ('problems' in answer && answer.problems.length === 0)) return undefined;
  if ('code' in answer) return { code: answer.code, words: `It could not be started again. ${answer.words}` };
  return { code: 'PLUGIN_FAILED', words: 'unusable' in answer ? `It could not be started again: ${answer.unusable}.` : 'Its settings are not valid any more.' };
}
