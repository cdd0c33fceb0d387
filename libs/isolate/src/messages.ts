import type { HookAnswer, HookName } from '#core';

/** What the host says to an isolate, one line of JSON each; the next one only when the last was answered. */
export type ToIsolate =
  /** Imports the plugin: `use` as it is written in an import, seen from `base`; `folder` is what is its own. */
  | { load: { use: string; base: string; folder: string } }
  /** Checks settings; those without a problem are the ones that hooks get from now on. */
  | { settings: Record<string, unknown> }
  /** Asks a hook about each input; one answer per input, in their order, each as soon as it is there. */
  | { ask: { hook: HookName; timeoutMs: number; inputs: readonly unknown[] } };

export type FromIsolate = { loaded: Described } | { unusable: string } | { problems: SettingProblem[] } | { answer: HookAnswer };

/** A plugin as it was found; the host judges. */
export interface Described {
  name?: string;
  api?: number;
  /** Members that are functions, settings aside. */
  functions: string[];
  /** All other members. */
  others: string[];
}

/** `path` is what follows `settings` in the configuration: `.lists[0].id`, or nothing. */
export interface SettingProblem {
  path: string;
  says: string;
}
