import type { Hooks } from './hooks.js';

/** A plugin: one object. It does no I/O for the connector, never changes its input, and returns values. */
export interface Plugin<S extends object = object> extends Hooks<S> {
  /** Letters, digits and dashes; the name in records, flags and metrics. */
  name: string;
  /** The version of the hooks it was written for. */
  api: number;
  /** A class with class-validator rules; what stands under `settings` in the configuration becomes one of it, once it has passed. */
  settings?: new () => S;
}

/** Says what a plugin is, and has the compiler check it. */
export function definePlugin<S extends object>(plugin: Plugin<S>): Plugin<S> {
  return plugin;
}
