import { AllowNotifications, defaultIdentity, newPerson, PluginHost, type HookAnswer, type HookTypes, type Notify, type Outgoing, type PluginRunner, type Rollout } from '#core';
import { rules, start } from '../../support/stories.js';
import { KeptMeter, ManualClock, MemoryStore } from './fakes.js';

const email = 'ana@example.com';
const wish = (id: string, own: Partial<Notify> = {}): Outgoing<Notify> => ({ id, attempts: 0, identity: {}, command: { do: 'notify', identifiers: { mail: email }, message: 'Hello', ...own } });

function allowing(answer: (input: HookTypes['allowNotification']['input']) => unknown, onError: 'skip' | 'hold' = 'skip') {
  const clock = new ManualClock(start);
  const store = new MemoryStore(clock);
  const asked: HookTypes['allowNotification']['input'][] = [];
  const runner: PluginRunner = {
    installed: () => [{ name: 'quiet', version: 'test', hooks: ['allowNotification'], onError }],
    ask: async (_tenant, _plugin, _hook, inputs) => inputs.map((input): HookAnswer => {
      asked.push(input as (typeof asked)[number]);
      const value = answer(input as (typeof asked)[number]);
      return value === undefined ? { ok: false, code: 'PLUGIN_FAILED', words: 'It threw.' } : { ok: true, value };
    }),
  };
  const rollout: Rollout = { stage: async () => 'on' };
  const allow = new AllowNotifications(new PluginHost(runner, rollout, new KeptMeter()), store, () => rules({ identity: { ...defaultIdentity, email: ['mail'] } }), clock);
  return { allow, store, clock, asked };
}

describe('whether a notification may be sent', () => {
  it('is asked at the moment it would be, with the message and whom it is for', async () => {
    const { allow, store, asked } = allowing(() => true);
    store.persons.set('p', { ...newPerson('p'), identifiers: { email: [{ value: email, at: 1 }] }, metadata: { timeZone: { value: 'Europe/Paris', at: 1 } } });
    const { allowed, answers } = await allow.check('acme', 'notify', [wish('c-1', { passType: 'loyalty' })]);
    expect([allowed.map(({ id }) => id), answers]).toEqual([['c-1'], []]);
    expect(asked).toMatchObject([{ now: start, notification: { message: 'Hello', passType: 'loyalty' }, person: { metadata: { timeZone: 'Europe/Paris' } } }]);
  });

  it('is asked also about somebody we do not know', async () => {
    const { allow, asked } = allowing(() => true);
    await allow.check('acme', 'notify', [wish('c-1')]);
    expect(asked[0]!.person).toBeUndefined();
  });

  it('puts it off until the time the plugin says, and asks again then', async () => {
    const { allow, clock } = allowing(({ now }) => (now < start + 60_000 ? { at: start + 60_000 } : true));
    expect((await allow.check('acme', 'notify', [wish('c-1')])).answers).toEqual([{ id: 'c-1', outcome: 'later', code: 'NOTIFICATION_NOT_ALLOWED', words: 'Plugin "quiet" puts it off.', waitMs: 60_000 }]);
    await clock.wait(60_000);
    expect((await allow.check('acme', 'notify', [wish('c-1')])).allowed).toHaveLength(1);
  });

  it('ends it when the plugin says so, tells Klaviyo why it was not sent, and lets the others go', async () => {
    const { allow } = allowing(({ notification }) => (notification.message === 'Hello' ? { skip: 'Once a week is enough.' } : true));
    const { allowed, answers } = await allow.check('acme', 'notify', [wish('c-1'), wish('c-2', { message: 'Another' })]);
    expect(allowed.map(({ id }) => id)).toEqual(['c-2']);
    expect(answers).toMatchObject([{ id: 'c-1', outcome: 'skipped', code: 'NOTIFICATION_NOT_ALLOWED', words: 'Plugin "quiet": Once a week is enough.', told: { kind: 'notification-not-sent', reason: 'not-allowed', identifiers: { mail: email } } }]);
  });

  it('when the plugin fails: it goes without being asked about, or waits for a plugin that must not be passed over', async () => {
    expect((await allowing(() => undefined).allow.check('acme', 'notify', [wish('c-1')])).allowed).toHaveLength(1);
    expect((await allowing(() => undefined, 'hold').allow.check('acme', 'notify', [wish('c-1')])).answers).toMatchObject([{ outcome: 'later', code: 'PLUGIN_FAILED' }]);
  });

  it('is nobody\'s business for other commands', async () => {
    const { allow, asked } = allowing(() => ({ skip: 'never' }));
    const update: Outgoing = { id: 'c-1', attempts: 0, identity: {}, command: { do: 'push-update', identifiers: { email }, updateMetadata: false } };
    expect((await allow.check('acme', 'push-update', [update])).allowed).toEqual([update]);
    expect(asked).toEqual([]);
  });
});
