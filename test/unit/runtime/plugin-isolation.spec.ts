import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { HookAnswer } from '#core';
import type { IsolatedPlugins } from '#runtime';
import { buildConnector } from '../../support/connector-process.js';
import { inShort, PluginFiles } from '../../support/plugin-files.js';

const root = resolve(__dirname, '../../..');
let files: PluginFiles;
beforeAll(() => buildConnector(), 180_000);
beforeEach(() => (files = new PluginFiles()));
afterEach(() => files.remove());

type Entry = { timeoutMs?: number; memoryMb?: number; settings?: object };

/** A plugin whose one hook is given as source; what it is asked is `{ n }`. */
async function plugin(acceptEvent: string, entry: Entry = {}, before = ''): Promise<IsolatedPlugins> {
  return files.load([{ use: files.plugin(`acceptEvent: ${acceptEvent}`, { before }), ...entry }]);
}

const ask = (plugins: IsolatedPlugins, ...inputs: object[]) => plugins.ask('acme', 'sample', 'acceptEvent', inputs);
const numbers = (...all: number[]) => all.map((n) => ({ n }));
const wordsOf = (answer: HookAnswer | undefined) => (answer && !answer.ok ? answer.words : undefined);

describe('a plugin', () => {
  it('answers each of many inputs by itself, in their order', async () => {
    const plugins = await plugin('({ n }) => ({ skip: `number ${n}` })');
    const inputs = numbers(...Array.from({ length: 120 }, (_, i) => i));
    expect(inShort(await ask(plugins, ...inputs))).toEqual(inputs.map(({ n }) => ({ skip: `number ${n}` })));
  });

  it('may be asked by several at once and mixes up nothing', async () => {
    const plugins = await plugin('async ({ n }) => { await null; return { skip: String(n) }; }');
    const batches = await Promise.all(Array.from({ length: 10 }, (_, i) => ask(plugins, ...numbers(i, i + 100))));
    expect(batches.map(inShort)).toEqual(Array.from({ length: 10 }, (_, i) => [{ skip: String(i) }, { skip: String(i + 100) }]));
  });

  it('is waited for when its answer takes a moment', async () => {
    const plugins = await plugin('({ n }) => new Promise((resolve) => setTimeout(resolve, 5, { skip: String(n) }))', { timeoutMs: 5_000 });
    expect(inShort(await ask(plugins, ...numbers(1, 2)))).toEqual([{ skip: '1' }, { skip: '2' }]);
  });

  it('gets its settings checked, completed and frozen', async () => {
    const before = `import { IsInt } from 'class-validator'; class Rules { most = 3; } IsInt()(Rules.prototype, 'most');`;
    const use = files.plugin('settings: Rules, acceptEvent: (_, settings) => ({ skip: `${settings instanceof Rules} ${settings.most} ${Object.isFrozen(settings)}` })', { before });
    expect(inShort(await ask(await files.load([{ use }]), {}))).toEqual([{ skip: 'true 3 true' }]);
  });

  it('that has been taken out of the configuration is an answer too', async () => {
    const plugins = await plugin('() => true');
    expect(inShort(await plugins.ask('acme', 'another', 'acceptEvent', [{}]))).toEqual(['PLUGIN_NOT_FOUND']);
  });
});

