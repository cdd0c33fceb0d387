import 'reflect-metadata';
import { writeSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { Socket } from 'node:net';
import type { HookAnswer, HookName } from '#core';
import { failureOf } from './failure.js';
import type { Described, FromIsolate, ToIsolate } from './messages.js';
import { frozen, notPlain } from './plain.js';

/*
 * The process a plugin runs in. It was started without environment, input, output and without leave to read more than the plugin's own
 * folder and packages (docs/decisions/0009-plugin-isolation.md). The host speaks on descriptor 3 and listens on 4.
 */

const fromHost = 3;
const toHost = 4;
const longestAnswer = 1_000_000;
/** Always the host's own copy, whatever lies beside the plugin: what decorators note down must be found again by whoever checks it. */
const givenByHost = new Map(['wallet-crew-klaviyo-connector/plugin', 'class-validator', 'class-transformer', 'reflect-metadata'].map((name) => [name, import.meta.resolve(name)]));

/** Taken before the plugin is there, which may put something else in their place. */
const { parse, stringify } = JSON;

type Call = (input: unknown, settings: unknown) => unknown;

let plugin: Record<string, unknown> = {};
let settings: object = Object.freeze({});
let folder = '';

async function handle(message: ToIsolate): Promise<void> {
  if ('load' in message) say(await load(message.load));
  else if ('settings' in message) say(await take(message.settings));
  else for (const input of message.ask.inputs) answer(await ask(message.ask.hook, input, message.ask.timeoutMs));
}

async function load({ use, base, folder: own }: { use: string; base: string; folder: string }): Promise<FromIsolate> {
  folder = own;
  registerHooks({
    resolve: (specifier, context, next) => {
      const given = givenByHost.get(specifier);
      if (given) return { url: given, shortCircuit: true };
      return specifier === use && context.parentURL === import.meta.url ? next(specifier, { ...context, parentURL: base }) : next(specifier, context);
    },
  });
  let exported: unknown;
  try {
    exported = ((await import(use)) as { default?: unknown }).default;
  } catch (error) {
    return { unusable: `it could not be loaded: ${error instanceof Error ? `${error.name}: ${error.message}`.split('\n', 1)[0]!.slice(0, 300) : typeof error}` };
  }
  // What TypeScript compiles to CommonJS has its default export one step further down.
  const found = isObject(exported) && isObject(exported['default']) ? exported['default'] : exported;
  if (!isObject(found)) return { unusable: 'its default export is no plugin' };
  plugin = found;
  return { loaded: describe(found) };
}

function describe({ name, api, settings: _rules, ...members }: Record<string, unknown>): Described {
  const names = Object.keys(members);
  return {
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof api === 'number' ? { api } : {}),
    functions: names.filter((member) => typeof members[member] === 'function'),
    others: names.filter((member) => typeof members[member] !== 'function'),
  };
}

async function take(plain: Record<string, unknown>): Promise<FromIsolate> {
  const rules = plugin['settings'];
  if (rules === undefined) return { problems: Object.keys(plain).length === 0 ? [] : [{ path: '', says: 'the plugin takes no settings' }] };
  if (typeof rules !== 'function') return { unusable: '`settings` is no class' };
  const { readPluginSettings } = await import('./plugin-settings.js');
  try {
    const read = readPluginSettings(rules as new () => object, plain);
    if ('problems' in read) return read;
    settings = frozen(read.settings);
    return { problems: [] };
  } catch (error) {
    return { unusable: `its settings could not be checked. ${failureOf(error, folder)}` };
  }
}

async function ask(hook: HookName, input: unknown, timeoutMs: number): Promise<HookAnswer> {
  try {
    const returned = (plugin[hook] as Call).call(plugin, frozen(input), settings);
    const value = isObject(returned) && typeof returned['then'] === 'function' ? await withinTime(returned, timeoutMs) : returned;
    if (value === tooLate) return { ok: false, code: 'PLUGIN_TOO_SLOW', words: `It gave no answer within ${timeoutMs} ms.` };
    const why = notPlain(value);
    return why ? unusable(`It returned ${why}.`) : { ok: true, value };
  } catch (error) {
    return { ok: false, code: 'PLUGIN_FAILED', words: failureOf(error, folder) };
  }
}

const unusable = (words: string): HookAnswer => ({ ok: false, code: 'PLUGIN_ANSWER_UNUSABLE', words });

const tooLate = Symbol('too late');

/** For hooks that wait; one that never lets go is the host's business. */
async function withinTime(promise: unknown, ms: number): Promise<unknown> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise((resolve) => (timer = setTimeout(resolve, ms, tooLate)));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

function answer(given: HookAnswer): void {
  let line = stringify({ answer: given } satisfies FromIsolate);
  if (line.length > longestAnswer) line = stringify({ answer: unusable(`It returned more than ${longestAnswer} characters.`) } satisfies FromIsolate);
  write(line);
}

const say = (message: FromIsolate) => write(stringify(message));

/** At once and not when the event loop comes round: what is answered must have left before the next input may hang. */
function write(line: string): void {
  let bytes = Buffer.from(`${line}\n`);
  while (bytes.length > 0) bytes = bytes.subarray(writeSync(toHost, bytes));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

// A terminal sends these to the whole group; the host decides when an isolate ends.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => {});

let heard = '';
let turn = Promise.resolve();
new Socket({ fd: fromHost, readable: true, writable: false })
  .setEncoding('utf8')
  .on('data', (text: string) => {
    const lines = (heard + text).split('\n');
    heard = lines.pop()!;
    for (const line of lines) turn = turn.then(() => handle(parse(line) as ToIsolate));
  })
  // The host is gone.
  .on('close', () => process.exit());
