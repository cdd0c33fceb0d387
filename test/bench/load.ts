import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { quantile, round } from './report.ts';

/*
 * The generator shares the machine with what it measures, so it does as little as can be: requests are bytes made beforehand,
 * a connection is a bare socket, and of an answer only status and length are read. (autocannon takes two to three times the CPU.)
 */

export interface Load {
  answered: number;
  /** Answers other than 202, and broken connections. */
  failed: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

/** As fast as the answers come, on so many connections. */
export async function rush(url: string, requests: Buffer[], connections: number, seconds: number): Promise<Load> {
  const sockets = await open(url, connections);
  const tally = new Tally();
  const begun = performance.now();
  const endsAt = begun + seconds * 1000;
  let next = 0;
  await Promise.all(
    sockets.map(async (connection) => {
      while (next < requests.length && performance.now() < endsAt) {
        const sent = performance.now();
        tally.add(await connection.ask(requests[next++]!), performance.now() - sent);
      }
    }),
  );
  const ran = performance.now() - begun;
  for (const connection of sockets) connection.close();
  return tally.load(ran);
}

/** At a fixed rate, whatever the answers do. Latency counts from when a request was due, so a stall shows in all it delayed. */
export async function paced(url: string, requests: Buffer[], connections: number, perSecond: number): Promise<Load> {
  const free = await open(url, connections);
  const all = [...free];
  const tally = new Tally();
  const waiting: number[] = [];
  const inFlight = new Set<Promise<void>>();
  const begun = performance.now();
  const dueAt = (index: number) => begun + (index * 1000) / perSecond;
  const send = (index: number) => {
    const connection = free.pop();
    if (!connection) return void waiting.push(index);
    const asked = connection.ask(requests[index]!).then((status) => {
      tally.add(status, performance.now() - dueAt(index));
      free.push(connection);
      inFlight.delete(asked);
      const late = waiting.shift();
      if (late !== undefined) send(late);
    });
    inFlight.add(asked);
  };
  for (let next = 0; next < requests.length; ) {
    while (next < requests.length && dueAt(next) <= performance.now()) send(next++);
    await wait(1);
  }
  while (inFlight.size > 0) await Promise.race(inFlight);
  const ran = performance.now() - begun;
  for (const connection of all) connection.close();
  return tally.load(ran);
}

class Tally {
  private readonly times: number[] = [];
  private failed = 0;

  add(status: number, ms: number): void {
    if (status === 202) this.times.push(ms);
    else this.failed++;
  }

  load(ranMs: number): Load {
    const sorted = Float64Array.from(this.times).sort();
    return { answered: sorted.length, failed: this.failed, perSecond: round(sorted.length / (ranMs / 1000), 0), p50Ms: round(quantile(sorted, 0.5), 2), p99Ms: round(quantile(sorted, 0.99), 2) };
  }
}

async function open(url: string, count: number): Promise<Connection[]> {
  const { hostname, port } = new URL(url);
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = connect({ host: hostname, port: Number(port), noDelay: true });
      await new Promise((resolved, failed) => socket.once('connect', resolved).once('error', failed));
      return new Connection(socket);
    }),
  );
}

/** One request at a time on one socket. */
class Connection {
  private heard = '';
  private answer: ((status: number) => void) | undefined;
  private readonly socket: Socket;

  constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (chunk: string) => this.hear(chunk));
    socket.on('error', () => undefined);
    socket.on('close', () => this.answered(0));
  }

  ask(request: Buffer): Promise<number> {
    if (this.socket.destroyed) return wait(10, 0);
    this.socket.write(request);
    return new Promise((resolved) => (this.answer = resolved));
  }

  close(): void {
    this.socket.destroy();
  }

  private hear(chunk: string): void {
    this.heard = this.heard ? this.heard + chunk : chunk;
    const head = this.heard.indexOf('\r\n\r\n');
    if (head < 0) return;
    const length = Number(/content-length: (\d+)/i.exec(this.heard)?.[1] ?? 0);
    if (this.heard.length >= head + 4 + length) this.answered(Number(this.heard.slice(9, 12)));
  }

  private answered(status: number): void {
    const { answer } = this;
    this.heard = '';
    this.answer = undefined;
    answer?.(status);
  }
}
