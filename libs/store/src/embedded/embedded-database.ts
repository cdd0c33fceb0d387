import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, realpathSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { ConnectorError, type Log } from '#core';
import { findBinaries, isReachable } from './binaries.js';
import { createCluster, databaseUser, readPassword } from './cluster.js';
import { guard, type GuardOrders } from './guard.js';
import { serverUser } from './server-user.js';

/** Recovery after a crash may have much to replay. */
const startWithinMs = 120_000;
const stopWithinMs = 15_000;

/** `fsync` stays on: what we acknowledge is on disk. Statements are kept out of the log: they hold personal data. */
const settings = [
  'listen_addresses=127.0.0.1',
  'unix_socket_directories=',
  'max_connections=100',
  'autovacuum_naptime=15s',
  'log_min_messages=warning',
  'log_min_error_statement=panic',
  'log_error_verbosity=terse',
  'log_checkpoints=off',
];

export interface RunningDatabase {
  url: string;
  /** Leaves the database; when the last process has left, its server is stopped, and the last one waits for that. */
  close(): Promise<void>;
}

/** A PostgreSQL server in `<dataDir>/postgres`, shared by all processes of this machine that open the same folder. */
export async function openEmbeddedDatabase(dataDir: string, log: Log): Promise<RunningDatabase> {
  mkdirSync(dataDir, { recursive: true });
  const folder = join(realpathSync(resolve(dataDir)), 'postgres');
  let closed = false;
  let guarded = await joinGuard(folder, log);

  const stay = () => {
    guarded.socket.once('close', () => {
      if (closed) return;
      log.warn('the embedded database stopped by itself and is started again');
      void rejoin();
    });
  };
  const rejoin = async (): Promise<void> => {
    for (let waitMs = 100; !closed; waitMs = Math.min(waitMs * 2, 5_000)) {
      try {
        const before = guarded.port;
        guarded = await joinGuard(folder, log);
        if (guarded.port !== before) log.error('the embedded database had to change its port; restart this process', { port: guarded.port });
        return stay();
      } catch (error) {
        log.error('the embedded database does not start', { error: error instanceof Error ? error.message : String(error) });
        await wait(waitMs, undefined, { ref: false });
      }
    }
  };
  stay();

  return {
    url: `postgresql://${databaseUser}:${readPassword(folder)}@127.0.0.1:${guarded.port}/postgres`,
    close: async () => {
      closed = true;
      const { socket } = guarded;
      if (socket.destroyed) return;
      const gone = new Promise((settled) => socket.once('close', settled));
      socket.ref().end();
      await Promise.race([gone, wait(stopWithinMs, undefined, { ref: false })]);
      socket.destroy();
    },
  };
}

interface Guarded {
  socket: Socket;
  port: number;
}

/** Finds the guard of the folder or starts it, whoever else does the same at the same time. */
async function joinGuard(folder: string, log: Log): Promise<Guarded> {
  const meetingPoint = meetingPointOf(folder);
  const giveUpAt = Date.now() + startWithinMs;
  for (;;) {
    const guarded = await meet(meetingPoint, giveUpAt);
    if (guarded) return guarded;
    if (Date.now() > giveUpAt) throw new ConnectorError('DATABASE_UNAVAILABLE', 'The embedded database does not start.');
    const owner = serverUser(folder);
    const binaries = await findBinaries(owner !== undefined);
    if (!existsSync(join(folder, 'data'))) {
      log.info('creating the embedded database', { folder });
      await createCluster(folder, binaries, owner);
    }
    const orders: GuardOrders = {
      folder,
      meetingPoint,
      postgres: join(binaries, 'bin', 'postgres'),
      settings,
      ...(owner ? { owner } : {}),
      handOver: owner !== undefined && process.platform === 'linux' && !isReachable(folder),
    };
    await startGuard(orders);
  }
}

/** On Linux a name that vanishes with the guard; elsewhere a socket file, which may be left over and then answers nobody. */
function meetingPointOf(folder: string): string {
  const name = `wallet-crew-connector-${createHash('sha256').update(folder).digest('hex').slice(0, 24)}`;
  return process.platform === 'linux' ? `\0${name}` : join(tmpdir(), `${name}.sock`);
}

async function meet(meetingPoint: string, giveUpAt: number): Promise<Guarded | undefined> {
  const socket = connect({ path: meetingPoint });
  const port = await new Promise<number>((settled) => {
    const late = setTimeout(settled, Math.max(1, giveUpAt - Date.now()), 0);
    const settle = (found: number) => {
      clearTimeout(late);
      settled(found);
    };
    let said = '';
    socket.once('error', () => settle(0)).once('close', () => settle(0));
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      if (said.includes('\n')) settle(Number.parseInt(said, 10));
    });
  });
  if (port > 0) {
    socket.on('error', () => undefined).unref();
    return { socket, port };
  }
  socket.destroy();
  if (!meetingPoint.startsWith('\0') && existsSync(meetingPoint)) rmSync(meetingPoint, { force: true });
  return undefined;
}

/** Resolves when the guard is ready or another one was there first. */
async function startGuard(orders: GuardOrders): Promise<void> {
  const program = `(${guard.toString()})(${JSON.stringify(orders)})`;
  const child = spawn(process.execPath, ['--input-type=commonjs', '-e', program], {
    cwd: '/',
    env: {},
    stdio: ['ignore', 'pipe', 'ignore'],
    detached: true,
  });
  const said = await new Promise<string>((settled) => {
    let words = '';
    child.stdout!.on('data', (chunk: Buffer) => {
      words += chunk.toString();
      if (words.includes('\n')) settled(words.trim());
    });
    child.once('error', (error) => settled(`failed ${error.message}`));
    child.once('close', (code) => settled(words.trim() || `failed: the guard ended with ${code}`));
  });
  child.stdout!.destroy();
  child.unref();
  if (said === 'foreign') {
    throw new ConnectorError('DATABASE_UNAVAILABLE', `The folder ${basename(dirname(orders.folder))} is in use on another machine or in another container. Give each its own, or use one PostgreSQL through DATABASE_URL.`);
  }
  if (said !== 'ready' && said !== 'taken') throw new ConnectorError('DATABASE_UNAVAILABLE', `The embedded database does not start: ${said}`);
}
