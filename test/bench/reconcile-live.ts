import { setTimeout as wait } from 'node:timers/promises';
import type { Report } from '#core';
import type { Bench } from './bench.ts';
import type { Crowd } from './crowd.ts';
import { loadAverage } from './proc.ts';
import { runReconciler, type Running } from './processes.ts';
import { openWorld } from './reconcile-world.ts';
import { expect, quantile, report, round, tell } from './report.ts';
import { hookPath, newcomer } from './tenant.ts';
import { askVendor } from './vendor.ts';

const mostSlower = 1.5;
/** Near a million a day: what a brand of a million passes gets when it is busy. A hundredth of what comes within a run is no accident. */
const perSecond = 10;
/** All have come long before. */
const mostWaitMs = 120_000;
/** Klaviyo's true limits: what is compressed would be more than a night ever brings. */
const compression = 1;

/**
 * Webhooks go on while a run compares and repairs: how long until they are accepted, and until Klaviyo has their event. Alone before and
 * after the run, and beside it, because a shared machine is never as fast as it was a minute ago.
 */
export const reconcileLive: Bench = async ({ server, quick, sizes: [people] = [quick ? 2_000 : 100_000] }) => {
  const crowd: Crowd = { people: people!, drift: 0.01, until: Date.now() };
  const world = await openWorld(server, crowd, compression);
  const seconds = quick ? 10 : 60;
  await new Live(world.connector, world.klaviyo).stream(50);
  tell(`reconcile-live: ${perSecond} webhooks a second alone, then beside a run over ${people} with ${crowd.drift * 100} % drift, then alone`);
  const alone = new Live(world.connector, world.klaviyo);
  await alone.stream(seconds * perSecond);
  const beside = new Live(world.connector, world.klaviyo);
  let isRunning = true;
  const doing = (line: string) => {
    beside.doing = /\d\/\d [a-z ]+/.exec(line)?.[0].trim() ?? beside.doing;
    tell(`  ${line}`);
  };
  const [ended] = await Promise.all([
    runReconciler({ databaseUrl: world.database.url, configFile: world.configFile, tell: doing }).finally(() => (isRunning = false)),
    beside.stream(Infinity, () => isRunning),
  ]);
  await alone.stream(seconds * perSecond);
  if (ended.exitCode !== 0) throw new Error(`The reconciler ended with ${ended.exitCode}.`);
  const { report: run } = JSON.parse(ended.output) as { report: Report };
  const repaired = run.drift.reduce((sum, line) => sum + line.repaired, 0);

  const figures = { alone: alone.figures(), beside: beside.figures() };
  const ratio = (figure: keyof Figures) => round(figures.beside[figure] / figures.alone[figure], 2);
  report('reconcile-live', {
    people, runSeconds: round(ended.seconds), repaired, webhooksAlone: alone.count, webhooksBeside: beside.count,
    acceptedP50Ms: figures.alone.acceptedP50Ms, acceptedP50MsBeside: figures.beside.acceptedP50Ms, acceptedP99Ms: figures.alone.acceptedP99Ms, acceptedP99MsBeside: figures.beside.acceptedP99Ms,
    klaviyoP50Ms: figures.alone.klaviyoP50Ms, klaviyoP50MsBeside: figures.beside.klaviyoP50Ms, klaviyoP99Ms: figures.alone.klaviyoP99Ms, klaviyoP99MsBeside: figures.beside.klaviyoP99Ms,
    ratioAcceptedP50: ratio('acceptedP50Ms'), ratioAcceptedP99: ratio('acceptedP99Ms'), ratioKlaviyoP50: ratio('klaviyoP50Ms'), ratioKlaviyoP99: ratio('klaviyoP99Ms'), load: loadAverage(), slowestAccepted: beside.slowest('acceptedMs'), slowestAtKlaviyo: beside.slowest('arrivedMs'),
  });
  if (!quick) for (const figure of ['acceptedP99Ms', 'klaviyoP99Ms'] as const) expect(ratio(figure) <= mostSlower, `reconcile-live: ${figure} beside a run ${ratio(figure)} times as long, at most ${mostSlower}`);
  await world.close();
};

interface Figures {
  acceptedP50Ms: number;
  acceptedP99Ms: number;
  klaviyoP50Ms: number;
  klaviyoP99Ms: number;
}

interface Followed {
  email: string;
  /** Epoch ms. */
  sentAt: number;
  acceptedMs: number;
  /** What the run was at. */
  doing: string;
}

/** Webhooks of newcomers at an even pace. When their events came to Klaviyo is asked for afterwards: asking all the time would cost as much as they do. */
class Live {
  doing = '';
  private readonly followed: (Followed & { arrivedMs: number })[] = [];
  private readonly connector: Running;
  private readonly klaviyo: Running;

  constructor(connector: Running, klaviyo: Running) {
    this.connector = connector;
    this.klaviyo = klaviyo;
  }

  get count(): number {
    return this.followed.length;
  }

  async stream(most: number, goesOn = () => true): Promise<void> {
    const sent: Promise<Followed>[] = [];
    const begun = performance.now();
    for (let n = 0; n < most && goesOn(); n++) {
      await wait(Math.max(0, begun + (n * 1_000) / perSecond - performance.now()));
      sent.push(this.send());
    }
    this.followed.push(...(await this.arrived(await Promise.all(sent))));
  }

  figures(): Figures {
    const of = (what: 'acceptedMs' | 'arrivedMs', share: number) => round(quantile(this.followed.map((one) => one[what]).sort((a, b) => a - b), share));
    return { acceptedP50Ms: of('acceptedMs', 0.5), acceptedP99Ms: of('acceptedMs', 0.99), klaviyoP50Ms: of('arrivedMs', 0.5), klaviyoP99Ms: of('arrivedMs', 0.99) };
  }

  /** The slowest hundredth, and what the run was at when they came. */
  slowest(what: 'acceptedMs' | 'arrivedMs'): string {
    const slowest = this.followed.toSorted((a, b) => b[what] - a[what]).slice(0, Math.ceil(this.followed.length / 100));
    return slowest.map((one) => `${Math.round(one[what])} ms at ${one.doing}`).join('; ');
  }

  private async send(): Promise<Followed> {
    const { doing } = this;
    // Somebody who registers: a pass that no list names would be drift.
    const { body, signature } = newcomer(0);
    const [email] = /[\w.-]+@bench\.example/.exec(body)!;
    const sentAt = performance.timeOrigin + performance.now();
    const response = await fetch(`${this.connector.url}${hookPath}`, { method: 'POST', body, headers: { 'content-type': 'application/json', 'x-neostore-signature': signature } });
    if (response.status !== 202) throw new Error(`A webhook was answered ${response.status}.`);
    return { email, sentAt, acceptedMs: performance.timeOrigin + performance.now() - sentAt, doing };
  }

  private async arrived(sent: readonly Followed[]): Promise<(Followed & { arrivedMs: number })[]> {
    const begun = performance.now();
    for (;;) {
      const events = await askVendor<{ email: string; receivedAt: number }[]>(this.klaviyo, `events?metric=${encodeURIComponent('Wallet Registered')}`);
      const receivedAt = new Map(events.map((event) => [event.email, event.receivedAt]));
      const missing = sent.filter(({ email }) => !receivedAt.has(email)).length;
      if (missing === 0) return sent.map((one) => ({ ...one, arrivedMs: receivedAt.get(one.email)! - one.sentAt }));
      if (performance.now() - begun > mostWaitMs) throw new Error(`${missing} events did not come to Klaviyo within ${mostWaitMs / 1_000} s.`);
      await wait(500);
    }
  }
}
