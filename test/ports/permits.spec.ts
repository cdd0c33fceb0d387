import { implementations } from './implementations.js';
import { permitsSuite } from './permits.suite.js';

describe.each(Object.entries(implementations))('vendor limits on a %s', (_, database) => {
  permitsSuite(database);
});
