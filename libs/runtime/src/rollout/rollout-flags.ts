import { NOOP_PROVIDER, OpenFeature, type Client, type EvaluationDetails } from '@openfeature/server-sdk';
import { ConnectorError, Rollout, type Log, type Meter, type Plain, type Stage } from '#core';
import { inTime } from '../in-time.js';
import { contextOf } from './context.js';
import { FileSource } from './file-source.js';
import { Flags, type ConfiguredPlugins, type Flag } from './flags.js';
import { loadProvider } from './load-provider.js';
import { stages, type PluginRollout } from './plugin-rollout.js';
import type { Source, SourceState } from './source.js';

export interface RolloutOptions {
  plugins: ConfiguredPlugins;
  configFile: string;
  /** Over the configuration; `isAsked`: somebody named it. */
  file: { path: string; isAsked: boolean };
  /** An npm package or a file that decides instead of configuration and rollout file. */
  provider?: string | undefined;
  log: Log;
  meter: Meter;
  lookEveryMs?: number;
}

/** How things stand with one plugin, as operators see it. */
export interface PluginState {
  name: string;
  flag: string;
  stage: string;
  /** What the stage comes from. With a provider it is the answer of this process while the provider has none. */
  rollout: PluginRollout;
  from: 'configuration' | 'rollout file' | 'provider';
  answers: Record<Stage, number>;
  failed: number;
  problem?: string;
}

const lookEveryMs = 1_000;
/** Deciding waits for the answer. */
const answerMs = 250;
/** A provider that did not answer in time is left alone for so long; otherwise every event would wait in vain. */
const restMs = 5_000;
/** So long the start waits for a provider that is not ready. */
const readyMs = 5_000;

/** The same for every question, because most of them have one of three answers. */
const settled: Record<Stage, Promise<Stage>> = { off: Promise.resolve('off'), shadow: Promise.resolve('shadow'), on: Promise.resolve('on') };
let opened = 0;

/** Rollout by OpenFeature flags: one per plugin and tenant, `plugin.<tenant>.<plugin>`, with the values `off`, `shadow` and `on`. */
export class RolloutFlags extends Rollout {
  private restsUntil = 0;

  static async open(options: RolloutOptions): Promise<RolloutFlags> {
    const { provider, configFile, file, log, meter } = options;
    // A plugin that nobody's flag has let in yet must not run for everybody.
    const flags = new Flags(options.plugins, provider ? 'off' : 'on');
    const source = provider
      ? await providerSource(provider, configFile)
      : await FileSource.open(flags, { ...file, lookEveryMs: options.lookEveryMs ?? lookEveryMs }, log, meter);
    if (provider && file.isAsked) log.warn('the rollout file is not read while a rollout provider decides');
    // OpenFeature is one for the whole process; two connectors in it must not share a provider.
    const domain = `connector-rollout-${++opened}`;
    await register(domain, source, log);
    return new RolloutFlags(flags, source, domain, OpenFeature.getClient(domain).setLogger(quiet), log, meter);
  }

  private constructor(
    private readonly flags: Flags,
    private readonly source: Source,
    private readonly domain: string,
    private readonly client: Client,
    private readonly log: Log,
    private readonly meter: Meter,
  ) {
    super();
  }

  stage(tenant: string, plugin: string, who: { key: string; facts: Record<string, Plain> }): Promise<Stage> {
    const flag = this.flags.of(tenant, plugin);
    if (!flag) return settled.off;
    const { everybody } = flag.definition;
    if (!this.source.isOwn || everybody === undefined) return this.evaluate(flag, who);
    flag.answers[everybody]++;
    return settled[everybody];
  }

  state(tenant: string): SourceState & { plugins: PluginState[] } {
    const plugins = this.flags.ofTenant(tenant).map(({ plugin, key, definition, from, answers, failed, problem }): PluginState => ({
      name: plugin,
      flag: key,
      stage: this.source.isOwn ? definition.words : 'as the provider says for each person',
      rollout: definition.rollout,
      from: this.source.isOwn ? from : 'provider',
      answers: { ...answers },
      failed,
      ...(problem === undefined ? {} : { problem }),
    }));
    return { ...this.source.state(this.client.providerStatus), plugins };
  }

  close(): void {
    this.source.close();
    // Replacing a provider closes it.
    OpenFeature.setProvider(this.domain, NOOP_PROVIDER);
  }

  private async evaluate(flag: Flag, who: { key: string; facts: Record<string, Plain> }): Promise<Stage> {
    const context = contextOf(flag.tenant, flag.plugin, who);
    const answer = await this.answer(() => this.client.getStringDetails(flag.key, 'off', context));
    const trouble = answer === undefined ? 'NO_ANSWER' : (answer.errorCode ?? (isStage(answer.value) ? undefined : 'NO_STAGE'));
    if (trouble !== flag.problem) this.noteTrouble(flag, trouble);
    if (trouble !== undefined) this.countTrouble(flag, trouble);
    const stage = trouble === undefined ? (answer!.value as Stage) : flag.definition.stage(context);
    flag.answers[stage]++;
    return stage;
  }

  /** Undefined: none in time. */
  private async answer(ask: () => Promise<EvaluationDetails<string>>): Promise<EvaluationDetails<string> | undefined> {
    if (this.source.isOwn) return ask();
    if (performance.now() < this.restsUntil) return undefined;
    const answer = await inTime(ask(), answerMs);
    if (!answer) this.restsUntil = performance.now() + restMs;
    return answer;
  }

  private countTrouble(flag: Flag, reason: string): void {
    flag.failed++;
    this.meter.count('connector_rollout_failures_total', { tenant: flag.tenant, plugin: flag.plugin, reason });
  }

  private noteTrouble(flag: Flag, trouble: string | undefined): void {
    flag.problem = trouble;
    const fields = { tenant: flag.tenant, plugin: flag.plugin, flag: flag.key };
    if (trouble === undefined) this.log.info('the rollout provider answers again', fields);
    else this.log.warn('the rollout provider has no stage for a plugin; its entry in the configuration counts', { ...fields, code: 'ROLLOUT_FLAG_UNUSABLE', reason: trouble });
  }
}

async function providerSource(name: string, configFile: string): Promise<Source> {
  const provider = await loadProvider(name, configFile);
  return { provider, isOwn: false, state: (status) => ({ source: 'provider', provider: provider.metadata.name, status }), close: () => undefined };
}

/** A provider that is not ready keeps nobody waiting: webhooks are taken all the same, and it may become ready later. */
async function register(domain: string, { provider }: Source, log: Log): Promise<void> {
  const ready = OpenFeature.setProviderAndWait(domain, provider).then(() => true, () => false);
  if (await inTime(ready, readyMs)) return;
  if (OpenFeature.getProvider(domain) !== provider) throw new ConnectorError('SETTINGS_INVALID', '\n  rollout.provider: it is no provider for servers');
  log.warn('the rollout provider is not ready; entries in the configuration count until it is', { code: 'ROLLOUT_FLAG_UNUSABLE', provider: provider.metadata.name });
}

const isStage = (value: string): value is Stage => (stages as readonly string[]).includes(value);

const nothing = () => undefined;
/** Providers log contexts, which are about people. What matters comes as an error code. */
const quiet = { error: nothing, warn: nothing, info: nothing, debug: nothing };
