export { openDatabase, type RunningDatabase } from './open-database.js';
export { openStore, type OpenStore, type StoreOptions } from './open-store.js';
