/** What a guard is told; it goes over the command line, so it holds no secret. */
export interface GuardOrders {
  /** The folder of the cluster: `data`, `port`, `alive`, `server.log`. */
  folder: string;
  /** Where the processes of this machine meet the guard. */
  meetingPoint: string;
  postgres: string;
  settings: string[];
  /** Whom the server runs as, where that is not who runs us. */
  owner?: { uid: number; gid: number };
  /** The server's user cannot walk to the folder: it is handed to it opened. */
  handOver: boolean;
}

/**
 * The program of the guard: a process of its own that owns the server and ends it when the last process that uses the
 * database is gone. Every user holds a connection to it, and the operating system closes that connection however the
 * process ends, `kill -9` included.
 *
 * It is started as `node -e` with the text of this function, so that it needs no file and works from sources, from `dist`
 * and under Jest alike. Nothing outside may be referred to, and nothing that a compiler would turn into a helper be used.
 */
export async function guard(orders: GuardOrders): Promise<void> {
  const fs = process.getBuiltinModule('node:fs');
  const net = process.getBuiltinModule('node:net');
  const os = process.getBuiltinModule('node:os');
  const path = process.getBuiltinModule('node:path');
  const { spawn } = process.getBuiltinModule('node:child_process');

  process.title = 'connector-database-guard';
  const data = path.join(orders.folder, 'data');
  const file = (name: string) => path.join(orders.folder, name);
  const read = (at: string) => (fs.existsSync(at) ? fs.readFileSync(at, 'utf8') : '');
  const wait = (ms: number) => new Promise<void>((resolve) => void setTimeout(resolve, ms));
  const tell = (words: string) => void (process.stdout.destroyed || process.stdout.write(`${words}\n`));
  const give = (words: string, code: number): never => {
    tell(words);
    process.exit(code);
  };
  process.stdout.on('error', () => undefined);
  // Ctrl-C reaches the whole group; the server goes only after those who use it.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

  const users = new Set<import('node:net').Socket>();
  let port = 0;
  let idleSince = Date.now();
  // Whoever started us needs a moment to come; everybody else only has to be gone.
  let patienceMs = 10_000;
  const meeting = net.createServer({ allowHalfOpen: true }, (user) => {
    users.add(user);
    patienceMs = 300;
    user.on('error', () => undefined).on('end', () => leave(user)).on('close', () => leave(user)).resume();
    if (port) user.write(`${port}\n`);
  });
  const leave = (user: import('node:net').Socket) => {
    users.delete(user);
    idleSince = Date.now();
    // The last one waits for the server to be down.
    if (users.size > 0) user.destroy();
  };
  const listen = (server: import('node:net').Server, at: object) =>
    new Promise<boolean>((resolve) => server.once('error', () => resolve(false)).listen(at, () => resolve(true)));
  if (!(await listen(meeting, { path: orders.meetingPoint }))) give('taken', 0);

  // The meeting point is known on this machine only; a folder shared between machines or containers shows a fresh sign of life.
  const self = `${os.hostname()} ${read('/proc/sys/kernel/random/boot_id').trim()}`;
  const othersAlive = () => read(file('alive')) !== '' && read(file('alive')) !== self && Date.now() - fs.statSync(file('alive')).mtimeMs < 8_000;
  for (let tries = 0; othersAlive(); tries += 1) {
    if (tries > 100) give('foreign', 1);
    await wait(100);
  }
  fs.writeFileSync(file('alive'), self);
  setInterval(() => fs.writeFileSync(file('alive'), self), 2_000);

  const lives = (pid: number) => {
    try {
      return process.kill(pid, 0);
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'EPERM';
    }
  };
  const left = Number(read(path.join(data, 'postmaster.pid')).split('\n')[0]);
  if (left > 0 && lives(left)) {
    const cwd = fs.existsSync(`/proc/${left}`) ? fs.readlinkSync(`/proc/${left}/cwd`) : undefined;
    if (cwd === undefined || cwd === fs.realpathSync(data)) {
      // A server without its guard, which was killed.
      process.kill(left, 'SIGINT');
      while (lives(left)) await wait(50);
    } else {
      // Another program got the number after a crash; the server would take it for a second server.
      fs.rmSync(path.join(data, 'postmaster.pid'));
    }
  }

  const free = async (wanted: number): Promise<number> => {
    const probe = net.createServer();
    if (!(await listen(probe, { port: wanted, host: '127.0.0.1' }))) return free(0);
    const found = (probe.address() as import('node:net').AddressInfo).port;
    await new Promise((resolve) => probe.close(resolve));
    return found;
  };
  // Always the same port where possible: who is connected finds the server again after a restart.
  const chosen = await free(Number(read(file('port'))) || 0);
  fs.writeFileSync(file('port'), String(chosen));

  const log = fs.openSync(file('server.log'), 'w', 0o600);
  const opened = orders.handOver ? fs.openSync(data, 'r') : 'ignore';
  const settings = [`port=${chosen}`, ...orders.settings].flatMap((setting) => ['-c', setting]);
  const server = spawn(orders.postgres, ['-D', orders.handOver ? '/proc/self/fd/3' : data, ...settings], {
    ...orders.owner,
    cwd: '/',
    env: { LC_ALL: 'C' },
    stdio: ['ignore', log, log, opened],
    detached: true,
  });
  const ended = new Promise<string>((resolve) => {
    server.on('error', (error) => resolve(error.message));
    server.on('exit', (code, signal) => resolve(`exit ${code ?? signal}`));
  });
  let over: string | undefined;
  void ended.then((how) => (over = how));
  const ready = () => {
    const lines = read(path.join(data, 'postmaster.pid')).split('\n');
    return Number(lines[0]) === server.pid && lines[7]?.trim() === 'ready';
  };
  while (!over && !ready()) await wait(20);
  if (over) give(`failed ${over} ${read(file('server.log')).slice(-2_000)}`, 1);
  port = chosen;
  for (const user of users) user.write(`${port}\n`);
  tell('ready');

  idleSince = Date.now();
  while (!over && (users.size > 0 || Date.now() - idleSince < patienceMs)) await Promise.race([wait(100), ended]);
  // New users now find nobody and start the next guard, which waits for the server to be down.
  meeting.close();
  if (!over) server.kill('SIGINT');
  await ended;
  fs.rmSync(file('alive'), { force: true });
  process.exit(0);
}
