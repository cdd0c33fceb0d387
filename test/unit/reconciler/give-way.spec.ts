import { execFileSync } from 'node:child_process';
import { join } from 'node:path';

const file = join(import.meta.dirname, '../../../apps/reconciler/src/give-way.ts');
const asWritten = `
  const { giveWay } = await import(${JSON.stringify(file)});
  giveWay();
  const { readdirSync, readFileSync } = await import('node:fs');
  for (const thread of readdirSync('/proc/self/task')) console.log(readFileSync('/proc/self/task/' + thread + '/stat', 'utf8').trim().split(') ').at(-1));`;
/** As proc(5) numbers them, from the third on: what comes before is a name that may hold anything. */
const niceness = 19 - 3;
const policy = 41 - 3;
const idle = '5';

const threads = (env: NodeJS.ProcessEnv) =>
  execFileSync(process.execPath, ['--disable-warning=ExperimentalWarning', '--input-type=module', '--eval', asWritten], { env, encoding: 'utf8' }).trim().split('\n').map((line) => line.split(' '));

const onLinux = process.platform === 'linux' ? it : it.skip;

describe('a run gives way to whoever answers webhooks on the same machine', () => {
  onLinux('on Linux all of it works only when nothing else wants the processor, or last of all', () => {
    const found = threads(process.env);
    expect(found.length).toBeGreaterThan(1);
    for (const thread of found) expect(thread[policy] === idle || thread[niceness] === '19').toBe(true);
  });

  onLinux('on a Linux that lacks what it takes it works at the lowest priority', () => {
    for (const thread of threads({ PATH: '/nowhere' })) expect(thread[niceness]).toBe('19');
  });
});
