import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openDatabase } from '#store';
import { inDatabase } from '../support/database.js';
import { silentLog } from '../support/database-log.js';
import { runProcess, type OtherProcess } from '../support/database-process.js';
import { until } from './until.js';

/** Opens the database in `args[0]`, says its url, and stays. */
const user = `
  import { openDatabase } from '#store';
  const log = { info() {}, warn() {}, error() {} };
  const { url } = await openDatabase({ dataDir: process.argv[1], log });
  console.log('url ' + url);
  setInterval(() => {}, 1000);`;

describe('the embedded database', () => {
  let dataDir: string;
  const processes: OtherProcess[] = [];
  const open = () => openDatabase({ dataDir, log: silentLog });
  const start = () => {
    const one = runProcess(user, [dataDir]);
    processes.push(one);
    return one;
  };
  const urlOf = async (one: OtherProcess) => (await one.says(/url (.*)/))[1]!;
  const listens = (port: number) =>
    new Promise<boolean>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1' }, () => resolve(true)).on('error', () => resolve(false));
      socket.on('connect', () => socket.destroy());
    });
  const serverPid = async () => Number((await readFile(join(dataDir, 'postgres', 'data', 'postmaster.pid'), 'utf8')).split('\n')[0]);
  const lives = (pid: number) => {
    try {
      return process.kill(pid, 0);
    } catch {
      return false;
    }
  };

  /** The guard takes its sign of life away last. */
  const stopped = () => until(async () => !(await readdir(join(dataDir, 'postgres'))).includes('alive'), 30_000);

  // Creating a cluster takes seconds, so the tests share one; each has a table of its own.
  beforeAll(async () => {
    dataDir = await mkdtemp(join(tmpdir(), 'connector-embedded-'));
  });
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((one) => one.kill()));
    await stopped();
  });
  afterAll(() => rm(dataDir, { recursive: true, force: true }));

  it('is created once and shared by all processes that open the same folder, also when they start together', async () => {
    const urls = await Promise.all([start(), start(), start()].map(urlOf));
    const mine = await open();
    expect(new Set([...urls, mine.url]).size).toBe(1);
    expect((await readdir(dataDir)).filter((name) => name.startsWith('postgres'))).toEqual(['postgres']);
    await mine.close();
    expect(await inDatabase(mine.url, `select 1 as still`)).toEqual([{ still: 1 }]);
  });

  it('starts by itself, answers on this machine only and only to who knows its password, and keeps what is written', async () => {
    const first = await open();
    const { hostname, password, port } = new URL(first.url);
    expect(hostname).toBe('127.0.0.1');
    expect(password.length).toBeGreaterThan(20);
    expect((await stat(join(dataDir, 'postgres', 'password'))).mode & 0o777).toBe(0o600);
    expect((await stat(join(dataDir, 'postgres', 'data'))).mode & 0o777).toBe(0o700);
    await expect(inDatabase(first.url.replace(password, 'guessed'), `select 1`)).rejects.toThrow(/password/);
    expect(await inDatabase(first.url, `select current_setting('fsync') as fsync, current_setting('listen_addresses') as listens`)).toEqual([{ fsync: 'on', listens: '127.0.0.1' }]);
    await inDatabase(first.url, `create table kept_1 (a int); insert into kept_1 values (7)`);
    await first.close();
    expect(await listens(Number(port))).toBe(false);

    const second = await open();
    expect(second.url).toBe(first.url);
    expect(await inDatabase(second.url, `select a from kept_1`)).toEqual([{ a: 7 }]);
    await second.close();
  });

  it('keeps serving the others when the process that started it is killed, and stops when the last one is', async () => {
    const owner = start();
    const url = await urlOf(owner);
    const guest = start();
    expect(await urlOf(guest)).toBe(url);
    const pid = await serverPid();
    await inDatabase(url, `create table kept_2 (a int); insert into kept_2 values (1)`);
    await owner.kill();
    expect(await inDatabase(url, `insert into kept_2 values (2) returning a`)).toEqual([{ a: 2 }]);
    await guest.kill();
    await until(() => !lives(pid));
    const again = await open();
    expect(await inDatabase(again.url, `select a from kept_2 order by a`)).toEqual([{ a: 1 }, { a: 2 }]);
    await again.close();
  });

  it('starts again after everything was killed at once, server included', async () => {
    const owner = start();
    const url = await urlOf(owner);
    await inDatabase(url, `create table kept_3 (a int); insert into kept_3 values (1)`);
    const pid = await serverPid();
    await owner.kill();
    // What is left looks like after a power cut: a lock file that names a process which no longer is one of ours.
    if (lives(pid)) process.kill(pid, 'SIGKILL');
    await until(() => !lives(pid));
    const again = await open();
    expect(await inDatabase(again.url, `select a from kept_3`)).toEqual([{ a: 1 }]);
    await again.close();
  });

  it('comes back by itself, on the same address, when only the server dies', async () => {
    const mine = await open();
    await inDatabase(mine.url, `create table kept_4 (a int); insert into kept_4 values (1)`);
    process.kill(await serverPid(), 'SIGKILL');
    const kept = await until(async () => inDatabase(mine.url, `select a from kept_4`).catch(() => undefined));
    expect(kept).toEqual([{ a: 1 }]);
    await mine.close();
  });

  it('goes on when only its guard is killed', async () => {
    const mine = await open();
    await inDatabase(mine.url, `create table kept_5 (a int); insert into kept_5 values (1)`);
    const server = await serverPid();
    const parent = Number((await readFile(`/proc/${server}/stat`, 'utf8')).split(') ')[1]!.split(' ')[1]);
    process.kill(parent, 'SIGKILL');
    await until(async () => (await serverPid().catch(() => server)) !== server);
    expect(await until(async () => inDatabase(mine.url, `select a from kept_5`).catch(() => undefined))).toEqual([{ a: 1 }]);
    await mine.close();
  });

  it('works in a folder that only its owner can walk to', async () => {
    const outer = await mkdtemp(join(tmpdir(), 'connector-embedded-'));
    expect((await stat(outer)).mode & 0o777).toBe(0o700);
    const mine = await openDatabase({ dataDir: join(outer, 'inner'), log: silentLog });
    expect(await inDatabase(mine.url, `select 1 as fine`)).toEqual([{ fine: 1 }]);
    await mine.close();
    await rm(outer, { recursive: true });
  });

  it('is not started when an address of a database is given', async () => {
    const given = await openDatabase({ url: 'postgresql://db.example.com/x', dataDir: join(dataDir, 'unused'), log: silentLog });
    expect(given.url).toBe('postgresql://db.example.com/x');
    await given.close();
    expect(await readdir(dataDir)).not.toContain('unused');
  });
});
