import { openStore } from '#store';
import { freshDatabase } from '../support/database.js';
import { silentLog } from '../support/database-log.js';
import { runProcess } from '../support/database-process.js';
import { until } from './until.js';

const worker = `
  import { openStore } from '#store';
  const log = { info() {}, warn() {}, error() {} };
  const { queue } = await openStore({ url: process.argv[1], log });
  await queue.work('send-commands', (jobs) => {
    console.log('working ' + jobs.length);
    return new Promise(() => {});
  });`;

describe('a replica that is killed in the middle of its work', () => {
  it('has its jobs run by another one within half a minute', async () => {
    const { url, drop } = await freshDatabase();
    const { queue, close } = await openStore({ url, log: silentLog });
    await queue.send({ queue: 'send-commands', data: { tenant: 'acme', lane: 'track' } });
    const dying = runProcess(worker, [url]);
    await dying.says(/working 1/);
    await dying.kill();
    const killed = Date.now();
    let rerun = 0;
    await queue.work('send-commands', async () => void (rerun = Date.now()));
    await until(() => rerun > 0, 40_000);
    expect(rerun - killed).toBeLessThan(30_000);
    await close();
    await drop();
  });
});
