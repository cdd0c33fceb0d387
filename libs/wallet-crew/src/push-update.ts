import { ConnectorError, type PushUpdate } from '#core';

/**
 * The body of `passes/pushUpdate`, exactly as The Wallet Crew documents it (`PushUpdateData`): a flow moves over by changing the host.
 * Other fields are ignored, as its own API does.
 */
export function readPushUpdate(body: string): PushUpdate {
  const given = parsed(body);
  const { identifiers, passType, additionalData, updateMetadata } = given;
  if (passType !== undefined && passType !== null && typeof passType !== 'string') throw unusable('`passType` must be a text.');
  if (additionalData !== undefined && additionalData !== null && !isMap(additionalData)) throw unusable('`additionalData` must be an object.');
  if (updateMetadata !== undefined && updateMetadata !== null && typeof updateMetadata !== 'boolean') throw unusable('`updateMetadata` must be true or false.');
  return {
    do: 'push-update',
    identifiers: readIdentifiers(identifiers),
    ...(passType ? { passType } : {}),
    ...(isMap(additionalData) ? { additionalData } : {}),
    updateMetadata: updateMetadata === true,
  };
}

function parsed(body: string): Record<string, unknown> {
  let given: unknown;
  try {
    given = JSON.parse(body);
  } catch {
    throw unusable('It is not JSON.');
  }
  if (!isMap(given)) throw unusable('It must be a JSON object.');
  return given;
}

/** What a template leaves empty, because the profile has no such property, identifies nobody. */
function readIdentifiers(given: unknown): Record<string, string> {
  if (!isMap(given)) throw unusable('`identifiers` must be an object.');
  const usable = Object.entries(given).filter(([, value]) => value !== null && String(value).trim() !== '');
  if (usable.some(([, value]) => typeof value !== 'string' && typeof value !== 'number')) throw unusable('Each of `identifiers` must be a text.');
  if (usable.length === 0) throw unusable('`identifiers` names nobody.');
  return Object.fromEntries(usable.map(([key, value]) => [key, String(value).trim()]));
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

const unusable = (detail: string) => new ConnectorError('FLOW_BODY_UNUSABLE', detail);
