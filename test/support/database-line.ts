import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** A line to a database that a test cuts, or lets hang, and mends. */
export class DatabaseLine {
  state: 'up' | 'cut' | 'hangs' = 'up';
  private readonly ends = new Set<Socket>();

  private constructor(private readonly server: Server, readonly url: string) {}

  static async to(databaseUrl: string): Promise<DatabaseLine> {
    const there = new URL(databaseUrl);
    const server = createServer();
    await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
    const here = new URL(databaseUrl);
    here.host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
    const line = new DatabaseLine(server, here.href);
    server.on('connection', (near) => line.join(near, connect(Number(there.port || 5432), there.hostname)));
    return line;
  }

  cut(): void {
    this.state = 'cut';
    for (const end of this.ends) end.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((closed) => this.server.close(closed));
  }

  private join(near: Socket, far: Socket): void {
    if (this.state === 'cut') near.destroy();
    for (const [one, other] of [[near, far], [far, near]] as const) {
      this.ends.add(one);
      one.on('data', (chunk) => this.state === 'up' && other.write(chunk));
      one.on('error', () => {}).on('close', () => {
        this.ends.delete(one);
        other.destroy();
      });
    }
  }
}
