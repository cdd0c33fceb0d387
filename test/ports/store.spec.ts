import { implementations } from './implementations.js';
import { storeSuite } from './store.suite.js';

describe.each(Object.entries(implementations))('the store on a %s', (_, database) => {
  storeSuite(database);
});
