import type { Note } from '../decide.js';
import type { ErrorCode } from '../errors.js';
import type { InstalledPlugin, PluginRunner, Rollout, Stage } from '../ports/plugins.js';
import type { Meter } from '../ports/system.js';
import type { Plain } from '../wallet/event.js';
import type { HookName, HookTypes } from './hooks.js';
import { steps, type Step } from './steps.js';

/** For whom a plugin is asked: decides which stage of its rollout counts. */
export interface Who {
  key: string;
  facts: Record<string, Plain>;
}

/** One question to a hook, and what the plugins have made of it so far. */
export interface Question<N extends HookName> {
  who: Who;
  /** What the next plugin is asked. */
  input: HookTypes[N]['input'];
  /** The last answer that was used; without one everything stays as it was. */
  output?: HookTypes[N]['output'];
  /** The plugin whose answer that was. */
  lastBy?: string;
  /** True: an answer settled the matter and no further plugin is asked. */
  settled: boolean;
  notes: Note[];
  /** A plugin that must not be passed over failed. */
  held?: { plugin: string; code: ErrorCode };
}

export function question<N extends HookName>(who: Who, input: HookTypes[N]['input']): Question<N> {
  return { who, input, settled: false, notes: [] };
}

/**
 * Asks a tenant's plugins, in the order of the configuration: the answer of one is the question to the next. A plugin that fails is
 * passed over or holds the delivery, as its entry says; one in shadow is asked, and only what it would have changed is noted.
 */
export class PluginHost {
  constructor(
    private readonly runner: PluginRunner,
    private readonly rollout: Rollout,
    private readonly meter: Meter,
  ) {}

  /** Whether anybody would be asked. */
  has(tenant: string, hook: HookName): boolean {
    return this.runner.installed(tenant).some(({ hooks }) => hooks.includes(hook));
  }

  async ask<N extends HookName>(tenant: string, hook: N, questions: readonly Question<N>[]): Promise<void> {
    for (const plugin of this.runner.installed(tenant)) {
      if (!plugin.hooks.includes(hook)) continue;
      const open = questions.filter(({ settled, held }) => !settled && !held);
      const staged = await Promise.all(open.map(async (one) => ({ one, stage: await this.rollout.stage(tenant, plugin.name, one.who) })));
      const asked = staged.filter(({ stage }) => stage !== 'off');
      if (asked.length === 0) continue;
      const answers = await this.runner.ask(tenant, plugin.name, hook, asked.map(({ one }) => one.input));
      asked.forEach(({ one, stage }, i) => this.take(tenant, plugin, hook, one, stage, answers[i]!));
    }
  }

  private take<N extends HookName>(tenant: string, plugin: InstalledPlugin, hook: N, one: Question<N>, stage: Stage, answer: Awaited<ReturnType<PluginRunner['ask']>>[number]): void {
    const step: Step<N> = steps[hook];
    const by = `plugin ${plugin.name}`;
    const read = answer.ok ? step.read(answer.value) : undefined;
    const output = read !== undefined && step.guarded ? step.guarded(one.input, read) : read;
    const counted = (outcome: string) => this.meter.count('connector_plugin_answers_total', { tenant, plugin: plugin.name, hook, outcome });
    if (output === undefined) {
      const code = answer.ok ? 'PLUGIN_ANSWER_UNUSABLE' : answer.code;
      counted('failed');
      one.notes.push({ by, says: `${stage === 'shadow' ? 'Shadow: ' : ''}${hook}: ${answer.ok ? 'what it returned cannot be used.' : answer.words}`, code });
      if (stage === 'on' && plugin.onError === 'hold') one.held = { plugin: plugin.name, code };
      return;
    }
    const changes = step.changes(one.input, output);
    const withheld = step.guarded ? step.changes(one.input, read!).filter((change) => !changes.includes(change)) : [];
    if (withheld.length > 0) one.notes.push({ by, says: `${hook}: ${withheld.join(', ')} is not its to change, and stays.`, code: 'PLUGIN_ANSWER_UNUSABLE' });
    if (stage === 'shadow') {
      counted(changes.length > 0 ? 'shadow-differs' : 'shadow-agrees');
      if (changes.length > 0) one.notes.push({ by, says: `Shadow: ${hook} would have changed: ${changes.join(', ')}.` });
      return;
    }
    counted(changes.length > 0 ? 'changed' : 'unchanged');
    if (changes.length > 0) one.notes.push({ by, says: `${hook}: ${changes.join(', ')}.` });
    one.output = output;
    one.lastBy = plugin.name;
    const next = step.next(one.input, output);
    if (next === undefined) one.settled = true;
    else one.input = next;
  }
}
