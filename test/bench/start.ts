import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { Bench } from './bench.ts';
import { freePort, startConnector } from './processes.ts';
import { median, report, round, tell } from './report.ts';
import { writeConfig } from './tenant.ts';

/** From starting the process until `/health/ready` says 200. */
export const start: Bench = async ({ server, quick }) => {
  const starts = quick ? 2 : 5;
  const config = writeConfig('http://127.0.0.1:9');
  const folders: string[] = [];
  const folder = () => {
    folders.push(mkdtempSync(join(tmpdir(), 'connector-bench-data-')));
    return folders.at(-1)!;
  };
  const database = await server.fresh();
  const kept = folder();
  const ways: [name: string, before: number, options: () => { databaseUrl?: string; dataDir?: string }][] = [
    ['database elsewhere', 1, () => ({ databaseUrl: database.url })],
    ['embedded, existing', 1, () => ({ dataDir: kept })],
    ['embedded, new', 0, () => ({ dataDir: folder() })],
  ];
  for (const [name, unmeasured, options] of ways) {
    tell(`start: ${name}, ${starts} times`);
    const times: number[] = [];
    for (let n = -unmeasured; n < starts; n++) {
      const took = await once(config, options());
      if (n >= 0) times.push(took);
    }
    report('start', { database: name, starts, medianMs: round(median(times), 0), slowestMs: round(Math.max(...times), 0) });
  }
  await database.drop();
  for (const one of folders) rmSync(one, { recursive: true, force: true });
};

async function once(configFile: string, where: { databaseUrl?: string; dataDir?: string }): Promise<number> {
  const port = await freePort();
  const begun = performance.now();
  const starting = startConnector({ configFile, workers: true, port, ...where });
  let failed: unknown;
  starting.catch((error: unknown) => (failed = error));
  while (!(await isReady(port))) {
    if (failed) throw failed;
    await wait(10);
  }
  const took = performance.now() - begun;
  await (await starting).stop();
  return took;
}

function isReady(port: number): Promise<boolean> {
  return new Promise((resolved) => {
    request({ host: '127.0.0.1', port, path: '/health/ready', agent: false }, (response) => resolved(response.resume().statusCode === 200))
      .on('error', () => resolved(false))
      .end();
  });
}
