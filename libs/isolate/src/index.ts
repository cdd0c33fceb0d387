export * from './ask-hook.js';
export type * from './messages.js';
export * from './plugin-settings.js';
