import type { Identifiers, ProfileStore } from './profile-store.js';
import type { Profile } from './profile.js';
import { type Fields, type Inspection, isObject } from './shape.js';

/** What a request wants a profile to become. */
export interface ProfileChange {
  id: string | undefined;
  attributes: Fields;
  append: Fields | undefined;
  unappend: Fields | undefined;
  unset: string[];
}

const names = ['first_name', 'last_name', 'organization', 'locale', 'title', 'image', 'anonymous_id'] as const;
const attributeNames = new Set<string>(['email', 'phone_number', 'external_id', '_kx', 'location', 'properties', ...names]);
const inEventNames = new Set<string>([...attributeNames, 'meta']);
const locationNames = new Set(['address1', 'address2', 'city', 'country', 'latitude', 'longitude', 'region', 'zip', 'timezone', 'ip']);

/** Emails must be valid and shorter than 100 characters. */
export const isEmail = (text: unknown): text is string => typeof text === 'string' && text.length < 100 && /^[^\s@]+@[^\s@]+\.[^\s@.]+$/.test(text);
/** E.164. */
export const isPhone = (text: unknown): text is string => typeof text === 'string' && /^\+[1-9]\d{6,14}$/.test(text);

export const phoneDetail = 'Invalid phone number format (Example of a valid format: +12345678901).';
export const noIdentifierDetail = 'One or more identifiers is required.';

/** Structure and types only; whether the values make sense is for `valueProblems`, which a bulk import applies later and per profile. */
export function readProfile(inspection: Inspection, resource: unknown, pointer: string, within: 'profile' | 'event'): ProfileChange | undefined {
  const data = inspection.object(resource, pointer);
  if (!data) return undefined;
  inspection.type(data, 'profile', pointer);
  const attributes = inspection.object(data['attributes'], `${pointer}/attributes`);
  if (!attributes) return undefined;
  const at = `${pointer}/attributes`;
  inspection.known(attributes, within === 'event' ? inEventNames : attributeNames, 'profile', at);
  for (const field of ['email', 'phone_number', 'external_id', '_kx', ...names]) inspection.optionalString(attributes[field], `${at}/${field}`);
  if (isObject(attributes['location'])) inspection.known(attributes['location'], locationNames, 'location', `${at}/location`);
  else if (attributes['location'] !== undefined && attributes['location'] !== null) inspection.add(`${at}/location`, 'location must be an object.');
  if (attributes['properties'] !== undefined && attributes['properties'] !== null) inspection.object(attributes['properties'], `${at}/properties`);

  // create_event documents meta inside attributes, bulk_create_events beside them, and clients do both.
  const meta = data['meta'] ?? (within === 'event' ? attributes['meta'] : undefined);
  const patch = isObject(meta) && isObject(meta['patch_properties']) ? meta['patch_properties'] : {};
  const unset = patch['unset'];
  return {
    id: inspection.optionalString(data['id'], `${pointer}/id`),
    attributes,
    append: isObject(patch['append']) ? patch['append'] : undefined,
    unappend: isObject(patch['unappend']) ? patch['unappend'] : undefined,
    unset: typeof unset === 'string' ? [unset] : Array.isArray(unset) ? unset.filter((key) => typeof key === 'string') : [],
  };
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? value : undefined);

export const identifiersOf = ({ id, attributes }: ProfileChange): Identifiers => ({
  id,
  externalId: text(attributes['external_id']),
  email: text(attributes['email']),
  phone: text(attributes['phone_number']),
});

export function hasIdentifier(change: ProfileChange): boolean {
  const { id, externalId, email, phone } = identifiersOf(change);
  return Boolean(id ?? externalId ?? email ?? phone ?? text(change.attributes['_kx']) ?? text(change.attributes['anonymous_id']));
}

/** `[field, detail]` of every value Klaviyo would refuse. */
export function valueProblems(change: ProfileChange): [string, string][] {
  const { email, phone, externalId } = identifiersOf(change);
  const problems: [string, string][] = [];
  if (email !== undefined && !isEmail(email)) problems.push(['email', 'Invalid email address.']);
  if (phone !== undefined && !isPhone(phone)) problems.push(['phone_number', phoneDetail]);
  if (externalId !== undefined && externalId.length > 255) problems.push(['external_id', 'Ensure this field has no more than 255 characters.']);
  return problems;
}

/** Applies a change; `null` clears, what is missing stays. Answers whether anything is different now. */
export function applyChange(store: ProfileStore, profile: Profile, change: ProfileChange): boolean {
  const { attributes } = change;
  const before = JSON.stringify([profile.email, profile.phone, profile.externalId, profile.names, profile.location, profile.properties]);
  if ('email' in attributes) store.setEmail(profile, text(attributes['email']));
  if ('phone_number' in attributes) store.setPhone(profile, text(attributes['phone_number']));
  if ('external_id' in attributes) store.setExternalId(profile, text(attributes['external_id']));
  for (const name of names) {
    if (!(name in attributes)) continue;
    const value = attributes[name];
    if (typeof value === 'string') profile.names = { ...profile.names, [name]: value };
    else if (profile.names) delete profile.names[name];
  }
  if (isObject(attributes['location'])) profile.location = { ...profile.location, ...attributes['location'] };
  else if (attributes['location'] === null) profile.location = undefined;
  applyProperties(profile.properties, change);
  return before !== JSON.stringify([profile.email, profile.phone, profile.externalId, profile.names, profile.location, profile.properties]);
}

function applyProperties(properties: Fields, { attributes, append, unappend, unset }: ProfileChange): void {
  // Merged by top-level key; nested objects are replaced. Whether a null property is removed or stored is not documented: it is
  // stored here, so that a sender who relies on null to remove one sees that it did not (`unset` does).
  if (isObject(attributes['properties'])) {
    for (const [key, value] of Object.entries(attributes['properties'])) define(properties, key, value);
  }
  for (const [key, value] of Object.entries(append ?? {})) {
    const held = properties[key];
    // On a scalar or a missing key, append wraps into an array.
    const list = Array.isArray(held) ? held : held === undefined || held === null ? [] : [held];
    const added = (Array.isArray(value) ? value : [value]).filter((item) => !list.some((one) => same(one, item)));
    define(properties, key, [...list, ...added]);
  }
  for (const [key, value] of Object.entries(unappend ?? {})) {
    const held = properties[key];
    const gone = Array.isArray(value) ? value : [value];
    if (Array.isArray(held)) properties[key] = held.filter((item) => !gone.some((one) => same(one, item)));
  }
  for (const key of unset) delete properties[key];
}

const same = (a: unknown, b: unknown) => a === b || JSON.stringify(a) === JSON.stringify(b);

/** Plain assignment would treat a property named `__proto__` as something else than data. */
function define(properties: Fields, key: string, value: unknown): void {
  Object.defineProperty(properties, key, { value, enumerable: true, configurable: true, writable: true });
}
