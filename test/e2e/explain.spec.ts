import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { stringify } from 'yaml';
import type { Explanation } from '#core';
import type { StoryEvent } from '#emulators';
import { buildConnector } from '../support/connector-process.js';
import { PluginFiles } from '../support/plugin-files.js';
import { configFor, keys, lists, startWorld, tenant, type World } from '../support/running-connector.js';
import { ask, bodyOf, deliver, operate, passTime } from '../support/webhooks.js';

const minuteMs = 60_000;
/** A list with double opt-in. */
const club = 'CLUB01';
const apple = 'neostore.wallet.loyaltyCard.Apple';
const at = (minutesAgo: number) => new Date(Date.now() - minutesAgo * minuteMs).toISOString();

let people = 0;
/** Somebody with all consents and the card in a wallet. */
function somebody() {
  const number = ++people;
  const email = `curious.${number}@mail.example`;
  const phone = `+3363995${String(number).padStart(4, '0')}`;
  const identifiers = { customerId: `X-${number}`, email, phone };
  const pass = { identifiers, passId: `pass-of-X-${number}`, passType: 'loyalty' };
  const story: StoryEvent[] = [
    { kind: 'Customer:Upserted', at: at(0.5), identifiers, account: { email, phoneNumber: phone, consents_email: true, consents_sms: true } },
    { kind: 'Pass:Created', at: at(0.4), ...pass },
    { kind: 'Pass:Installed', at: at(0.3), ...pass, device: 'apple' },
  ];
  return { email, phone, identifiers, pass, story };
}

const files = new PluginFiles();
let world: World;

beforeAll(async () => {
  buildConnector();
  const account = { id: 'ACC001', lists: [{ id: lists.newsletter, name: 'Newsletter' }, { id: lists.sms, name: 'SMS' }, { id: club, name: 'Club', opt_in_process: 'double_opt_in' as const }] };
  const options = {
    klaviyo: { accounts: { [keys.klaviyo]: account } },
    tenant: { links: {}, consents: { consents_email: { channel: 'email' }, consents_sms: { channel: 'sms', listId: lists.sms }, consents_club: { channel: 'email', listId: club } } },
  };
  world = await startWorld(options);
  writeFileSync(files.configFile, stringify(configFor(world.klaviyo.url, world.walletCrew.url, options)));
}, 200_000);
afterAll(async () => {
  await world?.stop();
  await files.remove();
});

async function known() {
  const person = somebody();
  await world.tell(person.story, { concurrency: 1 });
  await world.quiet();
  return person;
}

/** As docs recommend: the address is in the body. */
const explainCall = (who: unknown, token: string = keys.operations) =>
  ask(`${world.url}/api/${tenant}/operations/explain`, { method: 'POST', headers: { 'authorization': `Bearer ${token}`, 'content-type': 'application/json' }, body: JSON.stringify({ who }) });
async function explain(who: string): Promise<Explanation> {
  const { status, text, json } = await explainCall(who);
  if (status !== 200) throw new Error(`${status} ${text}`);
  return json as unknown as Explanation;
}

const profilesOf = async (who: string) => {
  const { klaviyo } = await explain(who);
  if (!klaviyo.asked || !klaviyo.profiles[0]) throw new Error('Klaviyo has no such profile.');
  return klaviyo.profiles as [(typeof klaviyo.profiles)[number]];
};
const shouldOf = async (who: string) => (await explain(who)).truth!.profile!.properties;

/** Somebody else with a key of the account. */
const foreignWrite = (email: string, properties: object) =>
  ask(`${world.klaviyo.url}/api/profile-import`, {
    method: 'POST',
    headers: { 'authorization': `Klaviyo-API-Key ${keys.klaviyo}`, 'revision': '2026-07-15', 'content-type': 'application/vnd.api+json' },
    body: JSON.stringify({ data: { type: 'profile', attributes: { email, properties } } }),
  });

/** The command, as a process of its own beside the running connector. */
function command(...given: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const main = join(import.meta.dirname, '../../dist/apps/explain/src/main.js');
  const env = { PATH: process.env['PATH'] ?? '', CONFIG_FILE: files.configFile, DATABASE_URL: world.databaseUrl };
  return new Promise((resolve) => execFile(process.execPath, [main, ...given], { cwd: files.folder, env }, (error, stdout, stderr) => resolve({ status: Number(error?.code ?? 0), stdout, stderr })));
}