describe('a plugin that goes wrong is an answer and nothing more:', () => {
  it('it throws, and the record says what and where, but not the words, which may be personal', async () => {
    const plugins = await plugin('({ n }) => fail(n)', {}, 'function fail(n) {\n  if (n === 2) throw new TypeError(`ana@mail.example is no ${n}`);\n  return true;\n}');
    const answers = await ask(plugins, ...numbers(1, 2, 3));
    expect(inShort(answers)).toEqual([true, 'PLUGIN_FAILED', true]);
    expect(wordsOf(answers[1])).toBe('It threw TypeError at plugin-1.mjs:2.');
  });

  it.each(['Promise.reject(new Error("no"))', '(() => { throw "ana@mail.example"; })()', '(() => { throw null; })()'])('it fails by %s', async (failing) => {
    const [answer] = await ask(await plugin(`() => ${failing}`), {});
    expect(inShort([answer!])).toEqual(['PLUGIN_FAILED']);
    expect(wordsOf(answer)).not.toContain('ana');
  });

  it.each(['input.n = 5', 'input.person.consents.email = true', 'input.lists.push(1)', 'delete input.person', 'settings.x = 1'])('it changes what it was given: %s', async (change) => {
    const plugins = await plugin(`(input, settings) => { ${change}; return true; }`);
    expect(inShort(await ask(plugins, { n: 1, person: { consents: {} }, lists: [] }))).toEqual(['PLUGIN_FAILED']);
  });

  it('it changes what it was given in sloppy mode, where nobody complains, and changes nothing', async () => {
    const use = files.write('sloppy.cjs', `module.exports = { name: 'sample', api: 1, acceptEvent(input) { input.n = 5; return { skip: String(input.n) }; } };`);
    expect(inShort(await ask(await files.load([{ use }]), { n: 1 }))).toEqual([{ skip: '1' }]);
  });

  it.each(['() => {}', '() => () => true', '() => ({ skip() {} })', '() => new Date()', '() => new Map()', '() => NaN', '() => 5n', '() => Symbol("a")', '() => [undefined]', '() => { const a = {}; a.a = a; return a; }', '() => ({ toJSON() { return true; } })', '() => "x".repeat(2e6)', '() => ({ later: Promise.resolve(true) })'])(
    'it returns what is no data: %s',
    async (hook) => expect(inShort(await ask(await plugin(hook), {}))).toEqual(['PLUGIN_ANSWER_UNUSABLE']),
  );

  it('it loops for ever at one input: those before and after it are answered', async () => {
    const plugins = await plugin('({ n }) => { while (n === 3); return { skip: String(n) }; }');
    expect(inShort(await ask(plugins, ...numbers(1, 2, 3, 4, 5)))).toEqual([{ skip: '1' }, { skip: '2' }, 'PLUGIN_TOO_SLOW', { skip: '4' }, { skip: '5' }]);
  });

  it('it never resolves its promise', async () => {
    const plugins = await plugin('({ n }) => (n === 2 ? new Promise(() => {}) : true)');
    expect(inShort(await ask(plugins, ...numbers(1, 2, 3)))).toEqual([true, 'PLUGIN_TOO_SLOW', true]);
  });

  it('it sleeps without using the processor or letting go', async () => {
    const plugins = await plugin('({ n }) => { if (n === 2) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); return true; }');
    expect(inShort(await ask(plugins, ...numbers(1, 2, 3)))).toEqual([true, 'PLUGIN_TOO_SLOW', true]);
  });

  it.each([
    ['on its heap', 'new Array(1e6)'],
    ['on its heap, in small pieces', '{ n: [1, 2, 3] }'],
    ['beside its heap', 'Buffer.alloc(1e7, 1)'],
  ])('it allocates without end %s', async (_where, piece) => {
    const plugins = await plugin(`({ n }) => { const all = []; while (n === 2) all.push(${piece}); return true; }`, { timeoutMs: 10_000 });
    const before = process.memoryUsage.rss();
    expect(inShort(await ask(plugins, ...numbers(1, 2, 3)))).toEqual([true, 'PLUGIN_OUT_OF_MEMORY', true]);
    expect(process.memoryUsage.rss() - before).toBeLessThan(200e6);
  });

  it('it keeps a little more beside its heap each time: it is started anew before that is too much', async () => {
    const plugins = await plugin('() => { kept.push(Buffer.alloc(1e6, 1)); return { skip: String(kept.length) }; }', {}, 'const kept = [];');
    const answers: unknown[] = [];
    while (files.meter.counted.length === 0 && answers.length < 5_000) answers.push(...inShort(await ask(plugins, ...numbers(1, 2, 3, 4, 5))));
    expect(files.meter.counted).toEqual(['connector_plugin_deaths_total acme sample PLUGIN_OUT_OF_MEMORY']);
    // If it happened to be ended in the middle of an answer, that one is missing; all others are there.
    expect(answers.filter((answer) => typeof answer !== 'object').every((answer) => answer === 'PLUGIN_OUT_OF_MEMORY')).toBe(true);
    expect(answers.filter((answer) => typeof answer !== 'object').length).toBeLessThanOrEqual(1);
    expect(inShort(await ask(plugins, {}))).toEqual([{ skip: expect.stringMatching(/^[1-5]$/) }]);
  });

  it.each([
    ['takes over how answers are written', `JSON.stringify = () => '{}'; return true;`],
    ['writes half an answer itself', `fs.writeSync(4, '{"answer":{}}\\n'); return true;`],
    ['writes something else itself', `fs.writeSync(4, '{"loaded":{"functions":[],"others":[]}}\\n'); return true;`],
    ['writes an answer with a code of its own', `fs.writeSync(4, '{"answer":{"ok":false,"code":"TENANT_UNKNOWN","words":""}}\\n'); return true;`],
    ['breaks what every program rests on', `Array.prototype.push = () => 0; Array.prototype.pop = () => ''; Object.freeze = () => {}; Promise.prototype.then = undefined; return true;`],
  ])('it %s: every input still gets an answer', async (_title, body) => {
    const plugins = await plugin(`() => { ${body} }`, {}, `import fs from 'node:fs';`);
    const answers = inShort(await ask(plugins, ...numbers(...Array.from({ length: 30 }, (_, i) => i))));
    expect(answers).toHaveLength(30);
    for (const answer of answers) expect([true, 'PLUGIN_FAILED', 'PLUGIN_TOO_SLOW', 'PLUGIN_ANSWER_UNUSABLE']).toContain(answer);
  });

  it.each(['process.exit(0)', 'process.kill(process.pid, "SIGKILL")', 'process.exitCode = 3, setImmediate(() => { throw new Error(); }), new Promise(() => {})'])('it ends its own process by %s', async (end) => {
    const plugins = await plugin(`({ n }) => (n === 2 ? (${end}) : true)`, { timeoutMs: 5_000 });
    const answers = await ask(plugins, ...numbers(1, 2, 3));
    expect(inShort(answers)).toEqual([true, 'PLUGIN_FAILED', true]);
    expect(wordsOf(answers[1])).toMatch(/^It ended its own process/);
  });

  it('it writes nonsense where its answers go', async () => {
    const plugins = await plugin('({ n }) => { if (n === 2) fs.writeSync(4, "nonsense\\n"); return true; }', {}, `import fs from 'node:fs';`);
    const answers = inShort(await ask(plugins, ...numbers(1, 2)));
    expect(answers[0]).toBe(true);
    // What it wrote may be read only when the next question is under way; the one after that goes to a new isolate.
    const next = async () => (await ask(plugins, { n: 1 }))[0]!;
    const answer = await next();
    expect(answer.ok ? answer : await next()).toEqual({ ok: true, value: true });
  });

  it('it breaks everything it can reach, and only its own isolate is broken', async () => {
    const [evil, good] = [files.plugin('acceptEvent: () => { for (const key of Object.getOwnPropertyNames(globalThis)) try { globalThis[key] = undefined; } catch {} JSON.parse = JSON.stringify = undefined; return true; }', { name: 'evil' }), files.plugin('acceptEvent: () => true', { name: 'good' })];
    const plugins = await files.load([{ use: evil }, { use: good }]);
    await plugins.ask('acme', 'evil', 'acceptEvent', numbers(1, 2));
    expect(inShort(await plugins.ask('acme', 'good', 'acceptEvent', numbers(1)))).toEqual([true]);
    expect(JSON.stringify({ a: 1 })).toBe('{"a":1}');
  });
});

