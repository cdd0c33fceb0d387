import type { LookUp, Notify, ProfileName, PushUpdate } from '#core';
import { readFlowBody, readIdentifiers, readText, unusable } from './flow-body.js';
import { isMap } from './json.js';

/** The body of `passes/pushUpdate`, exactly as The Wallet Crew documents it (`PushUpdateData`): a flow moves over by changing the host. */
export function readPushUpdate(body: string): PushUpdate {
  const { identifiers, passType: type, additionalData, updateMetadata } = readFlowBody(body);
  const passType = readText('passType', type);
  if (additionalData !== undefined && additionalData !== null && !isMap(additionalData)) throw unusable('`additionalData` must be an object.');
  if (updateMetadata !== undefined && updateMetadata !== null && typeof updateMetadata !== 'boolean') throw unusable('`updateMetadata` must be true or false.');
  return {
    do: 'push-update',
    identifiers: readIdentifiers(identifiers),
    ...(passType === undefined ? {} : { passType }),
    ...(isMap(additionalData) ? { additionalData } : {}),
    updateMetadata: updateMetadata === true,
  };
}

/** The body of `passes/notify`: which pass, and either one message or one per language. */
export function readNotify(body: string): Notify {
  const given = readFlowBody(body);
  const passType = readText('passType', given['passType']);
  const message = readText('message', given['message']);
  const localizedMessage = readLocalized(given['localizedMessage']);
  if (message === undefined && localizedMessage === undefined) throw unusable('It holds neither `message` nor `localizedMessage`.');
  if (message !== undefined && localizedMessage !== undefined) throw unusable('It holds both `message` and `localizedMessage`; only one can be shown.');
  return {
    do: 'notify',
    identifiers: readIdentifiers(given['identifiers']),
    ...(passType === undefined ? {} : { passType }),
    ...(message === undefined ? {} : { message }),
    ...(localizedMessage === undefined ? {} : { localizedMessage }),
  };
}

/** By language; a language that a template left empty is not there. */
function readLocalized(given: unknown): Record<string, string> | undefined {
  if (given === undefined || given === null) return undefined;
  if (!isMap(given)) throw unusable('`localizedMessage` must be an object with a text for each language.');
  const texts = Object.entries(given).flatMap(([language, said]): [string, string][] => {
    const text = readText(`localizedMessage.${language}`, said);
    return text === undefined ? [] : [[language, text]];
  });
  return texts.length === 0 ? undefined : Object.fromEntries(texts);
}

/** How Klaviyo's own templates and its API spell them. */
const spellings: Record<keyof ProfileName, string[]> = {
  klaviyoId: ['profileId', 'profile_id'],
  externalId: ['externalId', 'external_id'],
  email: ['email'],
  phone: ['phone', 'phone_number'],
};

/** The body of `profiles/sync`: whom Klaviyo wants to know more about. By which identifiers is decided later, with what we know. */
export function readSync(body: string): LookUp {
  const given = readFlowBody(body);
  const profile: ProfileName = {};
  for (const name of Object.keys(spellings) as (keyof ProfileName)[]) {
    const said = spellings[name].map((spelling) => readText(spelling, typeof given[spelling] === 'number' ? String(given[spelling]) : given[spelling])).find((text) => text !== undefined);
    if (said !== undefined) profile[name] = said.trim();
  }
  if (Object.keys(profile).length === 0) throw unusable('It names nobody: it needs one of `profileId`, `email`, `phone`, `externalId`.');
  return { do: 'look-up', profile, by: [] };
}
