import type { Page } from 'playwright-core';
import type { Run } from '#core';
import { openBrowser, type OpenBrowser } from '../support/browser.js';
import { buildConnector } from '../support/connector-process.js';
import { checkpointWith } from '../support/ended-runs.js';
import { attack, nightOf, nightWithRefusals, runAtWork } from '../support/nights.js';
import { keys, tenant, until } from '../support/running-connector.js';
import { rememberedRuns, startConsole, type RunningConsole } from '../support/running-console.js';
import { operate } from '../support/webhooks.js';

const nights = Array.from({ length: 20 }, (_, i) => nightOf(i + 1));
let chromium: OpenBrowser;
/** The consoles of one test. */
const served: RunningConsole[] = [];
beforeAll(async () => {
  // The page's scripts are served as they were compiled.
  buildConnector();
  chromium = await openBrowser();
}, 180_000);
afterEach(async () => {
  for (const one of served.splice(0)) await one.close();
});
afterAll(() => chromium.close());

async function serve(runs: Run[]) {
  const remembered = await rememberedRuns(runs);
  const { url, close } = await startConsole(remembered.memory);
  served.push({ url, close });
  return { url, ...remembered };
}

interface Seen extends Awaited<ReturnType<typeof serve>> {
  page: Page;
  /** Requests to anywhere else, errors on the page and in its console. */
  wrong: string[];
}

async function visit(of: Run[], { token = keys.operations, width = 1200, before }: { token?: string; width?: number; before?: (page: Page) => Promise<unknown> } = {}): Promise<Seen> {
  const console = await serve(of);
  const page = await (await chromium.browser.newContext({ locale: 'en-GB', viewport: { width, height: 900 } })).newPage();
  await before?.(page);
  const wrong: string[] = [];
  page.on('request', (request) => void (request.url().startsWith(`${console.url}/`) || request.url().startsWith('blob:') || wrong.push(request.url())));
  page.on('pageerror', ({ message }) => wrong.push(message));
  page.on('console', (message) => void (message.type() === 'error' && wrong.push(message.text())));
  await page.goto(`${console.url}/console#${tenant}`);
  await page.getByLabel('Operator token').fill(token);
  await page.getByRole('button', { name: 'Open' }).click();
  return { page, wrong, ...console };
}

const verdict = (page: Page) => page.getByRole('region', { name: 'Verdict' });