describe('a plugin that fails again and again', () => {
  const loops = '({ n }) => { while (n > 0); return true; }';
  const deaths = () => files.meter.counted.filter((line) => line.startsWith('connector_plugin_deaths_total')).length;

  it('costs no restart for each input: after a few it is left alone for a while', async () => {
    const plugins = await plugin(loops);
    const answers = await ask(plugins, ...Array.from({ length: 30 }, () => ({ n: 1 })));
    expect(inShort(answers)).toEqual(Array(30).fill('PLUGIN_TOO_SLOW'));
    expect(wordsOf(answers[29])).toMatch(/^It is paused/);
    expect(deaths()).toBe(5);
    expect(files.log.lines.filter((line) => line.startsWith('error plugin paused'))).toHaveLength(1);
    await ask(plugins, { n: 1 });
    expect(deaths()).toBe(5);
  });

  it('is asked again when the pause is over, and is as good as new once it answers', async () => {
    const plugins = await plugin(loops);
    await ask(plugins, ...Array.from({ length: 5 }, () => ({ n: 1 })));
    expect(inShort(await ask(plugins, { n: 0 }))).toEqual(['PLUGIN_TOO_SLOW']);
    files.clock.at += 10_001;
    expect(inShort(await ask(plugins, { n: 0 }, { n: 1 }, { n: 0 }))).toEqual([true, 'PLUGIN_TOO_SLOW', true]);
  });

  it('is left alone for longer each time', async () => {
    const plugins = await plugin(loops);
    await ask(plugins, ...Array.from({ length: 5 }, () => ({ n: 1 })));
    files.clock.at += 10_001;
    await ask(plugins, { n: 1 });
    files.clock.at += 10_001;
    expect(wordsOf((await ask(plugins, { n: 0 }))[0])).toMatch(/^It is paused/);
    files.clock.at += 10_000;
    expect(inShort(await ask(plugins, { n: 0 }))).toEqual([true]);
  });

  it('is not paused for errors it throws: they cost nothing', async () => {
    const plugins = await plugin('({ n }) => { if (n) throw new Error(); return true; }');
    expect(inShort(await ask(plugins, ...numbers(1, 1, 1, 1, 1, 1, 1, 1, 0)))).toEqual([...Array(8).fill('PLUGIN_FAILED'), true]);
  });

  it('takes its time only so often when it lets every promise hang', async () => {
    const plugins = await plugin('() => new Promise(() => {})', { timeoutMs: 1 });
    expect(wordsOf((await ask(plugins, ...Array.from({ length: 100 }, () => ({})))).at(-1))).toMatch(/^It is paused/);
  });
});

