/** Something that happens in a wallet, before any envelope is put around it. Stories are lists of these. */
export interface StoryEvent {
  /** In the vendor's guide's spelling: `Customer:Upserted`, `Pass:Created`, `Pass:Installed`, `Pass:Uninstalled`, `Pass:Updated`; any other name is passed on as it is. */
  kind: string;
  /** ISO time. */
  at: string;
  identifiers: Record<string, string>;
  passId?: string;
  passType?: string;
  passKind?: PassKind;
  device?: Device;
  metadata?: Record<string, string | number | boolean>;
  additionalData?: Record<string, unknown>;
  /** Registration statistics and source, as the vendor's install hooks carry them. */
  additionalInformation?: {
    activeRegistrationCount?: number;
    totalRegistrationCount?: number;
    tags?: string[];
    medium?: string;
    origin?: string;
    userAgent?: string;
  };
  /** What a customer filled in: `email`, `phoneNumber`, `firstName`, `consents_email`, … */
  account?: Record<string, unknown>;
}

export type Device = 'apple' | 'google';
export type PassKind = 'customerCard' | 'eventTicket' | 'giftCard' | 'offer' | 'generic';