describe('an operator who opens the console', () => {
  it('sees in one line whether to worry', async () => {
    const { page, wrong } = await visit(nights);
    expect(await verdict(page).innerText()).toMatch(/All is well\s+Both sides agree: \d+ differences in 10\s050 passes and 10\s000 profiles were found and repaired\./);
    expect(wrong).toEqual([]);
  });

  it('sees that webhooks have stopped', async () => {
    const { page } = await visit([nightOf(0, { 'install-unheard': 43 }, { checkpoint: checkpointWith({ 'install-unheard': 43 }, { heard: { Apple: { heard: 81, unheard: 2 }, Google: { heard: 2, unheard: 43 } } }) })]);
    expect(await verdict(page).innerText()).toMatch(/Worry\s+Webhooks for Google Wallet seem to have stopped/);
    expect(await page.getByRole('region', { name: 'Silent webhooks' }).innerText()).toContain('Check the webhook subscription');
  });

  it('sees how long a run took beside what the limits ask for, and no factor where they hardly ask for anything', async () => {
    const large = await visit(nights);
    expect(await large.page.locator('.facts').innerText()).toMatch(/\d\.\d\d × the limits’ least, 30 s/);
    const small = await visit([nightOf(0, {}, { tookMs: 2_200, checkpoint: checkpointWith({}, { calls: { passes: 1, profiles: 1, events: 0 } }) })]);
    const facts = await small.page.locator('.facts').innerText();
    expect(facts).toContain('the limits’ least, 0.3 s');
    expect(facts).not.toContain('×');
  });

  it('sees every plot drawn, and has it in words', async () => {
    const { page, wrong } = await visit([nightWithRefusals(), ...nights]);
    await verdict(page).waitFor();
    await until(async () => (await page.locator('#plots canvas').count()) === 4);
    expect(await page.locator('#plots [role=img]').evaluateAll((plots) => plots.map((plot) => [plot.getAttribute('aria-label')!.split(':')[0], plot.querySelector('canvas')!.getContext('2d')!.getImageData(0, 0, 4000, 1000).data.some((part) => part > 0)]))).toEqual([
      ['Stacked bars', true], ['Lines', true], ['Lines', true], ['Lines', true],
    ]);
    const before = await page.locator('#plots [role=img]').first().getAttribute('aria-label');
    await page.getByRole('button', { name: 'After' }).click();
    expect(before).toContain('The newest of 21 runs: 1');
    expect(await page.locator('#plots [role=img]').first().getAttribute('aria-label')).toContain('left after the repairs, by kind. The newest of 21 runs: 9');
    expect(wrong).toEqual([]);
  });

  it('sees every plot also in a browser whose language is none', async () => {
    const { page, wrong } = await visit(nights, { before: (page) => page.addInitScript(() => Object.defineProperty(Navigator.prototype, 'language', { get: () => 'en-US@posix' })) });
    await verdict(page).waitFor();
    await until(async () => (await page.locator('#plots canvas').count()) === 4);
    expect(wrong).toEqual([]);
  });

  it('sees the verdict also where no plot can be drawn', async () => {
    const { page } = await visit(nights, { before: (page) => page.route('**/plot.js', (route) => route.abort()) });
    expect(await verdict(page).innerText()).toContain('All is well');
    expect(await page.locator('#plots [role=img]').allInnerTexts()).toEqual(Array(4).fill('This plot could not be drawn.'));
    expect(await page.getByRole('alert').isVisible()).toBe(false);
  });

  it('sees by kind what was found, repaired, refused and left, and what is the matter with an example', async () => {
    const { page } = await visit([nightWithRefusals()]);
    const row = page.getByRole('table', { name: 'Differences by kind' }).getByRole('row', { name: 'Status wrong' });
    await row.waitFor();
    expect((await row.getByRole('cell').allInnerTexts()).map((text) => text.replaceAll(/\s/g, ''))).toEqual(['1240', '1236', '4', '4']);
    const turn = page.getByRole('button', { name: 'Status wrong' });
    await turn.focus();
    await page.keyboard.press('Enter');
    expect(await turn.getAttribute('aria-expanded')).toBe('true');
    await page.getByRole('button', { name: 'person-of-status-wrong' }).click();
    await page.getByText('The profile says NotInstalled. The next run repairs it.').waitFor();
  });

  it('is not told that nothing was found of what a run that failed never looked for', async () => {
    const { page } = await visit([nightOf(0, {}, { status: 'failed', code: 'KLAVIYO_KEY_REFUSED', checkpoint: checkpointWith({}, { phase: 'passes' }) })]);
    const card = page.getByRole('region', { name: 'Differences by kind' });
    expect(await card.innerText()).toContain('Nothing had been found when it stopped.');
    expect(await card.innerText()).not.toContain('looked for');
  });

  it('sees that nothing more is known of an example that is gone', async () => {
    const { page } = await visit([nightWithRefusals()]);
    await page.getByRole('button', { name: 'Token stale' }).click();
    await page.getByRole('button', { name: 'person-of-token-stale' }).click();
    await page.getByText('Nobody is known by this name.').waitFor();
  });

  it('reads the words of Klaviyo, whatever they are, as words', async () => {
    const { page, wrong } = await visit([nightWithRefusals()]);
    const refused = page.getByRole('region', { name: 'Refused, and why' });
    expect(await refused.innerText()).toContain(attack);
    expect(await page.locator('img, script:not([src])').count()).toBe(0);
    expect([await page.title(), wrong]).toEqual(['Reconciliation', []]);
  });

  it('follows a run at work and can end it', async () => {
    const { page, memory, clock } = await visit([runAtWork(), ...nights]);
    const work = page.getByRole('region', { name: 'The run at work' });
    await until(async () => /Step 4 of 9: reading profiles, 4\s200 so far\./.test(await work.innerText()));
    expect(await work.getByRole('progressbar').getAttribute('value')).toBe('0.42');
    await work.getByRole('button', { name: 'Cancel the run' }).click();
    await work.getByText('It ends as soon as').waitFor();
    // The process that was at it has died; who asks for its end ends it.
    clock.at += 3_600_000;
    const [atWork] = await memory.list(tenant, 1);
    await memory.cancel(tenant, atWork!.id);
    await work.waitFor({ state: 'hidden' });
    await page.getByRole('cell', { name: 'cancelled' }).waitFor();
  });

  it('opens an older run, and takes a report along as a file', async () => {
    const { page } = await visit([nightWithRefusals(), ...nights]);
    await page.getByRole('button', { name: '26 Nov 2026' }).click();
    await until(async () => (await verdict(page).innerText()).includes('26 Nov 2026'));
    const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('link', { name: 'Download' }).click()]);
    expect(download.suggestedFilename()).toBe(`reconciliation-${tenant}-2026-11-26.json`);
  });

  it('is told that a token is wrong, and sees nothing', async () => {
    const { page } = await visit(nights, { token: 'guessed' });
    expect(await page.getByRole('alert').innerText()).toMatch(/^This token is wrong\. .*operations\.token/);
    expect(await verdict(page).count()).toBe(0);
    expect(await page.evaluate(() => [sessionStorage.length, localStorage.length, document.cookie])).toEqual([0, 0, '']);
  });

  it('stays in after a reload, and out after leaving', async () => {
    const { page } = await visit(nights);
    await verdict(page).waitFor();
    await page.reload();
    await verdict(page).waitFor();
    await page.getByRole('button', { name: 'Leave' }).click();
    await page.reload();
    await page.getByLabel('Operator token').waitFor();
    expect(await verdict(page).count()).toBe(0);
    expect(page.url()).not.toContain(keys.operations);
  });

  it('can read it on a phone without moving it sideways', async () => {
    const { page } = await visit([runAtWork(), nightWithRefusals(), ...nights], { width: 375 });
    await until(async () => (await page.locator('#plots canvas').count()) === 4);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(375);
  });
});

