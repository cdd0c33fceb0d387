import { profileAttributes, type PropertyValue } from '../command.js';
import { usableEmail } from '../person/identity.js';
import { passLinkPages, type HookName, type HookTypes, type ListRoute } from './hooks.js';

type Input<N extends HookName> = HookTypes[N]['input'];
type Output<N extends HookName> = HookTypes[N]['output'];

/** What the host does with one hook. */
export interface Step<N extends HookName> {
  /** The answer if it is one; a plugin may return anything. */
  read(value: unknown): Output<N> | undefined;
  /** What the next plugin is asked, or nothing when the answer settles the matter. */
  next(input: Input<N>, output: Output<N>): Input<N> | undefined;
  /** The answer without what plugins have no say in. */
  guarded?(input: Input<N>, output: Output<N>): Output<N>;
  /** What the answer changes, by name only: values may be personal. */
  changes(input: Input<N>, output: Output<N>): string[];
}

export const steps: { [N in HookName]: Step<N> } = {
  acceptEvent: {
    read: (value) => (value === true || isSkip(value) ? value : undefined),
    next: (input, output) => (output === true ? input : undefined),
    changes: (_, output) => (output === true ? [] : ['skips the event']),
  },
  matchPerson: {
    read: (value) => (isTexts(value) && isEmail(value['email']) && isPhone(value['phone']) ? value : undefined),
    guarded: (_, output) => (output['email'] === undefined ? output : { ...output, email: output['email'].toLowerCase() }),
    next: (input, identifiers) => ({ ...input, identifiers }),
    changes: (input, output) => differing(input.identifiers, output).map((key) => `identifier ${key}`),
  },
  mapProfile: {
    read: (value) => (isMap(value) && isTexts(value['attributes']) && isProperties(value['properties']) && fits(value, mostProfileCharacters) && knownAttributes(value['attributes']) ? (value as unknown as Output<'mapProfile'>) : undefined),
    // Segments rest on our own properties, and what begins with $ has a meaning for Klaviyo, consent among it.
    guarded: (input, output) => ({ ...output, properties: withReserved(input.profile.properties, output.properties, (name) => name.startsWith('neostore.') || name.startsWith('$')) }),
    next: (input, profile) => ({ ...input, profile }),
    changes: (input, output) => [
      ...differing(input.profile.attributes, output.attributes).map((name) => `attribute ${name}`),
      ...differing(input.profile.properties, output.properties).map((name) => `property ${name}`),
    ],
  },
  mapMetric: {
    read: (value) => (value === null || (isMap(value) && typeof value['name'] === 'string' && isMetricName(value['name']) && isProperties(value['properties']) && Object.keys(value['properties']).length <= mostProperties && fits(value, mostEventCharacters)) ? (value as Output<'mapMetric'>) : undefined),
    guarded: (input, output) => output && { ...output, properties: withReserved(input.metric.properties, output.properties, (name) => name.startsWith('neostore.') || name === '$event_id') },
    next: (input, metric) => (metric === null ? undefined : { ...input, metric }),
    changes: (input, output) => {
      if (output === null) return ['no event'];
      return [...(input.metric.name === output.name ? [] : ['name']), ...differing(input.metric.properties, output.properties).map((name) => `property ${name}`)];
    },
  },
  routeLists: {
    read: (value) => (Array.isArray(value) && value.every(isRoute) ? value : undefined),
    next: (input, lists) => ({ ...input, lists }),
    changes: (input, output) => differing(byName(input.lists), byName(output)).map((route) => `list ${route}`),
  },
  passLink: {
    read: (value) => (isMap(value) && passLinkPages.some((page) => page === value['page']) && typeof value['url'] === 'string' && /^https?:\/\//.test(value['url']) ? (value as unknown as Output<'passLink'>) : undefined),
    next: (input, link) => ({ ...input, link }),
    changes: (input, output) => (input.link.url === output.url ? [] : [`link ${output.page}`]),
  },
  allowNotification: {
    read: (value) => (value === true || isSkip(value) || (isMap(value) && typeof value['at'] === 'number' && Number.isFinite(value['at'])) ? (value as Output<'allowNotification'>) : undefined),
    next: (input, output) => (output === true || ('at' in output && output.at <= input.now) ? input : undefined),
    changes: (input, output) => (output === true || ('at' in output && output.at <= input.now) ? [] : ['skip' in output ? 'forbids it' : 'puts it off']),
  },
};

/** Klaviyo's limits (Events API overview, Bulk Import Profiles), with room for what we add: beyond them the whole event or profile would be refused. */
const mostProperties = 350;
const mostEventCharacters = 500_000;
const mostProfileCharacters = 80_000;
const fits = (value: unknown, most: number) => JSON.stringify(value).length <= most;
const isMetricName = (name: string) => name.length > 0 && name.length < 128;
const isEmail = (value: string | undefined) => value === undefined || usableEmail(value) === value.toLowerCase();
const isPhone = (value: string | undefined) => value === undefined || /^\+[1-9]\d{6,14}$/.test(value);

/** The reserved names as they were before, all others as they are now. */
function withReserved<V>(before: Record<string, V>, after: Record<string, V>, isReserved: (name: string) => boolean): Record<string, V> {
  const pick = (all: Record<string, V>, reserved: boolean) => Object.entries(all).filter(([name]) => isReserved(name) === reserved);
  return Object.fromEntries([...pick(before, true), ...pick(after, false)]);
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);
const isTexts = (value: unknown): value is Record<string, string> => isMap(value) && Object.values(value).every((text) => typeof text === 'string');
const isSkip = (value: unknown): value is { skip: string } => isMap(value) && typeof value['skip'] === 'string';
const isProperty = (value: unknown): value is PropertyValue =>
  typeof value === 'string' || typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value)) || (Array.isArray(value) && value.every((item) => typeof item === 'string'));
const isProperties = (value: unknown): value is Record<string, PropertyValue> => isMap(value) && Object.values(value).every(isProperty);
const isRoute = (value: unknown): value is ListRoute => isMap(value) && typeof value['consent'] === 'string' && (value['list'] === undefined || (typeof value['list'] === 'string' && value['list'] !== ''));
const knownAttributes = (attributes: Record<string, string>) => Object.keys(attributes).every((name) => (profileAttributes as readonly string[]).includes(name));

const byName = (routes: readonly ListRoute[]): Record<string, true> => Object.fromEntries(routes.map(({ consent, list = '(default)' }) => [`${list} by ${consent}`, true]));

function differing(before: object, after: object): string[] {
  const [a, b] = [before as Record<string, unknown>, after as Record<string, unknown>];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => JSON.stringify(a[key]) !== JSON.stringify(b[key]));
}
