import { backgroundSuite } from './background.suite.js';
import { implementations } from './implementations.js';

describe.each(Object.entries(implementations))('the background of the store on a %s', (_, database) => {
  backgroundSuite(database);
});
