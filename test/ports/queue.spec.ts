import { implementations } from './implementations.js';
import { queueSuite } from './queue.suite.js';

describe.each(Object.entries(implementations))('the queue on a %s', (_, database) => {
  queueSuite(database);
});
