import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, copyFileSync, existsSync, fsyncSync, mkdirSync, mkdtempSync, openSync, closeSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { ConnectorError } from '#core';
import type { ServerUser } from './server-user.js';

export const databaseUser = 'connector';

/**
 * Creates the cluster with its password, complete or not at all: it grows beside its place and is moved there. Whoever is
 * second throws its own away.
 */
export async function createCluster(folder: string, binaries: string, owner: ServerUser | undefined): Promise<void> {
  mkdirSync(dirname(folder), { recursive: true });
  const growing = mkdtempSync(`${folder}.new-`);
  try {
    const password = randomBytes(24).toString('base64url');
    writeFileSync(join(growing, 'password'), password, { mode: 0o600 });
    const data = join(growing, 'data');
    mkdirSync(data, { mode: 0o700 });
    if (owner) {
      chmodSync(growing, 0o711);
      chownSync(data, owner.uid, owner.gid);
    }
    await initdb(join(binaries, 'bin', 'initdb'), growing, owner);
    sync(growing);
    if (!existsSync(folder)) renameSync(growing, folder);
    sync(dirname(folder));
  } catch (error) {
    if (!existsSync(join(folder, 'data'))) throw error;
  } finally {
    rmSync(growing, { recursive: true, force: true });
  }
}

export function readPassword(folder: string): string {
  return readFileSync(join(folder, 'password'), 'utf8').trim();
}

/** The server's user may be unable to walk to our folder, so what it needs there is handed to it opened. */
async function initdb(program: string, growing: string, owner: ServerUser | undefined): Promise<void> {
  const data = join(growing, 'data');
  const secret = join(growing, owner ? 'password-of-initdb' : 'password');
  if (owner) {
    copyFileSync(join(growing, 'password'), secret);
    chownSync(secret, owner.uid, owner.gid);
  }
  const handOver = owner !== undefined && process.platform === 'linux';
  const opened = handOver ? [openSync(data, 'r'), openSync(secret, 'r')] : [];
  const places = handOver ? ['/proc/self/fd/3', '/proc/self/fd/4'] : [data, secret];
  const args = ['-D', places[0]!, `--pwfile=${places[1]!}`, '-U', databaseUser, '-A', 'scram-sha-256', '-E', 'UTF8', '--no-locale', '--data-checksums'];
  try {
    const child = spawn(program, args, { ...owner, cwd: '/', env: { LC_ALL: 'C' }, stdio: ['ignore', 'ignore', 'pipe', ...opened] });
    let complaint = '';
    child.stderr!.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
    const code = await new Promise<number | string | null>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('close', resolve);
    });
    if (code !== 0) {
      throw new ConnectorError('EMBEDDED_DATABASE_UNSUPPORTED', `Its binaries do not run here (${code}; was the install run with --ignore-scripts?): ${complaint.trim().slice(-500)}`);
    }
  } finally {
    for (const descriptor of opened) closeSync(descriptor);
    if (owner) rmSync(secret);
  }
}

function sync(folder: string): void {
  const descriptor = openSync(folder, 'r');
  fsyncSync(descriptor);
  closeSync(descriptor);
}
