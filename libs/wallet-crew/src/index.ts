export { WalletCrewAccounts, type WalletCrewAccountsParts } from './accounts.js';
export * from './delivery.js';
export * from './flow-calls.js';
export * from './settings.js';
export * from './signature.js';
export * from './wallet-crew-platform.js';
export { WalletCrewPasses } from './wallet-crew-passes.js';
