import { PluginHost, type Delivery, type Meter, type Rules } from '#core';
import type { OpenPlugins } from '#runtime';
import { Differences } from './differences.js';
import { MemoryWorld } from './memory-world.js';

/** A replay is no traffic: nothing of it shows in metrics. */
const uncounted: Meter = { count: () => undefined, observe: () => undefined };

/** Decides recorded deliveries twice and answers in what the decisions differ. */
export async function replay(pages: AsyncIterable<Delivery[]>, rules: Rules, now: OpenPlugins, then: OpenPlugins, progress: (deliveries: number) => void = () => undefined): Promise<Differences> {
  const differences = new Differences();
  const [before, after] = [now, then].map(({ runner, rollout }) => new MemoryWorld(new PluginHost(runner, rollout, uncounted), rules));
  for await (const deliveries of pages) {
    differences.add(await before!.take(deliveries), await after!.take(deliveries));
    progress(differences.deliveries);
  }
  return differences;
}
