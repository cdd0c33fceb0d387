import { giveWay } from './give-way.js';

// Before anything is loaded, which takes a processor for a second. A database server that this process starts itself would be slow for everybody: then it gives way later.
if (process.env['DATABASE_URL']) giveWay();
await import('./run.js');
