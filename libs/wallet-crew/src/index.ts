export * from './delivery.js';
export * from './push-update.js';
export * from './settings.js';
export * from './signature.js';
export * from './wallet-crew-platform.js';
