import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { isOpen, parts, Reconcile, snippetsOf, things, tokenProperty, type Command, type DeliveryRecord, type Store } from '#core';
import { envelope, sampleDay, signWebhook, startKlaviyo, startWalletCrew, type KlaviyoEmulator, type StoryEvent, type WalletCrewEmulator } from '#emulators';
import { bad, faint, good, PinoLog, Progress, PromMeter, reportText, rulesByTenant, say, strong, SystemClock, table, type Environment } from '#runtime';
import { openDatabase, openStore } from '#store';
import { startConnector } from '../connector.js';
import { sandboxKeys, sandboxLists, sandboxSettings, sandboxTenant } from './settings.js';

const customers = 60;
/** Share of webhooks that come twice, as an at-least-once sender's do. */
const duplicates = 0.15;
const hourMs = 3_600_000;

/** Both vendors as emulators, a sample tenant and a played day of wallet life, in one process. Stays until it is stopped. */
export async function runSandbox(environment: Environment): Promise<void> {
  say(strong('\nWallet Crew ↔ Klaviyo connector: sandbox'));
  say(`There is no ${environment.configFile}, so both vendors are played by emulators. Nothing leaves this machine.\n`);

  const clock = new SystemClock();
  // The terminal belongs to the story; only what goes wrong is logged beside it.
  const log = new PinoLog('error');
  const startedAt = clock.now();
  const lists = [{ id: sandboxLists.newsletter, name: 'Newsletter' }, { id: sandboxLists.sms, name: 'SMS' }];
  const klaviyo = await startKlaviyo({ accounts: { [sandboxKeys.klaviyo]: { name: 'Sandbox', lists } } });
  const walletCrew = await startWalletCrew({ tenants: { [sandboxTenant]: { apiKeys: { [sandboxKeys.walletCrew]: ['*'] } } } });
  const settings = sandboxSettings(walletCrew.url, klaviyo.url);
  const database = await openDatabase({ ...(environment.databaseUrl ? { url: environment.databaseUrl } : {}), dataDir: freshFolder(environment.dataDir), log });
  const opened = await openStore({ url: database.url, log });
  const { app, url } = await startConnector({ settings, opened, clock, log, meter: new PromMeter() }, { ...environment, workers: true });
  say(faint(`database, both emulators and the connector were up after ${((clock.now() - startedAt) / 1000).toFixed(1)} s\n`));

  const hook = `${url}/api/${sandboxTenant}/webhooks/listeners/wallet-crew`;
  // Every run plays another day.
  const firstCustomer = Math.floor(startedAt / 1000) % 9_000;
  const start = new Date(startedAt - 10 * hourMs).toISOString();
  const day = sampleDay({ customers, seed: firstCustomer, firstCustomer, start }).filter(({ at }) => Date.parse(at) <= startedAt);
  const followed = busiest(day);
  await followOne(day.filter((event) => belongsTo(event, followed)), { hook, store: opened.store, klaviyo, walletCrew, clock });
  await playTheRest(day.filter((event) => !belongsTo(event, followed)), { hook, store: opened.store, walletCrew, clock });
  await klaviyo.settle();
  const passPage = snippetsOf(rulesByTenant(settings).get(sandboxTenant)!.links!).find(({ page }) => page === 'pass')!;
  await playTheWayBack({ url, store: opened.store, klaviyo, clock, email: followedEmail(day, followed), snippet: passPage.snippets.email });
  await playTheNight({ reconcile: app.get(Reconcile), day, klaviyo, walletCrew });
  summary(day, klaviyo, url, walletCrew);
}

