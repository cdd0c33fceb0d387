import type { Fields } from './shape.js';

export type FlowStatus = 'draft' | 'manual' | 'live';

/** A flow as it is stored. It does not run here: its webhooks are sent by `sendFlowWebhook`. */
export interface Flow {
  readonly id: string;
  readonly name: string;
  status: FlowStatus;
  /** With the ids that Klaviyo gave to its actions. */
  readonly definition: Fields & { triggers: Fields[]; actions: Fields[] };
  /** Microseconds. */
  readonly created: number;
}
