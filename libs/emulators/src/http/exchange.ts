import type { IncomingMessage } from 'node:http';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';

/** One request as the operations see it: already read and decompressed. */
export interface Exchange {
  method: string;
  /** Decoded per segment by the route; this is the path as it came, without query and without a trailing slash. */
  path: string;
  /** The address the caller used, needed for the absolute links of JSON:API. */
  origin: string;
  query: URLSearchParams;
  headers: IncomingMessage['headers'];
  body: Buffer;
}

export interface Answer {
  status: number;
  headers?: Record<string, string>;
  body?: string | Buffer;
  /** How many things the request carried, for the request log. */
  items?: number;
}

export class UnreadableBody extends Error {}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const raw = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
  const encoding = request.headers['content-encoding']?.toLowerCase() ?? 'identity';
  if (encoding === 'identity' || raw.length === 0) return raw;
  try {
    if (encoding === 'gzip') return gunzipSync(raw);
    if (encoding === 'deflate') return inflateSync(raw);
    if (encoding === 'br') return brotliDecompressSync(raw);
  } catch {
    throw new UnreadableBody(`The body is not valid ${encoding}.`);
  }
  throw new UnreadableBody(`Content-Encoding ${encoding} is not supported.`);
}

export const json = (status: number, body: unknown, headers: Record<string, string> = {}, type = 'application/json'): Answer => ({
  status,
  headers: { 'content-type': type, ...headers },
  body: JSON.stringify(body),
});

export const html = (status: number, body: string): Answer => ({ status, headers: { 'content-type': 'text/html; charset=utf-8' }, body });
