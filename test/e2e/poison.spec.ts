import type { KlaviyoAccountOptions, StoryEvent } from '#emulators';
import { keys, lists, startWorld, until, type World } from '../support/running-connector.js';
import { operate } from '../support/webhooks.js';

const at = (minutesAgo: number) => new Date(Date.now() - minutesAgo * 60_000).toISOString();
const enrolment = (number: number, phone: string, customerId = `C-${number}`, answers = {}): StoryEvent => {
  const email = `person.${number}@mail.example`;
  return { kind: 'Customer:Upserted', at: at(30), identifiers: { customerId, email, phone }, account: { email, phoneNumber: phone, ...answers } };
};
const consenting = (number: number, phone: string) => enrolment(number, phone, `C-${number}`, { consents_sms: true });
const french = (number: number) => `+3363998${String(number).padStart(4, '0')}`;
const spanish = '+34612345678';
const tooLongForKlaviyo = 'C'.repeat(300);

interface Parked {
  id: string;
  what: string;
  name: string;
  code: string;
  words: string;
}

describe('one thing that Klaviyo refuses', () => {
  let world: World;
  /** The countries the account may send SMS to; whoever lives elsewhere is refused with the whole batch. */
  const countries = ['+33'];
  const account: KlaviyoAccountOptions = { lists: [{ id: lists.newsletter, name: 'Newsletter' }, { id: lists.sms, name: 'SMS' }], supportsSms: countries };
  const parked = async () => (await operate(world.url, 'parked')).json as unknown as Parked[];
  const onSmsList = () => world.klaviyo.listMembers(lists.sms).map(({ email }) => email).sort();

  beforeAll(async () => {
    world = await startWorld({ klaviyo: { accounts: { [keys.klaviyo]: account } }, tenant: { identity: { externalId: ['customerId'] } } });
  }, 60_000);
  afterAll(() => world.stop());

  it('in a batch of subscriptions is parked with Klaviyo\'s reason, and all others are subscribed', async () => {
    const enrolments = [...Array.from({ length: 20 }, (_, i) => consenting(i + 1, french(i + 1))), consenting(21, spanish)];
    await world.tell(enrolments, { concurrency: 21 });
    await world.quiet();
    expect(onSmsList()).toEqual(enrolments.slice(0, 20).map(({ identifiers }) => identifiers['email']).sort());
    expect(await parked()).toMatchObject([{ what: 'command', name: 'subscribe', code: 'KLAVIYO_REFUSED_ITEM', words: expect.stringMatching(/region.*SMS/) as string }]);
    expect(JSON.stringify(await parked())).not.toContain(spanish);
  });

  it('is sent again when an operator asks for it, and arrives when the reason is gone', async () => {
    const [refused] = await parked();
    expect((await operate(world.url, `parked/${refused!.id}/replay`, 'POST')).status).toBe(202);
    await until(async () => (await parked()).length === 1);
    countries.push('+34');
    expect((await operate(world.url, `parked/${refused!.id}/replay`, 'POST')).status).toBe(202);
    await world.quiet();
    expect(await parked()).toEqual([]);
    expect(onSmsList()).toContain('person.21@mail.example');
    expect((await operate(world.url, `parked/${refused!.id}/replay`, 'POST')).json).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('among many profiles is parked, and all other profiles are updated', async () => {
    const enrolments = [...Array.from({ length: 30 }, (_, i) => enrolment(i + 100, french(i + 100))), enrolment(130, french(130), tooLongForKlaviyo)];
    await world.tell(enrolments, { concurrency: 31 });
    await world.quiet();
    const updated = world.klaviyo.profiles().filter(({ email, properties }) => /person\.1\d\d@/.test(email ?? '') && 'neostore.registeredAt' in properties);
    expect(updated.map(({ email }) => email).sort()).toEqual(enrolments.slice(0, 30).map(({ identifiers }) => identifiers['email']).sort());
    expect((await parked()).map(({ name, code }) => `${name} ${code}`)).toContain('upsert-profile KLAVIYO_REFUSED_ITEM');
    expect(JSON.stringify(await parked())).not.toContain(tooLongForKlaviyo);
  });

  it('among many events is parked, all other events arrive, and a replay delivers it', async () => {
    const before = { parked: (await parked()).length, events: world.klaviyo.eventCount() };
    world.klaviyo.faults.set([{ kind: 'status', status: 400, operation: 'create_event', times: 1 }]);
    const enrolments = Array.from({ length: 10 }, (_, i) => enrolment(i + 200, french(i + 200)));
    await world.tell(enrolments, { concurrency: 10 });
    await world.quiet();
    expect(world.klaviyo.eventCount() - before.events).toBe(9);
    const [refused, ...others] = (await parked()).filter(({ name }) => name === 'Wallet Registered');
    expect({ code: refused?.code, others: others.length, parked: (await parked()).length }).toEqual({ code: 'KLAVIYO_REFUSED_ITEM', others: 0, parked: before.parked + 1 });
    await operate(world.url, `parked/${refused!.id}/replay`, 'POST');
    await world.quiet();
    expect(world.klaviyo.eventCount() - before.events).toBe(10);
  });
});