describe('why somebody is (not) in a segment', () => {
  it('is nothing, where both sides agree; whatever they are asked for by, and without their token', async () => {
    const { email, phone, identifiers, pass } = await known();
    const answers = await Promise.all([email, phone, identifiers.customerId, pass.passId, `customerId:${identifiers.customerId}`].map(explain));
    for (const answer of answers) expect({ who: answer.who?.personId, firstBroken: answer.firstBroken }).toEqual({ who: answers[0]!.who!.personId });
    const [{ klaviyo, walletCrew, truth, events, consent }] = answers as [Explanation];
    expect(klaviyo).toMatchObject({ asked: true, profiles: [{ email, own: true, token: { there: true, newest: true }, consents: { email: { says: 'subscribed' } } }] });
    expect(walletCrew).toMatchObject({ asked: true, passes: [{ id: pass.passId, installed: { Apple: expect.any(String) } }] });
    expect(truth!.status['loyaltyCard']).toMatchObject({ Apple: { status: 'Installed' }, Google: { status: 'NotInstalled' } });
    const metrics = events.flatMap(({ commands }) => commands.flatMap(({ lane, what }) => (lane === 'track' ? [what] : [])));
    expect(metrics.toSorted()).toEqual(['Wallet Pass Created', 'Wallet Pass Installed', 'Wallet Registered']);
    expect(consent.find(({ field }) => field === 'consents_email')).toMatchObject({ choice: { given: true }, asked: [{ list: lists.newsletter, what: 'subscribe' }] });

    const { token } = world.walletCrew.customer(identifiers)!;
    for (const secret of [token, keys.klaviyo, keys.walletCrew]) expect(JSON.stringify(answers)).not.toContain(secret);
    expect((await explain(events[0]!.deliveryId)).who!.personId).toBe(answers[0]!.who!.personId);
    expect((await explain(answers[0]!.who!.personId)).who!.personId).toBe(answers[0]!.who!.personId);
  });

  it('is that somebody else wrote the property after us', async () => {
    const { email } = await known();
    expect((await foreignWrite(email, { [apple]: 'NotInstalled' })).status).toBeLessThan(300);
    expect((await explain(email)).firstBroken).toMatchObject({ name: 'just-accepted' });
    await passTime(world.databaseUrl, 30);
    const { firstBroken, differences } = await explain(email);
    expect(differences).toEqual([{ property: apple, should: 'Installed', is: 'NotInstalled' }]);
    expect(firstBroken).toMatchObject({ name: 'overwritten', about: 'profile', run: 'npm run reconcile -- --once --tenant acme' });
  });

  it('is that a webhook never came', async () => {
    const { email, pass } = await known();
    world.walletCrew.hold([{ kind: 'Pass:Installed', at: at(0.1), ...pass, device: 'google' }]);
    expect((await explain(email)).firstBroken).toMatchObject({ name: 'wallet-crew-disagrees', detail: expect.stringMatching(new RegExp(`pass ${pass.passId} in Google: installed there since .*, NotInstalled here`)) });
  });

  it('is that the card was removed and added again, and neither webhook came', async () => {
    const { email, pass } = await known();
    const later = (minutes: number) => new Date(Date.now() + minutes * minuteMs).toISOString();
    world.walletCrew.hold([{ kind: 'Pass:Uninstalled', at: later(20), ...pass, device: 'apple' }, { kind: 'Pass:Installed', at: later(30), ...pass, device: 'apple' }]);
    expect((await explain(email)).firstBroken).toMatchObject({ name: 'wallet-crew-disagrees', detail: expect.stringMatching(/in Apple: installed there since .*, Installed here since /) });
  });

  it('is found out by the id of a profile that Klaviyo never told us', async () => {
    const { email, identifiers, pass } = await known();
    const [{ klaviyoId }] = await profilesOf(email);
    expect(await explain(klaviyoId)).toMatchObject({ who: { identifiers: { customerId: [identifiers.customerId] } }, truth: { passes: [{ id: pass.passId }] }, klaviyo: { profiles: [{ klaviyoId, own: true }] } });
  });

  it('is that a profile of nobody who has a pass says otherwise', async () => {
    const email = 'stranger@mail.example';
    await foreignWrite(email, {});
    const [{ klaviyoId }] = await profilesOf(email);
    expect((await explain(klaviyoId)).firstBroken).toMatchObject({ name: 'status-absent' });
    await foreignWrite(email, Object.fromEntries(Object.keys(await shouldOf(klaviyoId)).map((name) => [name, name === apple ? 'Installed' : 'NotInstalled'])));
    expect(await explain(klaviyoId)).toMatchObject({ firstBroken: { name: 'status-differs' }, differences: [{ property: apple, should: 'NotInstalled', is: 'Installed' }] });
  });

  it('is that they have yet to confirm, where Klaviyo says that the list asks for it', async () => {
    const { email, identifiers } = somebody();
    await world.tell([{ kind: 'Customer:Upserted', at: at(0.5), identifiers, account: { email, consents_club: true } }]);
    await world.quiet();
    await passTime(world.databaseUrl, 30);
    const { suspicions } = await explain(email);
    expect(suspicions.find(({ about, name }) => about === 'consent' && name !== 'consent-not-given')).toMatchObject({ name: 'waits-for-confirmation', detail: expect.stringContaining(`list ${club}`) });
  });

  it('is that The Wallet Crew knows them and we never heard of them', async () => {
    const { email, story } = somebody();
    world.walletCrew.hold(story);
    expect((await explain(email)).firstBroken).toMatchObject({ name: 'never-heard-of' });
  });

  it('is that their webhook is parked', async () => {
    const { email, identifiers } = somebody();
    await deliver(world.hook, bodyOf({ kind: 'Pass:Created', at: at(0.2), identifiers, passId: 'pass-of-a-kind', passType: 'unheard-of' }, `parked-${email}`));
    await world.quiet();
    const { firstBroken, events, pending } = await explain(email);
    expect(pending).toMatchObject([{ lane: 'decide', status: 'parked', why: 'PASS_KIND_UNKNOWN' }]);
    expect(firstBroken).toMatchObject({ name: 'delivery-parked', code: 'PASS_KIND_UNKNOWN', run: expect.stringMatching(/^POST \/api\/acme\/operations\/parked\/.+\/replay$/) });
    expect(events).toEqual([]);
  });

  it('is that they opted out in Klaviyo, which we have not heard', async () => {
    const { email } = await known();
    await passTime(world.databaseUrl, 30);
    world.klaviyo.optOut({ email }, 'email');
    expect((await explain(email)).firstBroken).toMatchObject({ name: 'opt-out-unheard', about: 'consent' });
  });

  it('is that nobody knows them', async () => {
    expect(await explainCall('nobody@mail.example')).toMatchObject({ status: 404, json: { code: 'PERSON_UNKNOWN', says: expect.stringContaining('Looked for here as email, pass, customerId; in Klaviyo as email; at The Wallet Crew as email, customerId.') } });
    expect(await explainCall('unheard-of-pass')).toMatchObject({ status: 404, json: { says: expect.stringContaining('ask by an identifier on it') } });
  });

  it('is told to operators only, by path as well as by body', async () => {
    const { email, pass } = await known();
    expect((await explainCall(email, 'guessed')).status).toBe(401);
    expect((await operate(world.url, 'explain/x', 'GET', keys.operations, 'nobody')).status).toBe(404);
    expect((await operate(world.url, `explain/${pass.passId}`)).json).toMatchObject({ who: { identity: { email } } });
    expect(await explainCall(7)).toMatchObject({ status: 400, json: { code: 'OPERATOR_BODY_UNUSABLE', says: expect.stringContaining('{"who": "…"}'), fix: expect.not.stringContaining('webhook') } });
  });
});

