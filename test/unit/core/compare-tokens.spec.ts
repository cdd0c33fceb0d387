import { parts, type LinkRules, type Person } from '#core';
import { day, live, onlyPerson, rules } from '../../support/stories.js';
import { ana, compare, email, held, kindsOf, links, now, propertiesOf, says, tokenName, withToken } from './comparing-profiles.js';

const withLinks = (own: Partial<LinkRules> = {}) => rules({ links: { ...links, ...own } });
const compareTokens = async (person: Person, token: unknown, rule = withLinks(), only: (typeof parts)[number][] = ['tokens'], more: Record<string, string> = {}) => compare(held({ ...(await propertiesOf(person)), [tokenName]: token, ...more }), person, { rules: rule, only });

const { registeredAt: _registeredAt, ...stranger } = ana({ passes: {} });
const lookUp = (kind: string) => [`flow-action: ${kind}`];
const rewrite = (kind: string) => [`looked-up: ${kind}`];

describe('the token on a profile', () => {
  it.each<[title: string, Person, holds: unknown, repairs: string[]]>([
    ['is the one we know', withToken(1), 'token-1', []],
    ['is missing, and we know one', withToken(1), undefined, rewrite('token-missing')],
    ['was emptied, and we know one', withToken(1), null, rewrite('token-missing')],
    ['is another than the newest', withToken(1), 'token-0', rewrite('token-stale')],
    ['is as old as it may be', withToken(30), 'token-1', []],
    ['is too old', withToken(31), 'token-1', lookUp('token-stale')],
    ['is too old, and not there either', withToken(31), undefined, lookUp('token-stale')],
    ['is too old, and was asked for in vain this week', withToken(31, { tokenAskedAt: now - 6 * day }), 'token-1', []],
    ['is too old, and was asked for in vain the week before', withToken(31, { tokenAskedAt: now - 8 * day }), 'token-1', lookUp('token-stale')],
    ['is missing, and was never asked for', ana(), undefined, lookUp('token-missing')],
    ['was emptied, and none is known', ana(), null, lookUp('token-missing')],
    ['is missing, and was asked for in vain the week before', ana({ tokenAskedAt: now - 8 * day }), undefined, lookUp('token-missing')],
    ['is one that we do not know', ana(), 'of-somebody-else', []],
    ['is missing, and the key of the one we know is lost', ana({ token: { sealed: 'other-key', at: now } }), undefined, lookUp('token-missing')],
    ['is missing of somebody who has nothing at The Wallet Crew', stranger, undefined, []],
    ['is missing of somebody whom Klaviyo cannot know', ana({ identity: {} }), undefined, []],
  ])('%s', async (_title, person, holds, repairs) => {
    const comparison = await compareTokens(person, holds);
    expect(says(comparison)).toEqual(repairs);
    expect(comparison.drift?.sample.about ?? []).toEqual(repairs.length > 0 ? [tokenName] : []);
    expect(kindsOf(await compareTokens(person, holds, withLinks(), ['status', 'consent']))).toEqual([]);
  });

  it('that was asked for in vain this week is called refused, and not asked for; one that was asked for since the run began may be on its way', async () => {
    const asked = (tokenAskedAt: number) => compareTokens(ana({ tokenAskedAt }), undefined);
    expect((await asked(now - 6 * day)).drift).toEqual({ kinds: ['token-missing'], sample: { klaviyoId: 'K-1', personId: ana().id, about: [tokenName] }, repairs: [], refused: { code: 'LINK_TOKEN_MISSING' } });
    expect((await asked(now)).drift).toBeUndefined();
  });

  it('is asked for by a look-up that fires no flow, under the names that Klaviyo knows', async () => {
    const { drift } = await compareTokens(ana(), undefined);
    expect(drift!.repairs[0]!.event).toMatchObject({ kind: 'flow-action', command: { do: 'look-up', profile: { klaviyoId: 'K-1', email }, backfill: true } });
  });

  it('is written again by an update of the profile that carries it', async () => {
    const { drift } = await compareTokens(withToken(1), undefined);
    expect(drift!.repairs[0]!.event).toMatchObject({ kind: 'looked-up', backfill: true, profile: { klaviyoId: 'K-1' }, found: { passes: [], listed: true } });
    const person = onlyPerson(live([drift!.repairs[0]!.event as never], withLinks()));
    // A list of passes is no answer about a token: none is taken for missing because of it.
    expect(person.tokenAskedAt).toBeUndefined();
  });

  it('is neither looked for nor written where events carry it, or there are no links', async () => {
    for (const rule of [withLinks({ tokenOn: 'event' }), rules()]) {
      for (const only of [['tokens'], [...parts]] as const) expect(kindsOf(await compareTokens(withToken(40), undefined, rule, [...only]))).toEqual([]);
    }
  });

  it('is renewed on two counts by one look-up for a person', async () => {
    const { drift } = await compareTokens(withToken(40), 'token-0');
    expect(drift!.repairs).toHaveLength(1);
  });
});

describe('a tenant that asks for tokens only when its flows do', () => {
  const asked = withLinks({ unasked: false });

  it('gets the others too by a run for nothing but tokens', async () => {
    expect(says(await compareTokens(ana(), undefined, asked, ['tokens']))).toEqual(lookUp('token-missing'));
    expect(says(await compareTokens(ana(), undefined, asked, [...parts]))).toEqual([]);
    expect(says(await compareTokens(ana(), undefined, asked, ['status', 'tokens']))).toEqual([]);
  });

  it('gets those it has kept right every night', async () => {
    expect(says(await compareTokens(withToken(1), undefined, asked, [...parts]))).toEqual(rewrite('token-missing'));
    expect(says(await compareTokens(withToken(40), 'token-1', asked, [...parts]))).toEqual(lookUp('token-stale'));
  });
});

describe('whole addresses on the profile', () => {
  const rule = withLinks({ asProperties: true });
  const addresses = (token: string) => ({ 'neostore.link.enrolment': `https://wallet.example/mail?neo.authToken=${token}`, 'neostore.link.pass': `https://wallet.example/pass?neo.authToken=${token}` });

  it.each<[string, Record<string, string>, string[], string[]]>([
    ['hold the newest token', addresses('token-1'), [], []],
    ['hold an older one', addresses('token-0'), rewrite('token-stale'), [tokenName, 'neostore.link.enrolment']],
    ['hold an older one in one of them', { ...addresses('token-1'), 'neostore.link.pass': 'https://wallet.example/pass?neo.authToken=token-0' }, rewrite('token-stale'), ['neostore.link.pass']],
    ['are not there', {}, rewrite('token-stale'), ['neostore.link.enrolment']],
  ])('%s', async (_title, more, repairs, about) => {
    const comparison = await compareTokens(withToken(1), 'token-1', rule, ['tokens'], more);
    expect(says(comparison)).toEqual(repairs);
    expect(about).toEqual(expect.arrayContaining(comparison.drift?.sample.about ?? []));
    expect(JSON.stringify(comparison)).not.toContain('authToken=');
  });

  it('are not looked at where no token is known', async () => {
    expect(says(await compareTokens(ana({ tokenAskedAt: now }), undefined, rule))).toEqual([]);
  });
});
