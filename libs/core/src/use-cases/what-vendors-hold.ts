import type { LookUp, ProfileName, Track } from '../command.js';
import { ConnectorError } from '../errors.js';
import { isAsked, type NotAsked, type SeenProfile } from '../explanation/evidence.js';
import type { ListedPass, Passes } from '../ports/passes.js';
import type { HeldEvent, NotNow, Profiles } from '../ports/profiles.js';

/** What both vendors hold of somebody. That one of them cannot be asked is an answer too. */
export class WhatVendorsHold {
  constructor(
    private readonly tenant: string,
    private readonly ports: { profiles: Profiles; passes: Passes },
  ) {}

  /** Profiles by these names, with their newest events. `before`: those that were asked for already. */
  async held(names: readonly ProfileName[], before: SeenProfile[] | NotAsked = []): Promise<SeenProfile[] | NotAsked> {
    const { tenant, ports: { profiles } } = this;
    if (!isAsked(before)) return before;
    const found = new Map(before.map((profile) => [profile.name.klaviyoId, profile]));
    for (const name of names) {
      if (Object.keys(name).length === 0) continue;
      const held = await asking(profiles.find(tenant, name), 'Klaviyo');
      if (!isAsked(held)) return held;
      for (const profile of held) found.set(profile.name.klaviyoId, { ...profile, events: found.get(profile.name.klaviyoId)?.events ?? (await asking(profiles.newestEvents(tenant, profile.name.klaviyoId), 'Klaviyo')) });
    }
    return [...found.values()];
  }

  async passesOf(by: LookUp['by'], before: ListedPass[] | NotAsked = []): Promise<ListedPass[] | NotAsked> {
    if (!isAsked(before)) return before;
    const found = new Map(before.map((pass) => [pass.id, pass]));
    for (const { key, value } of by) {
      const listed = await asking(this.ports.passes.find(this.tenant, key, value), 'The Wallet Crew');
      if (!isAsked(listed)) return listed;
      for (const pass of listed) found.set(pass.id, pass);
    }
    return [...found.values()];
  }

  /** All events of the metric in that second: Klaviyo keeps no shorter times. */
  async eventsAt({ metric, at }: Track): Promise<HeldEvent[] | NotAsked> {
    const from = Math.floor(at / 1_000) * 1_000;
    const events: HeldEvent[] = [];
    let next: string | undefined;
    do {
      const page: { events: HeldEvent[]; next?: string } | NotAsked = await asking(this.ports.profiles.events(this.tenant, metric, from, from + 1_000, next), 'Klaviyo');
      if ('words' in page) return page;
      events.push(...page.events);
      ({ next } = page);
    } while (next !== undefined);
    return events;
  }
}

/** A vendor that cannot be asked is an answer too: the rest is explained all the same. */
async function asking<T extends object>(question: Promise<T | NotNow>, vendor: string): Promise<T | NotAsked> {
  try {
    const answer = await question;
    return 'waitMs' in answer ? { words: `${vendor} could not be asked now.` } : answer;
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    return { words: `${vendor} could not be asked: ${error.message}`, code: error.code };
  }
}
