export { askHook } from '#isolate';
export type { HeldEvent, HeldProfile, KlaviyoEmulator, StoryEvent, WalletCrewEmulator } from '#emulators';
export * from './samples.js';
export * from './world.js';