describe('what a plugin can reach', () => {
  const tried = async (expression: string, entry: Entry = {}, before = '') => inShort(await ask(await plugin(`async () => { try { return { skip: String(${expression}) }; } catch (error) { return { skip: 'refused: ' + error.code }; } }`, { timeoutMs: 5_000, ...entry }, before), {})).map((answer) => (answer as { skip: string }).skip);
  const fs = `import fs from 'node:fs';`;

  it('there is no environment, and so no secret in it', async () => {
    process.env['SECRET_OF_THE_CONNECTOR'] = 'TOP-SECRET';
    try {
      expect(await tried('JSON.stringify(process.env)')).toEqual(['{}']);
      expect(await tried('fs.readFileSync("/proc/self/environ", "utf8")', {}, fs)).toEqual(['refused: ERR_ACCESS_DENIED']);
    } finally {
      delete process.env['SECRET_OF_THE_CONNECTOR'];
    }
  });

  it('it reads its own folder and nothing else', async () => {
    const folder = (name: string) => JSON.stringify(join(files.folder, name));
    files.write('lists.json', '{"FR":"L1"}');
    expect(await tried(`fs.readFileSync(${folder('lists.json')}, 'utf8')`, {}, fs)).toEqual(['{"FR":"L1"}']);
    expect(await tried('fs.readFileSync("lists.json", "utf8")', {}, fs)).toEqual(['{"FR":"L1"}']);
    expect(await tried('fs.readFileSync("/etc/passwd")', {}, fs)).toEqual(['refused: ERR_ACCESS_DENIED']);
    expect(await tried(`fs.writeFileSync(${folder('new')}, 'x')`, {}, fs)).toEqual(['refused: ERR_ACCESS_DENIED']);
  });

  it('a package beside the configuration cannot read the configuration', async () => {
    writeFileSync(files.configFile, 'apiKey: TOP-SECRET');
    files.write('rules/package.json', '{"type":"module"}');
    const use = files.write('rules/dist/index.js', `import fs from 'node:fs'; import { answer } from '../answer.js'; export default { name: 'sample', api: 1, acceptEvent() { try { return { skip: fs.readFileSync(${JSON.stringify(files.configFile)}, 'utf8') }; } catch { return answer; } } };`);
    files.write('rules/answer.js', 'export const answer = true;');
    expect(inShort(await ask(await files.load([{ use }]), {}))).toEqual([true]);
  });

  it('it starts no process and no thread', async () => {
    expect(await tried(`(await import('node:child_process')).spawnSync('true').pid`)).toEqual(['refused: ERR_ACCESS_DENIED']);
    expect(await tried(`new (await import('node:worker_threads')).Worker('', { eval: true })`)).toEqual(['refused: ERR_ACCESS_DENIED']);
  });

  it('what it prints reaches nobody, and it reads nothing from the terminal', async () => {
    expect(await tried('[0, 1, 2].map((fd) => fs.fstatSync(fd).rdev === fs.fstatSync(0).rdev && fs.fstatSync(fd).isCharacterDevice())', {}, fs)).toEqual(['true,true,true']);
    expect(await tried('console.log("loud") ?? process.stdin.read()')).toEqual(['null']);
  });
});