describe('npm run explain', () => {
  it('prints a page, and ends with 0 where nothing is broken', async () => {
    const { email, identifiers } = await known();
    const { status, stdout, stderr } = await command(tenant, email);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    expect(stdout).toContain('✓ Nothing is broken.');
    expect(stdout).toContain(apple);
    expect(stdout).not.toContain('\u001b[');
    expect(stdout).not.toContain(world.walletCrew.customer(identifiers)!.token);
    for (const line of stdout.split('\n')) expect([...line].length).toBeLessThanOrEqual(100);
  });

  it('ends with 1 where something is broken, and begins with it; as JSON too', async () => {
    const { email } = await known();
    await foreignWrite(email, { [apple]: 'Uninstalled' });
    await passTime(world.databaseUrl, 30);
    const { status, stdout } = await command(tenant, email);
    expect({ status, first: stdout.split('\n')[0] }).toEqual({ status: 1, first: expect.stringMatching(/^✗ Klaviyo accepted the right value/) });
    const json = await command(tenant, email, '--json');
    expect({ status: json.status, firstBroken: (JSON.parse(json.stdout) as Explanation).firstBroken?.name }).toEqual({ status: 1, firstBroken: 'overwritten' });
  });

  it('ends with 2 where it could not be asked', async () => {
    expect(await command(tenant)).toMatchObject({ status: 2, stderr: expect.stringContaining('npm run explain') });
    expect(await command('nobody', 'x')).toMatchObject({ status: 2, stderr: expect.stringContaining('TENANT_UNKNOWN') });
    expect(await command(tenant, 'nobody@mail.example')).toMatchObject({ status: 2, stderr: expect.stringContaining('PERSON_UNKNOWN') });
  });
});
