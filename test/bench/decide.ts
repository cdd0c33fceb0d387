import { decide, type Person } from '#core';
import { readSettings, rulesByTenant } from '#runtime';
import { readDelivery } from '#wallet-crew';
import type { Bench } from './bench.ts';
import { report, round, tell } from './report.ts';
import { storyLength, tenant, tenantSettings, webhookBody } from './tenant.ts';

/** The pure core: stories of many persons, each webhook decided on what the ones before it taught. */
export const decideBench: Bench = async ({ quick }) => {
  tell('decide: the pure core');
  const rules = rulesByTenant(readSettings(tenantSettings('http://127.0.0.1:9'), [])).get(tenant)!;
  const now = Date.now();
  const stories = Array.from({ length: 500 }, (_, person) =>
    Array.from({ length: storyLength }, (_step, step) => readDelivery(webhookBody(`p${person}`, step, now - 3_600_000 + step * 60_000), now).event),
  );
  const live = () => {
    let commands = 0;
    for (const story of stories) {
      let known: Person[] = [];
      for (const event of story) {
        const decision = decide(event, known, rules, now);
        known = [decision.person];
        commands += decision.commands.length;
      }
    }
    return commands;
  };
  live();
  const seconds = quick ? 1 : 3;
  const begun = performance.now();
  let rounds = 0;
  let commands = 0;
  while (performance.now() - begun < seconds * 1000) {
    commands = live();
    rounds++;
  }
  const decisions = rounds * stories.length * storyLength;
  const ran = (performance.now() - begun) / 1000;
  report('decide', { decisions, perSecond: round(decisions / ran, 0), microsPerDecision: round((ran * 1e6) / decisions), commandsPerDecision: round(commands / (stories.length * storyLength), 2) });
};
