import { eventJson } from './event-json.js';
import { shortId } from './ids.js';
import { profileJson } from './profile-json.js';
import type { Profile } from './profile.js';
import type { Fields } from './shape.js';
import type { SystemWebhookEvent } from './system-webhook.js';

/** Klaviyo's own metrics, by the topic under which system webhooks tell of them. */
const metricNames = {
  subscribed_to_email_marketing: 'Subscribed to Email Marketing',
  subscribed_to_sms_marketing: 'Subscribed to SMS Marketing',
  unsubscribed_from_email_marketing: 'Unsubscribed from Email Marketing',
  unsubscribed_from_sms_marketing: 'Unsubscribed from SMS Marketing',
  manually_suppressed_from_email_marketing: 'Manually Suppressed from Email Marketing',
  manually_unsuppressed_from_email_marketing: 'Manually Unsuppressed from Email Marketing',
  marked_email_as_spam: 'Marked Email as Spam',
  bounced_email: 'Bounced Email',
  merged_profile: 'Merged Profile',
} as const;
export type SystemTopic = keyof typeof metricNames;

export interface SystemEventOptions {
  /** False: the document names the profile by its id only. Get Event includes it only when asked; what a webhook does is not documented. */
  included?: boolean;
}

interface Noted {
  topic: SystemTopic;
  /** Microseconds. */
  at: number;
  profile: Profile;
  properties: Fields;
}

/** Older ones are forgotten; an account may be subscribed to by the hundred thousand. */
const mostKept = 20_000;

/** What happens to the people of an account in Klaviyo itself, for system webhooks to tell. Which properties such an event has is not documented. */
export class SystemEvents {
  private noted: Noted[] = [];
  /** How many there have been. */
  count = 0;

  constructor(private readonly accountId: string) {}

  note(topic: SystemTopic, profile: Profile, at: number, properties: Fields = {}): void {
    // As the person is now: a merge or a change that follows does not alter what was told.
    this.noted.push({ topic, at, profile: { ...profile }, properties });
    this.count++;
    if (this.noted.length > 2 * mostKept) this.noted = this.noted.slice(-mostKept);
  }

  documents(options: SystemEventOptions = {}): SystemWebhookEvent[] {
    const first = this.count - this.noted.length;
    return this.noted.map((noted, index) => this.document(noted, first + index, options));
  }

  last(options: SystemEventOptions = {}): SystemWebhookEvent {
    return this.document(this.noted.at(-1)!, this.count - 1, options);
  }

  private document({ topic, at, profile, properties }: Noted, serial: number, { included = true }: SystemEventOptions): SystemWebhookEvent {
    const origin = 'https://a.klaviyo.com';
    const name = metricNames[topic];
    const id = `4${shortId(`${this.accountId} event ${serial}`)}${shortId(`${serial}`).slice(0, 4)}`;
    const event = { id, metric: { id: shortId(`${this.accountId} ${name}`), name, created: at }, profileId: profile.id, seconds: Math.floor(at / 1_000_000), received: at, properties, uniqueId: id, value: undefined, currency: undefined, backfill: false, rank: at };
    const person = profileJson(profile, { origin, subscriptions: false, predictiveAnalytics: false, fields: undefined, conversationKey: 'conversation' });
    return { external_id: id, topic: `event:klaviyo.${topic}`, payload: { data: eventJson(event, origin), ...(included ? { included: [person] } : {}) } };
  }
}
