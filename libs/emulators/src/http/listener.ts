import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Fault, FaultPlan } from '../faults.js';
import { faultAnswer } from './cloudflare-page.js';
import { type Answer, type Exchange, readBody, UnreadableBody } from './exchange.js';
import type { LoggedRequest, RequestLog } from './request-log.js';

export interface Served extends Answer {
  operation: string;
  account?: string;
}

export interface Service {
  /** The operation a request is for; faults are chosen by it. Undefined: the emulator's own pages, never faulty and never logged. */
  operationOf(method: string, path: string): string | undefined;
  handle(exchange: Exchange): Promise<Served> | Served;
  /** What the vendor's own application says for a status it did not plan. */
  ownWords(status: number): Answer;
  /** What it says when the body could not even be decompressed. */
  unreadable(reason: string): Answer;
  faults: FaultPlan;
  log: RequestLog;
}

export interface Listener {
  url: string;
  port: number;
  close(): Promise<void>;
}

export interface Address {
  port?: number;
  host?: string;
}

/** An HTTP server that serves one vendor and misbehaves on request. */
export async function listen(service: Service, { port = 0, host = '127.0.0.1' }: Address): Promise<Listener> {
  const sockets = new Set<Socket>();
  const server = createServer((request, response) => {
    serve(service, request, response).catch((error: unknown) => {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'text/plain' });
      response.end(`emulator failure: ${error instanceof Error ? error.stack : String(error)}`);
    });
  });
  // Longer than any client's pool keeps a connection: an idle close on our side would look like a fault nobody asked for.
  server.keepAliveTimeout = 120_000;
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => resolve());
  });
  const { port: bound } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${bound}`,
    port: bound,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

async function serve(service: Service, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const started = performance.now();
  const origin = `http://${request.headers.host ?? 'localhost'}`;
  const address = new URL(request.url ?? '/', origin);
  const path = address.pathname.length > 1 ? address.pathname.replace(/\/+$/, '') : address.pathname;
  const method = request.method ?? 'GET';
  const operation = service.operationOf(method, path);
  const fault = operation === undefined ? undefined : service.faults.strike(operation);

  let bytes = 0;
  const note = (status: LoggedRequest['status'], served?: Partial<Served>) => {
    if (operation === undefined) return;
    const ms = Math.round((performance.now() - started) * 10) / 10;
    service.log.add({
      at: Date.now(), operation, method, path, status, items: served?.items ?? 0, bytes, ms,
      ...(served?.account === undefined ? {} : { account: served.account }),
      ...(fault === undefined ? {} : { fault: fault.kind }),
    });
  };

  if (fault?.kind === 'reset') {
    note('reset');
    request.socket.resetAndDestroy();
    return;
  }

  let served: Served;
  try {
    const body = await readBody(request);
    bytes = body.length;
    if (fault?.kind === 'hang') return note('hang');
    served =
      fault?.kind === 'status'
        ? { ...faultAnswer(fault, service.ownWords), operation: operation ?? '' }
        : await service.handle({ method, path, origin, query: address.searchParams, headers: request.headers, body });
  } catch (error) {
    if (!(error instanceof UnreadableBody)) throw error;
    served = { ...service.unreadable(error.message), operation: operation ?? '' };
  }

  if (fault?.kind === 'drop') {
    note('drop', served);
    request.socket.destroy();
    return;
  }
  if (fault?.kind === 'slow') await pause(fault.ms);
  note(served.status, served);
  send(response, served, fault);
}

function send(response: ServerResponse, answer: Answer, fault: Fault | undefined): void {
  const body = answer.body === undefined ? Buffer.alloc(0) : Buffer.from(answer.body);
  const sent = fault?.kind === 'malformed' ? body.subarray(0, Math.ceil(body.length / 2)) : body;
  response.writeHead(answer.status, {
    ...answer.headers,
    ...(answer.status === 204 ? {} : { 'content-length': String(sent.length) }),
  });
  response.end(sent);
}
