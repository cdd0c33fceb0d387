export * from './load-plugins.js';
export * from './plugin-settings.js';
