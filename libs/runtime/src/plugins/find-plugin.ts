import { createHash } from 'node:crypto';
import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { findPackageJSON } from 'node:module';
import { dirname, isAbsolute, join, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import { builtInPlugins } from '#plugins';

/** Where a plugin is; nothing of it has run yet. */
export interface FoundPlugin {
  /** As it is written in an import, seen from `base`. */
  use: string;
  base: string;
  /** What is its own: its package, or the folder of its file. */
  folder: string;
  version: string;
}

/** The folder of this very package, from its sources as well as from `dist`. */
export const connectorRoot = nearestPackage(import.meta.dirname)!;

export function findPlugin(use: string, configFile: string): FoundPlugin | undefined {
  const config = resolve(configFile);
  if ((builtInPlugins as readonly string[]).includes(use)) {
    const file = join(connectorRoot, 'dist/libs/plugins/src', `${use}.js`);
    return { use: pathToFileURL(file).href, base: pathToFileURL(config).href, folder: dirname(file), version: `built-in ${packageAt(connectorRoot).version}` };
  }
  return isPath(use) ? findFile(resolve(dirname(config), use), dirname(config)) : findPackage(use, [config, join(connectorRoot, 'package.json')]);
}

const isPath = (use: string) => use.startsWith('.') || isAbsolute(use) || /\.[cm]?js$/.test(use);

function findFile(path: string, configFolder: string): FoundPlugin | undefined {
  if (!statSync(path, { throwIfNoEntry: false })?.isFile()) return undefined;
  const file = realpathSync(path);
  const url = pathToFileURL(file).href;
  const fingerprint = createHash('sha256').update(readFileSync(file)).digest('hex').slice(0, 12);
  return { use: url, base: url, folder: ownFolder(file, realpathSync(configFolder)), version: `file ${fingerprint}` };
}

/** A file beside the configuration has a folder of its own only if it lies in one; it is not to read the configuration by way of a package around both. */
function ownFolder(file: string, configFolder: string): string {
  const around = nearestPackage(dirname(file));
  return around && !isWithin(configFolder, around) && around !== connectorRoot ? around : dirname(file);
}

function findPackage(use: string, from: string[]): FoundPlugin | undefined {
  for (const file of from) {
    const base = pathToFileURL(file).href;
    const manifest = packageJson(use, base);
    if (!manifest) continue;
    const folder = realpathSync(dirname(manifest));
    const { name, version } = packageAt(folder);
    return { use, base, folder, version: `${name} ${version}` };
  }
  return undefined;
}

function packageJson(use: string, base: string): string | undefined {
  try {
    return findPackageJSON(use, base);
  } catch {
    return undefined;
  }
}

/** What the isolate of a plugin may read: what is its own, and the packages it can import. */
export function readableBy(folder: string): string[] {
  const paths = [folder, join(connectorRoot, 'dist'), ...[folder, connectorRoot].flatMap(around).flatMap((at) => [join(at, 'package.json'), join(at, 'node_modules')])];
  // A folder of packages may be a link; both names are asked for.
  return [...new Set(paths.filter((path) => existsSync(path)).flatMap((path) => [path, realpathSync(path)]))];
}

function around(path: string): string[] {
  const above = dirname(path);
  return above === path ? [path] : [path, ...around(above)];
}

function nearestPackage(folder: string): string | undefined {
  return around(folder).find((at) => existsSync(join(at, 'package.json')));
}

function packageAt(folder: string): { name: string; version: string } {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as { name: string; version: string };
}

const isWithin = (path: string, folder: string) => path === folder || path.startsWith(folder + sep);
