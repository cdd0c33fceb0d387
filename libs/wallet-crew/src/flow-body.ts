import { ConnectorError } from '#core';
import { isMap, readJson, type Json } from './json.js';

/** The body of a flow's call. Fields that nobody knows are ignored, as The Wallet Crew's own API does. */
export function readFlowBody(body: string): Json {
  const given = readJson(body);
  if (given === undefined) throw unusable('It is not JSON.');
  if (!isMap(given)) throw unusable('It must be a JSON object.');
  return given;
}

/** What a template leaves empty, because the profile has no such property, identifies nobody. */
export function readIdentifiers(given: unknown): Record<string, string> {
  if (!isMap(given)) throw unusable('`identifiers` must be an object.');
  const usable = Object.entries(given).filter(([, value]) => !isBlank(value));
  if (usable.some(([, value]) => typeof value !== 'string' && typeof value !== 'number')) throw unusable('Each of `identifiers` must be a text.');
  if (usable.length === 0) throw unusable('`identifiers` names nobody.');
  return Object.fromEntries(usable.map(([key, value]) => [key, String(value).trim()]));
}

/** A text, if there is one. */
export function readText(name: string, value: unknown): string | undefined {
  if (isBlank(value)) return undefined;
  if (typeof value !== 'string') throw unusable(`\`${name}\` must be a text.`);
  return value;
}

const isBlank = (value: unknown) => value === undefined || value === null || (typeof value === 'string' && value.trim() === '');

export const unusable = (detail: string) => new ConnectorError('FLOW_BODY_UNUSABLE', detail);
