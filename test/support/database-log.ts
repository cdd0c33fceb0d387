import type { Log } from '#core';

/** Says nothing; failures show in the test itself. */
export const silentLog: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };
