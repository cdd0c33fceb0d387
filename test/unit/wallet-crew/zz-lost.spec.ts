import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { ask } from '../../../libs/wallet-crew/src/http.js';
it('lost', async () => {
  let last = performance.now(), gap = 0; const iv = setInterval(() => { const n = performance.now(); gap = Math.max(gap, n - last); last = n; }, 10);
  let connections = 0, requests = 0, ended = 0;
  const server = createServer((q, r) => { requests++; (async () => { const c: Buffer[] = []; for await (const x of q) c.push(x as Buffer); ended++; r.writeHead(422, { 'content-type': 'application/json' }); r.end('{"title":"x"}'); })().catch((e) => console.log('srv', e)); });
  server.keepAliveTimeout = 120_000;
  server.on('connection', () => connections++);
  await new Promise<void>((r) => server.listen(0, '127.0.0.1', r));
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/x`);
  const lost: string[] = []; let left = 20_000;
  const one = async () => { while (left-- > 0) { const h = await ask(url, left % 2 ? { method: 'GET', headers: {}, timeoutMs: 5000 } : { method: 'POST', headers: { a: 'b' }, body: '{"identifiers":{"email":"p@x.example"}}', timeoutMs: 5000 }); if ('lost' in h) lost.push(h.words); } };
  await Promise.all(Array.from({ length: 200 }, one));
  console.log(JSON.stringify({ connections, requests, ended, lost: lost.length, w: lost[0], gap: Math.round(gap) }));
  clearInterval(iv); server.closeAllConnections(); server.close();
}, 100_000);
