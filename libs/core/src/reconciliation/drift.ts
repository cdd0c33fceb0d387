/** What a run looks at. */
export const parts = ['status', 'tokens', 'consent'] as const;
export type Part = (typeof parts)[number];

/**
 * Every way in which the two sides can differ from what we know, in the order in which a reader should look at them.
 * `repair`: how it is put right; `reported` kinds are for people to decide, and `awaited` ones come right by what the person does. `part`: what `--only` calls it.
 */
export const driftKinds = {
  'registration-unheard': { part: 'status', repair: 'events', says: 'The Wallet Crew holds passes of somebody whose registration never reached us.' },
  'install-unheard': { part: 'status', repair: 'events', says: 'A pass was added to a wallet without our hearing of it.' },
  'uninstall-unheard': { part: 'status', repair: 'profile', says: 'A pass was removed from a wallet without our hearing of it; nobody says when.' },
  'pass-gone': { part: 'status', repair: 'profile', says: 'The Wallet Crew no longer lists a pass that we took for installed.' },
  'address-unheard': { part: 'status', repair: 'profile', says: 'The Wallet Crew knows somebody by an e-mail address or a phone number of which nobody told us.' },
  'pass-kind-unknown': { part: 'status', repair: 'reported', says: 'The type of a pass belongs to no pass kind of the configuration, so no status speaks of it.' },
  'profile-missing': { part: 'status', repair: 'profile', says: 'Klaviyo has no profile of a person we know.' },
  'person-unreachable': { part: 'status', repair: 'reported', says: 'We know somebody by nothing that Klaviyo takes for an identifier, so it can have no profile of them.' },
  'default-missing': { part: 'status', repair: 'profile', says: 'A profile lacks the explicit wallet status, so conditions on it pass it over.' },
  'status-wrong': { part: 'status', repair: 'profile', says: 'A profile says another wallet status than the truth.' },
  'detail-wrong': { part: 'status', repair: 'profile', says: 'A property that we write beside the status has another value: a time, a count, or one of a plugin.' },
  'event-not-seen': { part: 'status', repair: 'events', says: 'Klaviyo accepted an event and does not show it.' },
  'token-missing': { part: 'tokens', repair: 'token', says: 'A profile has no token, so its pass links do not open.' },
  'token-stale': { part: 'tokens', repair: 'token', says: 'A profile has another token than the newest, or one that is too old.' },
  'opt-out-unheard': { part: 'consent', repair: 'opt-out', says: 'Somebody opted out in Klaviyo without our hearing of it.' },
  'consent-differs': { part: 'consent', repair: 'reported', says: 'We asked for a subscription that Klaviyo does not hold, Klaviyo subscribed somebody again who had opted out and gave no new yes, or a yes waits for an address that only Klaviyo has. A run subscribes nobody.' },
  'consent-unconfirmed': { part: 'consent', repair: 'awaited', says: 'Klaviyo asked somebody to confirm a subscription, as all lists do that they were to be on, and they have not yet.' },
  'profile-duplicated': { part: 'status', repair: 'reported', says: 'One person has several profiles in Klaviyo; merging them is for people to decide.' },
} as const satisfies Record<string, { part: Part; repair: 'events' | 'profile' | 'token' | 'opt-out' | 'reported' | 'awaited'; says: string }>;

export type DriftKind = keyof typeof driftKinds;

/** A run over what changed lately does not look for what is missing altogether. */
export const foundByWholeRuns: readonly DriftKind[] = ['pass-gone', 'profile-missing', 'person-unreachable'];

/** Whether a run puts it right, and it can be refused. */
export function isRepaired(kind: DriftKind): boolean {
  const { repair } = driftKinds[kind];
  return repair !== 'reported' && repair !== 'awaited';
}

/** One difference, by ids that an operator can ask `explain` about; never an address or a value. */
export interface Sample {
  personId?: string;
  passId?: string;
  klaviyoId?: string;
  /** Names of properties or channels, for example `neostore.wallet.loyaltyCard.Apple`. */
  about?: string[];
}