describe('isolates', () => {
  const pids = async (plugins: IsolatedPlugins, ...tenants: string[]) => Promise.all(tenants.map(async (tenant) => Number((inShort(await plugins.ask(tenant, 'sample', 'acceptEvent', [{}]))[0] as { skip: string }).skip)));
  const isAlive = (pid: number) => {
    try {
      process.kill(pid, 0);
      // Ended, but not yet buried by whoever is its parent now.
      return !/^\d+ \(.*\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
    } catch (error) {
      return (error as NodeJS.ErrnoException).code === 'ENOENT' && process.platform !== 'linux';
    }
  };
  const tellsPid = 'acceptEvent: () => ({ skip: String(process.pid) })';

  it('are not shared between tenants, and each stays as it is while it works', async () => {
    const use = files.plugin(tellsPid);
    const plugins = await files.load({ one: [{ use }], two: [{ use }] });
    const [one, two, again] = await pids(plugins, 'one', 'two', 'one');
    expect(new Set([process.pid, one, two]).size).toBe(3);
    expect(again).toBe(one);
  });

  it('end when the connector closes them, busy or not; what was asked meanwhile is asked again elsewhere', async () => {
    const plugins = await files.load([{ use: files.plugin(tellsPid) }, { use: files.plugin('acceptEvent: () => new Promise(() => {})', { name: 'busy' }), timeoutMs: 10_000 }]);
    const [pid] = await pids(plugins, 'acme');
    const busy = plugins.ask('acme', 'busy', 'acceptEvent', [{}]);
    busy.catch(() => {});
    await plugins.close();
    expect(isAlive(pid!)).toBe(false);
    await expect(busy).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
    await expect(ask(plugins, {})).rejects.toMatchObject({ code: 'SHUTTING_DOWN' });
  });

  it('end by themselves when the connector is killed', async () => {
    const use = files.plugin(tellsPid);
    const program = `
      const { Isolate } = await import(${JSON.stringify(join(root, 'dist/libs/runtime/src/plugins/isolate.js'))});
      const { findPlugin } = await import(${JSON.stringify(join(root, 'dist/libs/runtime/src/plugins/find-plugin.js'))});
      const isolate = new Isolate(findPlugin(${JSON.stringify(use)}, ${JSON.stringify(files.configFile)}), { memoryMb: 64, loadMs: 20_000 });
      await isolate.load();
      const { answers } = await isolate.ask('acceptEvent', [{}], 1_000);
      process.stdout.write(answers[0].value.skip);
      setInterval(() => {}, 1_000);
    `;
    const connector = spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'pipe', 'inherit'], env: {} });
    const pid = await new Promise<number>((resolve) => connector.stdout.once('data', (text: Buffer) => resolve(Number(text))));
    expect(isAlive(pid)).toBe(true);
    connector.kill('SIGKILL');
    while (isAlive(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
  });

  it('run what is on record, even if a file was replaced while the connector runs', async () => {
    const use = files.write('plugin.mjs', `export default { name: 'sample', api: 1, acceptEvent: ({ n }) => (n ? process.exit() : { skip: 'old' }) };`);
    const plugins = await files.load([{ use }]);
    const { version } = plugins.installed('acme')[0]!;
    expect(inShort(await ask(plugins, { n: 0 }))).toEqual([{ skip: 'old' }]);
    files.write('plugin.mjs', readFileSync(join(files.folder, 'plugin.mjs'), 'utf8').replace('old', 'new'));
    expect(inShort(await ask(plugins, { n: 0 }, { n: 1 }, { n: 0 }))).toEqual([{ skip: 'old' }, 'PLUGIN_FAILED', { skip: 'new' }]);
    expect(plugins.installed('acme')[0]!.version).not.toBe(version);
  });

  it('whose file has gone answer that, and cost nobody else anything', async () => {
    const use = files.write('plugin.mjs', `export default { name: 'sample', api: 1, acceptEvent: () => process.exit() };`);
    const plugins = await files.load([{ use }]);
    writeFileSync(join(files.folder, 'plugin.mjs'), 'this is nothing');
    const answers = await ask(plugins, {}, {}, {});
    expect(inShort(answers)).toEqual(['PLUGIN_FAILED', 'PLUGIN_FAILED', 'PLUGIN_FAILED']);
    expect(wordsOf(answers[1])).toMatch(/^It could not be started again: /);
  });
});