/** Each sandbox starts with an empty database, named after its process; those of processes that have ended are removed. */
function freshFolder(dataDir: string): string {
  const prefix = 'sandbox-';
  const old = existsSync(dataDir) ? readdirSync(dataDir).filter((name) => name.startsWith(prefix)) : [];
  for (const name of old) if (!isAlive(Number(name.slice(prefix.length)))) rmSync(join(dataDir, name), { recursive: true, force: true });
  return join(dataDir, `${prefix}${process.pid}`);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

interface Stage {
  hook: string;
  store: Store;
  walletCrew: WalletCrewEmulator;
  clock: SystemClock;
}

const belongsTo = (event: StoryEvent, customerId: string) => event.identifiers['customerId'] === customerId;

/** The customer with the longest story of those who gave a consent. */
function busiest(day: StoryEvent[]): string {
  const length = new Map<string, number>();
  for (const { identifiers, account } of day) {
    const id = identifiers['customerId'] ?? '';
    length.set(id, (length.get(id) ?? 0) + 1 + (account?.['consents_email'] === true ? 2 : 0));
  }
  return [...length].toSorted(([, a], [, b]) => b - a)[0]?.[0] ?? '';
}

/** One customer step by step: what came, what was decided, what Klaviyo holds now. */
async function followOne(story: StoryEvent[], { hook, store, klaviyo, walletCrew, clock }: Stage & { klaviyo: KlaviyoEmulator }): Promise<void> {
  const email = story[0]?.identifiers['email'] ?? '';
  say(strong(`One customer, step by step: ${email}`));
  const rows: string[][] = [];
  for (const event of story) {
    walletCrew.hold([event]);
    const body = JSON.stringify(envelope(event, `${event.kind} ${event.at} ${email}`, sandboxTenant));
    const response = await fetch(hook, { method: 'POST', headers: { 'x-neostore-signature': signWebhook(sandboxKeys.webhookSecret, body) }, body });
    const { id } = (await response.json()) as { id: string };
    const record = await settled(store, id, clock);
    await klaviyo.settle();
    rows.push([eventCell(event), decisionCell(record), klaviyoCell(klaviyo, email)]);
  }
  table(['event', 'decision', 'Klaviyo now holds'], rows.flatMap((row) => [row, ['', '', '']]));
}

/** Waits until everything that follows from a delivery has been answered. */
async function settled(store: Store, id: string, clock: SystemClock): Promise<DeliveryRecord> {
  for (;;) {
    const record = await store.delivery(sandboxTenant, id);
    const open = record?.commands.some(isOpen);
    if (record && record.status !== 'undecided' && !open) return record;
    await clock.wait(25);
  }
}

function eventCell({ kind, at, device, passType }: StoryEvent): string {
  return [strong(kind), faint(`${at.slice(11, 16)} ${[device, passType].filter(Boolean).join(', ')}`)].join('\n');
}

function decisionCell({ status, commands, notes, code }: DeliveryRecord): string {
  const lines = commands.map(({ command, status: now }) => {
    const what = inWords(command);
    return `${now === 'accepted' ? good('✓') : bad('·')} ${what}${now === 'accepted' ? '' : faint(` ${now}`)}`;
  });
  if (lines.length === 0) lines.push(faint(status === 'processed' ? 'nothing new to tell' : status));
  if (code) lines.push(bad(code));
  return [...lines, ...notes.map(({ says }) => faint(says))].join('\n');
}

function inWords(command: Command): string {
  switch (command.do) {
    case 'track':
      return `track "${command.metric}"`;
    case 'upsert-profile':
      return 'update the profile';
    case 'push-update':
      return 'update the pass';
    case 'notify':
      return 'notify the pass';
    case 'look-up':
      return 'look the customer up';
    default:
      return `${command.do} (${command.channel})`;
  }
}

function klaviyoCell(klaviyo: KlaviyoEmulator, email: string): string {
  const profile = klaviyo.profile({ email });
  if (!profile) return faint('nobody');
  const wallet = ['Apple', 'Google'].map((name) => `${name} ${statusWord(profile.properties[`neostore.wallet.loyaltyCard.${name}`])}`).join('  ');
  const events = klaviyo.events({ email }).length;
  const on = profile.lists.map(({ name }) => name).join(', ') || 'no list';
  return `loyaltyCard: ${wallet}\n${faint(`${things(events, 'event')}, ${on}`)}`;
}

const statusWord = (status: unknown) => (status === 'Installed' ? good(status) : String(status));

/** Everybody else, as an at-least-once sender would tell it: some twice, none in order. */
async function playTheRest(events: StoryEvent[], { hook, store, walletCrew, clock }: Stage): Promise<void> {
  say(strong(`The day of everybody else: ${events.length} events, shuffled, ${Math.round(duplicates * 100)} % of them sent twice`));
  const taken = new Progress('webhooks');
  const chunk = 20;
  const shuffled = events.toSorted((a, b) => (a.at.slice(-8) + a.kind < b.at.slice(-8) + b.kind ? -1 : 1));
  for (let i = 0; i < shuffled.length; i += chunk) {
    await walletCrew.play(shuffled.slice(i, i + chunk), { to: { url: hook, secret: sandboxKeys.webhookSecret }, duplicates, reorder: true, concurrency: 8 });
    taken.show(Math.min(i + chunk, shuffled.length), shuffled.length);
  }
  await idle(store, clock);
}

/** Shows how much is still to be sent, until nothing is. */
async function idle(store: Store, clock: SystemClock): Promise<void> {
  const sent = new Progress('commands');
  for (let lastOpen = -1; ; ) {
    const counts = await store.commandCounts(sandboxTenant);
    const total = counts.reduce((sum, { count }) => sum + count, 0);
    const open = counts.filter(isOpen).reduce((sum, { count }) => sum + count, 0);
    const undecided = await store.alone(sandboxTenant, async (unit) => (await unit.undecided(1)).length);
    // An answer may be decided on once more, so nothing must wait twice in a row.
    const isIdle = open + undecided === 0 && lastOpen === 0;
    lastOpen = open + undecided;
    sent.show(total - open, isIdle ? total : total + 1);
    if (isIdle) return;
    await clock.wait(200);
  }
}

const followedEmail = (day: StoryEvent[], customerId: string) => day.find((event) => belongsTo(event, customerId))?.identifiers['email'] ?? '';

/** What flows ask for: the profiles of everybody, and a message on one phone. Then what a message to that customer would link to. */
async function playTheWayBack({ url, store, klaviyo, clock, email, snippet }: Pick<Stage, 'store' | 'clock'> & { url: string; klaviyo: KlaviyoEmulator; email: string; snippet: string }): Promise<void> {
  const listeners = `${url}/api/${sandboxTenant}/webhooks/listeners/klaviyo`;
  const call = (path: string, body: string, of: string) => klaviyo.sendFlowWebhook({ url: `${listeners}/${path}`, headers: { 'X-API-KEY': sandboxKeys.walletCrew }, body, profile: { email: of } });
  const emails = klaviyo.profiles().flatMap(({ email: of }) => (of ? [of] : []));
  say(strong(`\nThe way back: a flow asks for ${emails.length} profiles, and for a message on one phone`));
  const asked = new Progress('flow calls');
  for (const [n, of] of emails.entries()) {
    await call('profiles/sync', '{"profileId": "{{ person.KlaviyoID }}", "email": "{{ person.email }}"}', of);
    asked.show(n + 1, emails.length);
  }
  await call('passes/notify', '{"identifiers": {"email": "{{ person.email }}"}, "message": "Double points today"}', email);
  await idle(store, clock);
  await klaviyo.settle();
  const tokens = klaviyo.profiles().filter(({ properties }) => properties[tokenProperty] !== undefined).length;
  const outcome = klaviyo.events({ email }).filter(({ metric }) => metric.startsWith('Wallet Notification')).map(({ metric, properties }) => [metric, properties['reason']].filter(Boolean).join(': '));
  const link = klaviyo.renderTemplate(snippet, { person: klaviyo.profile({ email })?.properties ?? {} });
  table(['what', 'came of it'], [
    ['profiles with the token of pass links', String(tokens)],
    [`the message for ${email}`, outcome.join(', ') || faint('not told yet')],
  ]);
  say(faint(`\nTheir pass, as a link in a message opens it: ${link}`));
}

/** What no webhook told and somebody changed by hand, and the run that finds it. */
async function playTheNight({ reconcile, day, klaviyo, walletCrew }: { reconcile: Reconcile; day: StoryEvent[]; klaviyo: KlaviyoEmulator; walletCrew: WalletCrewEmulator }): Promise<void> {
  say(strong('\nThe night: webhooks were lost and profiles changed by hand; both sides are compared and put right'));
  const [unheard, removed, gone] = walletCrew.passes().filter(({ providers }) => providers.apple && !providers.google);
  if (unheard) walletCrew.hold([{ kind: 'Pass:Installed', at: day.at(-1)!.at, identifiers: unheard.identifiers, passId: unheard.id, passType: unheard.passType, device: 'google' }]);
  if (removed) walletCrew.changePass(removed.id, { providers: {} });
  if (gone) walletCrew.deletePass(gone.id);
  const [wrong, bare, missing] = klaviyo.profiles().filter(({ email, properties }) => email && properties['neostore.wallet.loyaltyCard.Apple'] === 'NotInstalled');
  if (wrong) klaviyo.changeProperties({ id: wrong.id }, { 'neostore.wallet.loyaltyCard.Apple': 'Installed' });
  if (bare) klaviyo.changeProperties({ id: bare.id }, { 'neostore.wallet.loyaltyCard.Google': undefined });
  if (missing) klaviyo.deleteProfile({ id: missing.id });
  const ended = await reconcile.run(sandboxTenant, { dryRun: false, only: parts });
  await klaviyo.settle();
  say(reportText(ended.run));
}

function summary(day: StoryEvent[], klaviyo: KlaviyoEmulator, url: string, walletCrew: WalletCrewEmulator): void {
  const profiles = klaviyo.profiles();
  const holding = (name: string, status: string) => profiles.filter(({ properties }) => properties[name] === status).length;
  say(strong('\nWhat Klaviyo holds now'));
  table(
    ['property', 'Installed', 'Uninstalled', 'NotInstalled'],
    ['loyaltyCard.Apple', 'loyaltyCard.Google', 'giftCard.Apple', 'giftCard.Google', 'Any'].map((name) => {
      const property = `neostore.wallet.${name}`;
      return [property, ...['Installed', 'Uninstalled', 'NotInstalled'].map((status) => String(holding(property, status)))];
    }),
  );
  const refused = klaviyo.stats();
  const lists = klaviyo.lists().map(({ name, members }) => `${name} ${members}`).join(', ');
  say(`\n${day.length} events became ${profiles.length} profiles, ${klaviyo.eventCount()} Klaviyo events and these list members: ${lists}.`);
  say(faint(`${Object.values(refused).length} kinds of calls; refused for their rate: ${klaviyo.requests().filter(({ status }) => status === 429).length}`));
  say(strong('\nLook around'));
  table(
    ['what', 'where'],
    [
      ['what Klaviyo holds', klaviyo.url],
      ['what The Wallet Crew holds', walletCrew.url],
      ['the connector\'s API', `${url}/docs`],
      ['health', `${url}/health/ready  ${url}/health/dependencies`],
      ['metrics', `${url}/metrics`],
      ['the report of the night, with plots', `${url}/console#${sandboxTenant}   token: ${sandboxKeys.operations}`],
      ['why somebody is in a segment', `curl -H 'Authorization: Bearer ${sandboxKeys.operations}' ${url}/api/${sandboxTenant}/operations/explain/${profiles.find(({ email }) => email)?.email ?? ''}`],
      ['pass links to copy', `curl -H 'Authorization: Bearer ${sandboxKeys.operations}' ${url}/api/${sandboxTenant}/operations/links`],
      ['queue and parked items', `curl -H 'Authorization: Bearer ${sandboxKeys.operations}' ${url}/api/${sandboxTenant}/operations/queue`],
    ],
  );
  say(faint('\nCopy config/connector.example.yaml to config/connector.yaml to run the real thing. Ctrl-C stops the sandbox.'));
}
