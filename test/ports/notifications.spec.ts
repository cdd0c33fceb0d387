import { openStore, type OpenStore } from '#store';
import { MemoryNotifications } from '../support/memory-notifications.js';
import { silentLog } from '../support/database-log.js';
import { implementations } from './implementations.js';
import { notificationsSuite } from './notifications.suite.js';

describe('notifications remembered in memory, as tests do', () => {
  const memory = new MemoryNotifications({ now: () => Date.now() });
  notificationsSuite(() => ({ one: memory, other: memory }));
});

describe.each(Object.entries(implementations))('notifications remembered on a %s', (_, database) => {
  let opened: { url: string; dispose(): Promise<void> };
  let replicas: OpenStore[];
  beforeAll(async () => {
    opened = await database();
    replicas = [await openStore({ url: opened.url, log: silentLog }), await openStore({ url: opened.url, log: silentLog })];
  });
  afterAll(async () => {
    await Promise.all(replicas.map(({ close }) => close()));
    await opened.dispose();
  });

  notificationsSuite(() => ({ one: replicas[0]!.notifications, other: replicas[1]!.notifications }));
});
