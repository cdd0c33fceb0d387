import { createRequire } from 'node:module';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import type { Provider } from '@openfeature/server-sdk';
import { ConnectorError } from '#core';

/** The OpenFeature provider that an npm package or a file gives as its default export, itself or by a function. A path is relative to the configuration file. */
export async function loadProvider(name: string, configFile: string): Promise<Provider> {
  const loaded = load(name, resolve(configFile));
  const given = (loaded as { default?: unknown } | null)?.default ?? loaded;
  let provider = given;
  try {
    if (typeof given === 'function') provider = await (given as () => unknown)();
  } catch (error) {
    throw problem(`the function of ${name} failed (${nameOf(error)})`, error);
  }
  if (!isProvider(provider)) throw problem(`the default export of ${name} is no OpenFeature provider and no function that gives one`);
  return provider;
}

function load(name: string, configFile: string): unknown {
  const isFile = name.startsWith('.') || isAbsolute(name);
  const from = isFile ? [configFile] : [configFile, join(process.cwd(), 'package.json')];
  for (const base of from) {
    const require = createRequire(base);
    let path: string;
    try {
      path = isFile ? resolve(dirname(base), name) : require.resolve(name);
      require.resolve(path);
    } catch {
      continue;
    }
    try {
      return require(path);
    } catch (error) {
      throw problem(`${name} cannot be loaded (${nameOf(error)})`, error);
    }
  }
  throw problem(isFile ? `there is no file ${name} beside the configuration` : `the package ${name} is not installed`);
}

function isProvider(value: unknown): value is Provider {
  const provider = value as Partial<Provider> | null | undefined;
  return typeof provider === 'object' && provider !== null && typeof provider.resolveStringEvaluation === 'function' && typeof provider.metadata?.name === 'string';
}

const nameOf = (error: unknown) => (error as { code?: string }).code ?? (error as Error).name;
const problem = (words: string, cause?: unknown) => new ConnectorError('SETTINGS_INVALID', `\n  rollout.provider: ${words}`, { cause });
