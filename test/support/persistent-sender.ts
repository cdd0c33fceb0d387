import { request, Agent } from 'node:http';
import { signWebhook, type StoryEvent } from '#emulators';
import { keys } from './running-connector.js';
import { bodyOf } from './webhooks.js';

/** What the sender was told about its webhooks. */
export class Sent {
  readonly ids = new Map<StoryEvent, string>();
  tries = 0;
  private readonly awaited: { count: number; reached: () => void }[] = [];

  acknowledge(event: StoryEvent, id: string): void {
    this.ids.set(event, id);
    for (const { count, reached } of this.awaited) if (this.ids.size === count) reached();
  }

  /** Resolves the moment so many are acknowledged, while the others are still on their way. */
  reached(count: number): Promise<void> {
    return this.ids.size >= count ? Promise.resolve() : new Promise((reached) => this.awaited.push({ count, reached }));
  }
}

/** Sends every webhook until it is acknowledged, as The Wallet Crew does, only without its patience. */
export async function sendPersistently(story: readonly StoryEvent[], hook: (attempt: number) => string, sent: Sent, concurrency = 16): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < story.length; i = next++) {
      const event = story[i]!;
      const body = bodyOf(event, `webhook-${i}`);
      for (let attempt = i; !sent.ids.has(event); attempt++) {
        sent.tries++;
        const id = await post(agent, hook(attempt), body);
        if (id !== undefined) sent.acknowledge(event, id);
        else await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  agent.destroy();
}

/** The id of a 202; undefined for whatever else became of it. */
function post(agent: Agent, url: string, body: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const no = () => resolve(undefined);
    if (!URL.canParse(url)) return no();
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'x-neostore-signature': signWebhook(keys.webhookSecret, body) };
    const call = request(url, { method: 'POST', agent, headers, timeout: 10_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', no);
      response.on('end', () => resolve(response.statusCode === 202 ? (JSON.parse(Buffer.concat(chunks).toString()) as { id: string }).id : undefined));
    });
    call.on('timeout', () => call.destroy());
    call.on('error', no);
    call.end(body);
  });
}
