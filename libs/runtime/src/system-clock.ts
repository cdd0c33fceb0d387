import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import { Clock } from '#core';

export class SystemClock extends Clock {
  now(): number {
    return Date.now();
  }

  wait(ms: number): Promise<void> {
    return sleep(ms);
  }

  nextTurn(): Promise<void> {
    return immediate();
  }
}
