import { startKlaviyo } from '#emulators';
import { closing } from './support/closing.js';
import { klaviyoCaller, profileBody } from './support/klaviyo-client.js';

const property = "properties['a.b']";
const text = (operator: string, value: unknown) => ({ type: 'profile-property', property, filter: { type: 'string', operator, value } });
const is = (operator: 'is-set' | 'not-set', of = property) => ({ type: 'profile-property', property: of, filter: { type: 'existence', operator } });
const number = (operator: string, value: number) => ({ type: 'profile-property', property: "properties['n']", filter: { type: 'numeric', operator, value } });

async function world() {
  const klaviyo = closing(await startKlaviyo({ limits: 'off' }));
  const call = klaviyoCaller(klaviyo.url);
  const people = { yes: { 'a.b': 'Yes', n: 1 }, no: { 'a.b': 'No', n: 2 }, null: { 'a.b': null }, nested: { a: { b: 'Yes' } }, nothing: {} };
  for (const [name, properties] of Object.entries(people)) await call('POST', '/api/profile-import', profileBody({ email: `${name}@mail.example`, properties }));
  let serial = 0;
  async function members(...groups: object[][]): Promise<string[]> {
    const { status, body } = await call('POST', '/api/segments', { data: { type: 'segment', attributes: { name: `S${++serial}`, definition: { condition_groups: groups.map((conditions) => ({ conditions })) } } } });
    expect(status).toBe(201);
    return klaviyo.segmentMembers(body.data.id as string).map(({ email }) => email!.split('@')[0]!);
  }
  return { klaviyo, call, members };
}

describe('segments of the Klaviyo emulator', () => {
  it('leave a profile whose property is not set out of every text condition, negative ones included', async () => {
    const { members } = await world();
    expect(await members([text('equals', 'Yes')])).toEqual(['yes']);
    expect(await members([text('not-equals', 'Yes')])).toEqual(['no']);
    expect(await members([text('in', ['Yes', 'No'])])).toEqual(['yes', 'no']);
    expect(await members([text('not-in', ['No'])])).toEqual(['yes']);
    expect(await members([text('not-contains', 'Y')])).toEqual(['no']);
    expect(await members([text('starts-with', 'Y')])).toEqual(['yes']);
    expect(await members([text('nregex', '^Y')])).toEqual(['no']);
    expect(await members([number('not-equals', 1)])).toEqual(['no']);
    expect(await members([number('greater-than-or-equal', 1)])).toEqual(['yes', 'no']);
  });

  it('tell what is set from what is not, and take a dot for a letter', async () => {
    const { members } = await world();
    expect(await members([is('is-set')])).toEqual(['yes', 'no']);
    expect(await members([is('not-set')])).toEqual(['null', 'nested', 'nothing']);
    expect(await members([is('is-set', 'email')])).toHaveLength(5);
    expect(await members([is('is-set', 'first_name')])).toEqual([]);
  });

  it('join groups by and, the conditions of a group by or', async () => {
    const { members } = await world();
    expect(await members([text('equals', 'Yes'), text('equals', 'No')])).toEqual(['yes', 'no']);
    expect(await members([text('equals', 'Yes'), text('equals', 'No')], [number('less-than', 2)])).toEqual(['yes']);
    expect(await members([text('equals', 'Yes')], [text('equals', 'No')])).toEqual([]);
  });

  it('say so when they cannot be evaluated here', async () => {
    const { members } = await world();
    await expect(members([{ type: 'profile-region', in_region: true, region_id: 'united_states' }])).rejects.toThrow(/does not evaluate/);
  });

  it('are found by their names, ten on a page', async () => {
    const { call, members } = await world();
    for (let n = 0; n < 12; n++) await members([is('is-set')]);
    const first = await call('GET', '/api/segments');
    const second = await call('GET', first.body.links.next as string);
    expect([first.body.data.length, second.body.data.length, second.body.links.next]).toEqual([10, 2, null]);
    expect((await call('GET', '/api/segments?filter=any(name,["S3","S4","S99"])')).body.data.map(({ attributes }: { attributes: { name: string } }) => attributes.name)).toEqual(['S3', 'S4']);
  });

  it('may be created a hundred times a day', async () => {
    let at = Date.UTC(2026, 8, 1);
    const klaviyo = closing(await startKlaviyo({ now: () => at }));
    const create = () => klaviyoCaller(klaviyo.url)('POST', '/api/segments', { data: { type: 'segment', attributes: { name: 'S', definition: { condition_groups: [{ conditions: [is('is-set')] }] } } } });
    const statuses = [];
    for (let n = 0; n < 101; n++) {
      at += 5_000;
      statuses.push((await create()).status);
    }
    expect([new Set(statuses.slice(0, 100)), statuses[100]]).toEqual([new Set([201]), 429]);
  });
});

describe('flows of the Klaviyo emulator', () => {
  it('are drafts, and refuse what Klaviyo would', async () => {
    const { klaviyo, call, members } = await world();
    await members([is('not-set')]);
    const { id } = klaviyo.segments()[0]!;
    const action = (more: object = {}) => ({ temporary_id: 'a', type: 'send-webhook', data: { message: { url: 'https://shop.example/hook' } }, ...more });
    const create = async (definition: object) => {
      const { status, body } = await call('POST', '/api/flows', { data: { type: 'flow', attributes: { name: 'F', definition } } });
      return status === 201 ? (body.data.attributes.status as string) : (body.errors as { source: { pointer: string } }[]).map(({ source }) => source.pointer.replace('/data/attributes/definition', ''));
    };
    const triggers = [{ type: 'segment', id }];
    expect(await create({ triggers, actions: [action()], entry_action_id: 'a' })).toBe('draft');
    expect(await create({ triggers: [...triggers, ...triggers], actions: [action()], entry_action_id: 'a' })).toEqual(['/triggers']);
    expect(await create({ triggers: [{ type: 'segment', id: 'none' }], actions: [action()], entry_action_id: 'a' })).toEqual(['/triggers/0/id']);
    expect(await create({ triggers, actions: [action({ id: '7' })], entry_action_id: 'b' })).toEqual(['/actions/0/id', '/entry_action_id']);
    expect(await create({ triggers, actions: [action({ data: { message: { url: 'http://shop.example' } } })], entry_action_id: 'a' })).toEqual(['/actions/0/data/message/url']);
    expect(klaviyo.flows()).toHaveLength(1);
  });
});
