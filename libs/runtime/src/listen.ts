import type { INestApplication } from '@nestjs/common';
import { ConnectorError } from '#core';

/** Answers where; an address that cannot be had becomes a coded error. */
export async function listen(app: Pick<INestApplication, 'listen' | 'getUrl'>, { host, port }: { host: string; port: number }): Promise<string> {
  try {
    await app.listen(port, host);
  } catch (error) {
    const { code, syscall } = error as NodeJS.ErrnoException;
    if (syscall !== 'listen' && syscall !== 'getaddrinfo') throw error;
    throw new ConnectorError('ADDRESS_UNUSABLE', `${host}, port ${port}: ${code === 'EADDRINUSE' ? 'another process listens there' : code}.`, { cause: error });
  }
  return app.getUrl();
}
