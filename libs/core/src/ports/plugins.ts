import type { ErrorCode } from '../errors.js';
import type { HookName } from '../plugin/hooks.js';
import type { Plain } from '../wallet/event.js';

/** A plugin of a tenant as it was loaded and checked. */
export interface InstalledPlugin {
  name: string;
  /** `package 1.2.3`, or a fingerprint of the file: which code it was. */
  version: string;
  hooks: readonly HookName[];
  /** When it fails: `skip` goes on without it, `hold` parks the delivery. */
  onError: 'skip' | 'hold';
}

export type HookAnswer = { ok: true; value: unknown } | { ok: false; code: ErrorCode; words: string };

/** Where plugins run: apart from us, so that none can stop, change or outlive us. */
export abstract class PluginRunner {
  /** In the order of the configuration. */
  abstract installed(tenant: string): readonly InstalledPlugin[];
  /**
   * Asks one hook about many inputs, each by itself, and answers in their order. A plugin that throws, takes longer than its
   * time or needs more than its memory is an answer too; it rejects only while the process stops, so that the question is asked again.
   */
  abstract ask(tenant: string, plugin: string, hook: HookName, inputs: readonly unknown[]): Promise<HookAnswer[]>;
}

/** `shadow`: it is asked, what it would have changed is recorded, and its answer is not used. */
export type Stage = 'off' | 'shadow' | 'on';

/** Which plugins take part, by tenant and person; changeable while the process runs. */
export abstract class Rollout {
  /** The same `who` gets the same stage as long as nobody changes the rollout. */
  abstract stage(tenant: string, plugin: string, who: { key: string; facts: Record<string, Plain> }): Promise<Stage>;
}
