import { hasIdentifier, identifiersOf, isEmail, isPhone, noIdentifierDetail, phoneDetail, type ProfileChange, readProfile } from './profile-change.js';
import { type Fields, type Inspection, isObject } from './shape.js';
import { parseInstant } from './time.js';

/** An event as accepted, before anyone knows whose it is. */
export interface AcceptedEvent {
  profile: ProfileChange;
  metricName: string;
  seconds: number;
  uniqueId: string | undefined;
  properties: Fields;
  value: number | undefined;
  currency: string | undefined;
  backfill: boolean;
}

const eventNames = new Set(['properties', 'metric', 'time', 'value', 'value_currency', 'unique_id', 'backfill']);
const singleEventNames = new Set([...eventNames, 'profile']);
const metricNames = new Set(['name', 'service']);

const maxProperties = 400;
const maxStringBytes = 100_000;
const maxArrayItems = 4000;
const maxNesting = 10;
const maxProfileBytes = 95_000;
// The OpenAPI says 1990, the guide 2000: the stricter one, so that nobody relies on the looser.
const earliest = Date.UTC(2000, 0, 1) * 1000;
const year = 366 * 86_400 * 1_000_000;

export function readEventProfile(inspection: Inspection, resource: unknown, pointer: string): ProfileChange | undefined {
  const change = readProfile(inspection, isObject(resource) ? resource['data'] : resource, `${pointer}/data`, 'event');
  if (!change) return undefined;
  const at = `${pointer}/data/attributes`;
  const { email, phone } = identifiersOf(change);
  if (email !== undefined && !isEmail(email)) inspection.add(`${at}/email`, 'Invalid email address.');
  if (phone !== undefined && !isPhone(phone)) {
    // An unusable number is only fatal when nothing better identifies the person; with a valid email it is left out.
    if (isEmail(email)) delete change.attributes['phone_number'];
    else inspection.add(`${at}/phone_number`, phoneDetail);
  }
  if (!hasIdentifier(change)) inspection.add(at, noIdentifierDetail);
  if (JSON.stringify(change.attributes).length > maxProfileBytes / 4 && Buffer.byteLength(JSON.stringify(change.attributes)) > maxProfileBytes) {
    inspection.add(at, 'The profile object of an event may not exceed 95 KB.');
  }
  return change;
}

export function readEvent(
  inspection: Inspection,
  resource: unknown,
  pointer: string,
  now: number,
  group?: { profile: ProfileChange | undefined; backfill: boolean },
): AcceptedEvent | undefined {
  const data = inspection.object(resource, pointer);
  if (!data) return undefined;
  inspection.type(data, 'event', pointer);
  const at = `${pointer}/attributes`;
  const attributes = inspection.object(data['attributes'], at);
  if (!attributes) return undefined;
  inspection.known(attributes, group ? eventNames : singleEventNames, 'event', at);

  const profile = group ? group.profile : readEventProfile(inspection, attributes['profile'], `${at}/profile`);
  const metricName = readMetric(inspection, attributes['metric'], `${at}/metric`);
  const properties = readProperties(inspection, attributes['properties'], `${at}/properties`);
  const uniqueId = inspection.optionalString(attributes['unique_id'], `${at}/unique_id`);
  if (uniqueId !== undefined && (uniqueId.length < 1 || uniqueId.length > 255)) inspection.add(`${at}/unique_id`, 'unique_id must have 1 to 255 characters.');
  const value = readNumber(inspection, attributes['value'], `${at}/value`);
  const currency = inspection.optionalString(attributes['value_currency'], `${at}/value_currency`);
  if (currency !== undefined && !/^[A-Z]{3}$/.test(currency)) inspection.add(`${at}/value_currency`, 'value_currency must be an ISO 4217 code.');
  const time = readTime(inspection, attributes['time'], `${at}/time`, now);
  const backfill = attributes['backfill'];
  if (backfill !== undefined && backfill !== null && typeof backfill !== 'boolean') inspection.add(`${at}/backfill`, 'backfill must be a boolean.');
  if (!profile || metricName === undefined || !properties) return undefined;
  return { profile, metricName, seconds: Math.floor(time / 1_000_000), uniqueId, properties, value, currency, backfill: backfill === true || (group?.backfill ?? false) };
}

function readMetric(inspection: Inspection, resource: unknown, pointer: string): string | undefined {
  const data = inspection.object(isObject(resource) ? resource['data'] : resource, `${pointer}/data`);
  if (!data) return undefined;
  inspection.type(data, 'metric', `${pointer}/data`);
  const attributes = inspection.object(data['attributes'], `${pointer}/data/attributes`);
  if (!attributes) return undefined;
  inspection.known(attributes, metricNames, 'metric', `${pointer}/data/attributes`);
  const name = attributes['name'];
  if (typeof name === 'string' && name.length > 0 && name.length < 128) return name;
  inspection.add(`${pointer}/data/attributes/name`, 'A metric needs a name of fewer than 128 characters.');
  return undefined;
}

function readTime(inspection: Inspection, value: unknown, pointer: string, now: number): number {
  if (value === undefined || value === null) return now * 1000;
  const micros = parseInstant(value);
  if (micros === undefined) inspection.add(pointer, 'Invalid datetime: use ISO 8601 (RFC 3339).');
  else if (micros < earliest) inspection.add(pointer, 'The event time must not be before 2000-01-01.');
  else if (micros > now * 1000 + year) inspection.add(pointer, 'The event time must not be more than one year ahead.');
  return micros ?? now * 1000;
}

function readNumber(inspection: Inspection, value: unknown, pointer: string): number | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number') return value;
  inspection.add(pointer, 'A valid number is required.');
  return undefined;
}

function readProperties(inspection: Inspection, value: unknown, pointer: string): Fields | undefined {
  const properties = inspection.object(value, pointer);
  if (!properties) return undefined;
  const count = Object.keys(properties).length;
  if (count > maxProperties) inspection.add(pointer, `An event may have ${maxProperties} properties, this one has ${count}.`);
  const problem = tooLarge(properties, 1);
  if (problem) inspection.add(pointer, problem);
  return properties;
}

function tooLarge(value: unknown, depth: number): string | undefined {
  if (typeof value === 'string') {
    return value.length > maxStringBytes / 4 && Buffer.byteLength(value) > maxStringBytes ? 'A single string may not exceed 100 KB.' : undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  if (depth > maxNesting) return `Properties may be nested ${maxNesting} levels deep.`;
  if (Array.isArray(value) && value.length > maxArrayItems) return `An array may have ${maxArrayItems} items.`;
  for (const item of Object.values(value)) {
    const problem = tooLarge(item, depth + 1);
    if (problem) return problem;
  }
  return undefined;
}
