// What authors of plugins import as `wallet-crew-klaviyo-connector/plugin`: so little that an isolate loads it in no time.
export type { ProfileAttributes, PropertyValue } from '../command.js';
export type { Plain, WalletEvent } from '../wallet/event.js';
export * from './hooks.js';
export * from './plugin.js';
