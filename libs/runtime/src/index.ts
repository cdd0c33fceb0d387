export * from './connector.module.js';
export * from './phone-numbers.js';
export * from './rules.js';
export * from './settings.js';
export * from './system-clock.js';
export * from './telemetry.js';
export * from './workers.js';
