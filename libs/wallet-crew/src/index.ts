export * from './delivery.js';
export * from './settings.js';
export * from './signature.js';
