import type { ProfileAttributes, PropertyValue } from '../command.js';
import type { Plain, WalletEvent } from '../wallet/event.js';
import type { WalletStatus } from '../wallet/pass.js';

/** The version of these hooks. A change that breaks a plugin makes it 2, and a plugin that says 1 is refused by name. */
export const pluginApi = 1;

/** A person as plugins see them: plain data, a copy. */
export interface PersonView {
  id: string;
  email?: string;
  /** E.164. */
  phone?: string;
  /** As The Wallet Crew names them, the value said last: `customerId`, … */
  identifiers: Record<string, string>;
  firstName?: string;
  lastName?: string;
  /** `fr`, `fr-FR`; the first two letters are the language. */
  locale?: string;
  /** What the passes' metadata and the enrolment form said last, by their own names: `storeId`, `loyaltyTier`, … */
  metadata: Record<string, Plain>;
  account: Record<string, Plain>;
  /** The answer in force by consent field; a field that was never answered is not here. */
  consents: Record<string, boolean>;
  passes: { id: string; kind: string; type?: string; apple: WalletStatus; google: WalletStatus }[];
}

/** One list for one consent; nobody is subscribed whose answer to `consent` is not yes. */
export interface ListRoute {
  /** The consent field the subscription rests on; it also says the channel. */
  consent: string;
  /** Klaviyo list id; without it the tenant's `listId`. */
  list?: string;
}

export interface ProfileDraft {
  attributes: ProfileAttributes;
  properties: Record<string, PropertyValue>;
}

export interface MetricDraft {
  name: string;
  properties: Record<string, PropertyValue>;
}

export const passLinkPages = ['enrolment', 'pass'] as const;
export type PassLinkPage = (typeof passLinkPages)[number];

/** An address without its token, which is added as `neo.authToken` when the link is used. */
export interface PassLink {
  page: PassLinkPage;
  url: string;
}

/** What a flow wants to show on somebody's phone. */
export interface NotificationWish {
  passType?: string;
  message?: string;
  localizedMessage?: Record<string, string>;
}

/** The hooks of version 1: what each is given, and what it returns. All are plain data. */
export interface HookTypes {
  /** Whether an event counts at all. One that does not is kept, with the reason, and changes nothing. */
  acceptEvent: { input: { event: WalletEvent }; output: true | { skip: string } };
  /** By which identifiers the person of an event is found and addressed. */
  matchPerson: { input: { event: WalletEvent; identifiers: Record<string, string> }; output: Record<string, string> };
  /** Attributes and properties of the profile. */
  mapProfile: { input: { person: PersonView; profile: ProfileDraft }; output: ProfileDraft };
  /** Name and properties of the Klaviyo event; null sends none. */
  mapMetric: { input: { event: WalletEvent; person: PersonView; metric: MetricDraft }; output: MetricDraft | null };
  /** Which lists a person's consents lead to. Called for every decision about the person, so it must rest on the person and not on one event. */
  routeLists: { input: { person: PersonView; lists: ListRoute[] }; output: ListRoute[] };
  /** Where pass links lead. */
  passLink: { input: { person: PersonView; link: PassLink }; output: PassLink };
  /** Whether a notification may be sent now. `at` is epoch milliseconds: not before then. Asked again when the time has come. */
  allowNotification: { input: { person?: PersonView; notification: NotificationWish; now: number }; output: true | { skip: string } | { at: number } };
}

export type HookName = keyof HookTypes;
export const hookNames = ['acceptEvent', 'matchPerson', 'mapProfile', 'mapMetric', 'routeLists', 'passLink', 'allowNotification'] as const satisfies readonly HookName[];

/** A hook gets its input frozen and returns a value; it must not keep anything between calls, because it may be asked for the same person anywhere, any number of times. */
export type Hook<N extends HookName, S> = (input: HookTypes[N]['input'], settings: S) => HookTypes[N]['output'] | Promise<HookTypes[N]['output']>;

export type Hooks<S> = { [N in HookName]?: Hook<N, S> };
