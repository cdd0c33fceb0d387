import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ConnectorError } from '#core';

export interface ServerUser {
  uid: number;
  gid: number;
}

/**
 * PostgreSQL refuses to run as root, so root runs it as somebody else: as whom the data belong to, else as `postgres`, else
 * as `nobody`, who is everywhere. No user is created on the machine for it.
 */
export function serverUser(folder: string): ServerUser | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const { uid, gid } = statSync(join(folder, 'data'), { throwIfNoEntry: false }) ?? {};
  if (uid && gid !== undefined) return { uid, gid };
  const users = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'));
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (!user) throw new ConnectorError('EMBEDDED_DATABASE_UNSUPPORTED', 'Running as root, and there is neither a user postgres nor nobody to run it as.');
  return { uid: Number(user[2]), gid: Number(user[3]) };
}
