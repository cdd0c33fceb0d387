export { openDatabase, type RunningDatabase } from './open-database.js';
export { openRecorded, type Recorded } from './recorded.js';
export { openStore, type OpenStore, type StoreOptions } from './open-store.js';