describe('the files of the console', () => {
  it('may load nothing from elsewhere and run nothing that stands in the page', async () => {
    const { headers } = await fetch(`${(await serve([])).url}/console`);
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'self'/);
  });

  it.each(['console/nothing.js', 'console/..%2fpage.js', 'console/%2e%2e%2fconsole.controller.js', 'console/main.js.map'])('are no way to %s', async (path) => {
    expect((await fetch(`${(await serve([])).url}/${path}`)).status).toBe(404);
  });
});

describe('the operator API of runs', () => {
  it('lists them with verdict and counts, and neither samples nor checkpoints', async () => {
    const { json, text } = await operate((await serve([runAtWork(), nightWithRefusals()])).url, 'runs');
    expect(json).toMatchObject([{ id: 'run-2', status: 'running' }, { id: 'run-1', verdict: { worry: 'look' }, tookMs: expect.any(Number) as number }]);
    expect(text).not.toMatch(/checkpoint|samples|stretches/);
  });

  it.each([
    ['GET', 'runs/run-99', 'No run has this id.'],
    ['POST', 'runs/run-99/cancel', 'No run with this id is at work.'],
    ['POST', 'runs/run-1/cancel', 'No run with this id is at work.'],
  ])('404 to %s %s', async (method, path, words) => {
    expect(await operate((await serve([nightWithRefusals()])).url, path, method)).toMatchObject({ status: 404, json: { code: 'NOT_FOUND', says: `There is no such thing, or not any more. ${words}` } });
  });

  it('refuses everybody else', async () => {
    const { url } = await serve([nightWithRefusals()]);
    for (const path of ['runs', 'runs/run-1']) expect((await operate(url, path, 'GET', 'guessed')).status).toBe(401);
    expect((await operate(url, 'runs', 'GET', keys.operations, 'globex')).status).toBe(404);
  });
});
