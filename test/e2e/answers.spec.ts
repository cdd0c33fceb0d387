import type { StoryEvent } from '#emulators';
import { inDatabase } from '../support/database.js';
import { keys, startWorld, tenant, until, type Replica, type World } from '../support/running-connector.js';
import { ask, bodyOf, deliver, operate, type Heard } from '../support/webhooks.js';

const email = 'ana.lopez@mail.example';
const at = (minutesAgo: number) => new Date(Date.now() - minutesAgo * 60_000).toISOString();
const enrolment = (number = 1): StoryEvent => ({ kind: 'Customer:Upserted', at: at(10), identifiers: { customerId: `C-${number}`, email }, account: { email } });
const uuid = /^[0-9a-f]{8}-[0-9a-f-]{27}$/;

describe('the connector answers', () => {
  let world: World;
  /** Every answer of this file but those an operator with the token asked for. */
  const heard: Heard[] = [];
  const send = async (...call: Parameters<typeof deliver>) => keep(await deliver(...call));
  const keep = (answer: Heard) => {
    heard.push(answer);
    return answer;
  };
  beforeAll(async () => void (world = await startWorld({ limits: { bodyBytes: 2_000 } })), 60_000);
  afterAll(() => world.stop());

  it('202 with an id to a signed webhook, and the same id when it comes again', async () => {
    const first = await send(world.hook, bodyOf(enrolment(), 'delivery-1'));
    expect(first).toMatchObject({ status: 202, json: { id: expect.stringMatching(uuid) as string } });
    expect(Object.keys(first.json)).toEqual(['id']);
    expect((await send(world.hook, bodyOf(enrolment(), 'delivery-1'))).json).toEqual(first.json);
  });

  it.each([
    ['no signature', { signature: '' }],
    ['the signature of another secret', { secret: 'another-secret-of-the-same-kind' }],
    ['something that is no signature', { signature: 'sha256=' }],
  ])('401 to %s, and keeps nothing', async (_, by) => {
    const body = bodyOf(enrolment(2), 'delivery-2');
    expect(await send(world.hook, body, by)).toMatchObject({ status: 401, json: { code: 'SIGNATURE_INVALID', fix: expect.any(String) as string } });
    const inOneByte = await send(world.hook, `${body} `, { signature: (await import('#emulators')).signWebhook(keys.webhookSecret, body) });
    expect(inOneByte.status).toBe(401);
    expect((await operate(world.url, 'parked')).json).toEqual([]);
  });

  it.each([
    ['is not JSON', `{"email":"${email}"`, 'BODY_NOT_JSON'],
    ['is no object', `["${email}"]`, 'BODY_NOT_JSON'],
    ['is empty', '', 'BODY_NOT_JSON'],
    ['names no event', JSON.stringify({ hello: email }), 'EVENT_UNREADABLE'],
  ])('400 to a signed body that %s, and parks it', async (_, body, code) => {
    const { status, json } = await send(world.hook, body);
    expect({ status, code: json['code'] }).toEqual({ status: 400, code });
    const listed = (await operate(world.url, 'parked')).json as unknown as { id: string; code: string }[];
    expect(listed.filter(({ id }) => String(json['says']).includes(id))).toMatchObject([{ code }]);
  });

  it.each([
    ['names no pass', { ...enrolment(3), kind: 'Pass:Created' }, 'EVENT_WITHOUT_PASS'],
    ['names no wallet', { ...enrolment(3), kind: 'Pass:Installed', passId: 'p1', passType: 'loyalty' }, 'WALLET_UNKNOWN'],
    ['is about a pass type nobody configured', { ...enrolment(3), kind: 'Pass:Created', passId: 'p1', passType: 'season-ticket' }, 'PASS_KIND_UNKNOWN'],
    ['lies in a far future', { ...enrolment(3), at: '2093-01-01T00:00:00.000Z' }, 'EVENT_TIME_UNUSABLE'],
    ['is about nobody', { ...enrolment(3), identifiers: {}, account: {} }, 'EVENT_WITHOUT_PERSON'],
  ])('202 to an event that %s, because its sender can do nothing about it, and parks it', async (_, event, code) => {
    const { status, json } = await send(world.hook, bodyOf(event, `parked-${code}`));
    expect(status).toBe(202);
    await until(async () => ((await operate(world.url, 'parked')).json as unknown as { id: string; code: string }[]).some((one) => one.id === json['id'] && one.code === code));
  });

  it('404 for a tenant nobody configured, whatever is asked', async () => {
    expect(await send(world.hookOf('nobody'), bodyOf(enrolment(), 'x'))).toMatchObject({ status: 404, json: { code: 'TENANT_UNKNOWN' } });
    expect(keep(await operate(world.url, 'parked', 'GET', keys.operations, 'nobody'))).toMatchObject({ status: 404, json: { code: 'TENANT_UNKNOWN' } });
  });

  it('404 with a code for an address that is none, without repeating it', async () => {
    const nowhere = keep(await ask(`${world.url}/api/${tenant}/persons/${email}?token=${keys.operations}`));
    expect(nowhere).toMatchObject({ status: 404, json: { code: 'NOT_FOUND' } });
    expect(keep(await ask(world.hook)).status).toBe(404);
  });

  it('413 to a body larger than configured', async () => {
    const large = bodyOf({ ...enrolment(), metadata: { note: email.repeat(100) } }, 'large');
    expect(await send(world.hook, large)).toMatchObject({ status: 413, json: { code: 'BODY_TOO_LARGE' } });
  });

  it('its operators only with their token', async () => {
    for (const path of ['parked', 'queue', 'deliveries/1']) {
      for (const token of ['', 'wrong', `${keys.operations}x`, keys.operations.slice(1)]) {
        expect(keep(await operate(world.url, path, 'GET', token))).toMatchObject({ status: 401, json: { code: 'OPERATOR_UNKNOWN' } });
      }
    }
    expect(keep(await operate(world.url, 'parked/1/replay', 'POST', 'wrong')).status).toBe(401);
    expect(keep(await operate(world.url, 'parked/1/replay', 'POST')).json).toMatchObject({ code: 'NOT_FOUND' });
    expect(keep(await operate(world.url, 'deliveries/no-such-id')).json).toMatchObject({ code: 'NOT_FOUND' });
  });

  it('its operators what became of a delivery, and how much waits where', async () => {
    const { json } = await send(world.hook, bodyOf(enrolment(9), 'delivery-9'));
    await world.quiet();
    const record = await operate(world.url, `deliveries/${String(json['id'])}`);
    expect(record.json).toMatchObject({ id: json['id'], tenant, status: 'processed', event: { kind: 'registered' } });
    expect(record.text).not.toContain(keys.webhookSecret);
    const queue = await operate(world.url, 'queue');
    expect(queue.json).toMatchObject({ backlog: expect.any(Number) as number, jobs: expect.arrayContaining([expect.objectContaining({ queue: 'send-commands' })]) as unknown });
    expect((queue.json['commands'] as { lane: string; status: string; count: number }[]).find(({ lane, status }) => lane === 'track' && status === 'accepted')!.count).toBeGreaterThan(0);
    keep(queue);
  });

  it('with its description, a page to read it, and metrics', async () => {
    const openapi = keep(await ask(`${world.url}/openapi.json`));
    expect(Object.keys(openapi.json['paths'] as object)).toEqual(expect.arrayContaining(['/api/{tenantId}/webhooks/listeners/wallet-crew', '/health/ready', '/api/{tenantId}/operations/parked']));
    const docs = keep(await ask(`${world.url}/docs`));
    expect({ status: docs.status, html: docs.text.includes('swagger') }).toEqual({ status: 200, html: true });
    const metrics = keep(await ask(`${world.url}/metrics`));
    expect(metrics.status).toBe(200);
    for (const [answer, least] of [['202', 7], ['401', 6], ['400', 4]] as const) {
      const counted = new RegExp(`connector_webhooks_total\\{tenant="acme",answer="${answer}"\\} (\\d+)`).exec(metrics.text);
      expect(Number(counted?.[1])).toBeGreaterThanOrEqual(least);
    }
  });

  it('503 and when to come back while too much waits, and 202 again when it does not', async () => {
    const busy = await startWorld({ workers: false, limits: { backlog: 3 } });
    let helper: Replica | undefined;
    try {
      let number = 100;
      let answer: Heard | undefined;
      await until(async () => (answer = keep(await deliver(busy.hook, bodyOf(enrolment(++number), `b-${number}`)))).status !== 202);
      expect(answer).toMatchObject({ status: 503, json: { code: 'BACKLOG_FULL' } });
      expect(Number(answer!.headers.get('retry-after'))).toBeGreaterThan(0);
      expect((await ask(`${busy.url}/health/ready`)).status).toBe(200);
      expect((await ask(`${busy.url}/health/dependencies`)).json['error']).toMatchObject({ backlog: { status: 'down' } });
      helper = await busy.replica({ workers: true });
      await until(async () => (await deliver(busy.hook, bodyOf(enrolment(number), `b-${number}`))).status === 202);
      await busy.quiet();
    } finally {
      await busy.stop();
    }
    expect(helper).toBeDefined();
  });

  it('503 while its database is away, and never with what went wrong inside', async () => {
    const lonely = await startWorld();
    try {
      const { pathname, href } = new URL(lonely.databaseUrl);
      await inDatabase(href.replace(pathname, '/postgres'), `drop database "${pathname.slice(1)}" with (force)`);
      expect(keep(await deliver(lonely.hook, bodyOf(enrolment(50), 'away')))).toMatchObject({ status: 503, json: { code: 'DATABASE_UNAVAILABLE' } });
      expect(keep(await operate(lonely.url, 'queue')).status).toBe(503);
      expect(keep(await ask(`${lonely.url}/health/ready`)).status).toBe(503);
      expect(keep(await ask(`${lonely.url}/health/live`)).status).toBe(200);
    } finally {
      await lonely.stop();
    }
  });

  it('never with a stack trace, a secret or what it was sent', () => {
    expect(heard.length).toBeGreaterThan(40);
    const betrays = (text: string) => [email, ...Object.values(keys)].some((value) => text.includes(value)) || /\bat .+\.(js|ts):\d+|node_modules|\bselect\b.+\bfrom\b/i.test(text);
    expect(heard.filter(({ text, headers }) => betrays(`${text} ${JSON.stringify([...headers])}`) && !text.includes('swagger')).map(({ status, text }) => `${status} ${text.slice(0, 60)}`)).toEqual([]);
  });
});
