import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { closing } from './closing.js';

export interface Received {
  headers: IncomingHttpHeaders;
  raw: Buffer;
  body: any;
}

/** Somebody's webhook endpoint: keeps what came and answers as told. */
export async function startReceiver(answer: (received: Received, count: number) => number | 'hang' = () => 202) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const raw = Buffer.concat(chunks);
    const one = { headers: request.headers, raw, body: parse(raw) };
    received.push(one);
    const status = answer(one, received.length);
    if (status !== 'hang') response.writeHead(status).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return closing({
    url: `http://127.0.0.1:${port}/hook`,
    received,
    close: () => new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    }),
  });
}

function parse(raw: Buffer): unknown {
  try {
    return JSON.parse(raw.toString());
  } catch {
    return undefined;
  }
}
