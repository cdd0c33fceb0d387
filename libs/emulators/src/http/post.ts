/** The status of a POST, 0 when there was none. Redirects are not followed. */
export async function post(url: string, headers: Record<string, string>, body: string | Buffer, timeoutMs: number): Promise<number> {
  try {
    const response = await fetch(url, { method: 'POST', headers, body: typeof body === 'string' ? body : new Uint8Array(body), redirect: 'manual', signal: AbortSignal.timeout(timeoutMs) });
    await response.arrayBuffer();
    return response.status;
  } catch {
    return 0;
  }
}
