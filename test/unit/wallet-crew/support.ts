import { subscribe } from 'node:diagnostics_channel';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Answer, type Outgoing, type Slot, type WalletCommand, type WalletLane } from '#core';
import { WalletCrewAccounts, WalletCrewPasses, WalletCrewPlatform, WalletCrewSettings } from '#wallet-crew';
import { MemoryNotifications } from '../../support/memory-notifications.js';
import { MemoryPermits } from '../../support/memory-permits.js';
import { GlassVault, KeptLog, KeptMeter, ManualClock } from '../../support/system-fakes.js';

export interface HeardCall {
  method: string;
  path: string;
  query: URLSearchParams;
  key: unknown;
  body: string;
}
export type Reply = { status: number; headers?: Record<string, string>; body?: string } | 'silence' | 'hang up';
export type Handler = (call: HeardCall, index: number) => Reply;

let callsUnderWay = 0;
subscribe('http.client.request.start', () => callsUnderWay++);
for (const end of ['http.client.response.finish', 'http.client.request.error']) subscribe(end, () => callsUnderWay--);

/** Time passes only while everybody waits for it and no call is under way: then it jumps to whoever waits least. */
class CallClock extends ManualClock {
  readonly #waiting: { until: number; go: () => void }[] = [];
  #isPassing = false;

  override wait(ms: number): Promise<void> {
    this.waits.push(ms);
    return new Promise((go) => {
      this.#waiting.push({ until: this.at + ms, go });
      void this.#pass();
    });
  }

  async #pass(): Promise<void> {
    if (this.#isPassing) return;
    this.#isPassing = true;
    while (this.#waiting.length > 0) {
      for (let quietTurns = 0; quietTurns < 5; quietTurns = callsUnderWay > 0 ? 0 : quietTurns + 1) await this.nextTurn();
      const next = this.#waiting.toSorted((a, b) => a.until - b.until)[0]!;
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      this.at = Math.max(this.at, next.until);
      next.go();
    }
    this.#isPassing = false;
  }
}

/** The adapter for the tenant `acme`, in front of a server that answers as a test wants it. */
export class Vendor {
  readonly heard: HeardCall[] = [];
  readonly clock: ManualClock = new CallClock();
  readonly permits = new MemoryPermits(this.clock);
  readonly log = new KeptLog();
  readonly meter = new KeptMeter();
  readonly vault = new GlassVault();
  readonly notifications = new MemoryNotifications(this.clock);
  settings!: WalletCrewSettings;
  platform!: WalletCrewPlatform;
  wantsTokens = true;
  answer: Handler = () => ({ status: 200 });
  #server!: Server;

  static async start(settings: Partial<WalletCrewSettings> = {}): Promise<Vendor> {
    const vendor = new Vendor();
    vendor.#server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { pathname, searchParams } = new URL(request.url!, 'http://vendor');
        const call = { method: request.method!, path: pathname, query: searchParams, key: request.headers['x-api-key'], body: Buffer.concat(chunks).toString() };
        vendor.heard.push(call);
        const reply = vendor.answer(call, vendor.heard.length - 1);
        if (reply === 'silence') return;
        if (reply === 'hang up') return void request.socket.destroy();
        response.writeHead(reply.status, reply.headers).end(reply.body);
      });
    });
    await new Promise<void>((resolve) => vendor.#server.listen(0, '127.0.0.1', resolve));
    const baseUrl = `http://127.0.0.1:${(vendor.#server.address() as AddressInfo).port}`;
    vendor.settings = Object.assign(new WalletCrewSettings(), { baseUrl, apiKey: 'the-key', webhookSecret: 'secret-secret', timeoutMs: 300, ...settings });
    vendor.platform = vendor.replica();
    return vendor;
  }

  /** A further process in front of the same vendor, with the same permits. */
  replica(): WalletCrewPlatform {
    const { clock, log, meter, vault, notifications } = this;
    return new WalletCrewPlatform({ accounts: this.#accounts(), wantsTokens: () => this.wantsTokens, clock, log, meter, vaultOf: () => vault, notifications });
  }

  /** Reading passes, in a process of its own. */
  passes(): WalletCrewPasses {
    return new WalletCrewPasses({ accounts: this.#accounts(), clock: this.clock, meter: this.meter });
  }

  #accounts(): WalletCrewAccounts {
    const { permits, clock, log } = this;
    return new WalletCrewAccounts({ settingsOf: (tenant) => (tenant === 'acme' ? this.settings : undefined), permits, clock, log });
  }

  async leave(lane: WalletLane, waiting = 1): Promise<Slot> {
    const slot = await this.platform.slot('acme', lane, waiting);
    if ('waitMs' in slot) throw new Error(`no leave for ${slot.waitMs} ms`);
    return slot;
  }

  /** Carries out one command. */
  async carryOut(command: WalletCommand, { id = 'c-1', attempts = 0 }: { id?: string; attempts?: number } = {}): Promise<Answer> {
    const outgoing: Outgoing = { id, attempts, identity: {}, command };
    return (await (await this.leave(command.do)).send([outgoing]))[0]!;
  }

  /** From now on connections are refused; one that is open stays open. */
  refuseConnections(): void {
    this.#server.close();
  }

  acceptConnections(): Promise<void> {
    const port = Number(new URL(this.settings.baseUrl).port);
    return new Promise((resolve) => this.#server.listen(port, '127.0.0.1', resolve));
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

export const page = (passes: unknown[], headers: Record<string, string> = { 'x-pagination-total': String(passes.length) }): Reply => ({ status: 200, headers, body: JSON.stringify(passes) });

export const heldPass = (id: string, more: object = {}) => ({
  id, secret: 's', passType: 'loyalty', creationDate: '2026-08-01T09:00:00Z', lastUpdateDate: '2026-08-01T09:00:00Z', identifiers: { customerId: 'C-42', email: 'ana@mail.example' }, metadata: {}, additionalData: {},
  providers: { apple: '2026-08-02T10:00:00Z' }, ...more,
});

/** The filters of a list call as `field operator value`. */
export function filtersOf({ query }: HeardCall): string[] {
  const parts = (n: number) => ['field', 'operator', 'value'].map((part) => query.get(`filter[${n}].${part}`));
  return Array.from({ length: 10 }, (_, n) => parts(n)).filter(([field]) => field !== null).map((filter) => filter.join(' '));
}
