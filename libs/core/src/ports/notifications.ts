/** At most `most` in any `withinMs`. */
export interface NotificationLimit {
  most: number;
  withinMs: number;
}

/**
 * Which notifications were sent to which pass, shared by all replicas. A notification cannot be taken back and The Wallet Crew
 * knows no idempotency key: so each is noted before it is sent, and one whose fate nobody knows is not sent again.
 */
export abstract class Notifications {
  /**
   * Notes that the command is about to notify the pass. `begun-before`: it was noted earlier and never taken back, so it may have been
   * sent. `over-limit`: as many as allowed were sent within the time; nothing is noted.
   */
  abstract begin(tenant: string, commandId: string, passId: string, limit?: NotificationLimit): Promise<'go' | 'begun-before' | 'over-limit'>;
  /** It was certainly not sent. */
  abstract takeBack(commandId: string): Promise<void>;
}
