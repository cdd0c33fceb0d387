export { openStore, type OpenStore, type StoreOptions } from './open-store.js';
