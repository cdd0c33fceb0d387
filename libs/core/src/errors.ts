/**
 * What to do about an error:
 * - `never`: it will fail the same way again; park it.
 * - `later`: nothing is wrong with the item; try again.
 * - `at-start`: the process must not start.
 */
export type Retry = 'never' | 'later' | 'at-start';

interface Explanation {
  retry: Retry;
  says: string;
  fix: string;
}

/** Every coded error. Codes are never reused. `docs/errors.md` is generated from here. */
export const errors = {
  SETTINGS_INVALID: { retry: 'at-start', says: 'The configuration has problems; all of them are listed by path.', fix: 'Correct each listed path in the configuration file or the environment and start again.' },
  OPTIONS_INVALID: { retry: 'at-start', says: 'The command cannot be run with these options.', fix: 'Compare them with the usage that is printed below; `--help` prints it too.' },
  DATABASE_UNAVAILABLE: { retry: 'later', says: 'The database does not answer.', fix: 'Check DATABASE_URL, or the disk under DATA_DIR. Webhooks are answered 503 until it is back, and their sender tries again.' },
  ADDRESS_UNUSABLE: { retry: 'at-start', says: 'Nothing can listen at this address.', fix: 'Set PORT, and HOST, to an address that is free, or end the process that listens there.' },
  EMBEDDED_DATABASE_UNSUPPORTED: { retry: 'at-start', says: 'There is no embedded database for this platform.', fix: 'Set DATABASE_URL to a PostgreSQL 15 or newer.' },

  TENANT_UNKNOWN: { retry: 'never', says: 'No tenant with this id is configured.', fix: 'Compare the tenant id in the webhook address with `tenants` in the configuration.' },
  OPERATOR_UNKNOWN: { retry: 'never', says: 'The operator API needs its bearer token.', fix: 'Send `Authorization: Bearer` with the token of `operations.token`; without that setting the API refuses everybody.' },
  NOT_FOUND: { retry: 'never', says: 'There is no such thing, or not any more.', fix: 'Compare the address, and the id in it; finished deliveries are deleted after `retentionDays`.' },
  OPERATOR_BODY_UNUSABLE: { retry: 'never', says: 'The body of this call to the operator API cannot be used.', fix: 'Send it as JSON, as it is named there; in a shell put single quotes around it.' },
  PERSON_UNKNOWN: { retry: 'never', says: 'Nobody is known by this name.', fix: 'Ask by an e-mail, phone or customer id on the pass, or by any other identifier as `key:value`; docs/explain.md lists what can be named.' },
  SIGNATURE_INVALID: { retry: 'never', says: 'The signature does not match the body.', fix: 'Copy the webhook\'s `signatureSecret` to `walletCrew.webhookSecret` of the tenant.' },
  BODY_NOT_JSON: { retry: 'never', says: 'The body is not a JSON object.', fix: 'Send the webhook unchanged; a proxy in between may have altered it.' },
  EVENT_UNREADABLE: { retry: 'never', says: 'The body names no event.', fix: 'A delivery needs `event` or `eventType`; see docs/webhooks.md for every accepted shape.' },
  EVENT_TIME_UNUSABLE: { retry: 'never', says: 'The time of the event cannot be read, is before 2000, or lies more than a day ahead.', fix: 'Correct the sender\'s clock or time format (ISO 8601, or epoch seconds or milliseconds), then replay the delivery.' },
  EVENT_WITHOUT_PERSON: { retry: 'never', says: 'The event names neither a pass nor an identifier.', fix: 'Add an identifier to the pass at The Wallet Crew, then replay the delivery.' },
  EVENT_WITHOUT_PASS: { retry: 'never', says: 'A pass event names no pass, or one by an id that cannot be one.', fix: 'See docs/webhooks.md for where the pass id is looked for.' },
  WALLET_UNKNOWN: { retry: 'never', says: 'An install or uninstall names neither apple nor google.', fix: 'See docs/webhooks.md for where the wallet is looked for.' },
  PASS_KIND_UNKNOWN: { retry: 'never', says: 'The pass type belongs to no configured pass kind.', fix: 'Add the pass type to `passKinds` of the tenant, then replay the delivery.' },
  BODY_TOO_LARGE: { retry: 'never', says: 'The body is larger than `limits.bodyBytes`, or, of a Klaviyo system webhook, than `limits.systemWebhookBytes`.', fix: 'Raise that limit if such a webhook is legitimate.' },
  BACKLOG_FULL: { retry: 'later', says: 'More webhooks wait than `limits.backlog` allows.', fix: 'Nothing is lost: the sender tries again. Check `GET /health/dependencies` and the queue depth.' },
  SHUTTING_DOWN: { retry: 'later', says: 'This replica is stopping.', fix: 'Nothing to do; another replica answers.' },
  FLOW_KEY_REFUSED: { retry: 'never', says: 'The X-API-KEY of the flow is missing or wrong.', fix: 'Give the webhook action of the flow the header X-API-KEY with `walletCrew.flowKey` of the tenant, or, where that is not set, with `walletCrew.apiKey`.' },
  FLOW_BODY_UNUSABLE: { retry: 'never', says: 'The body of the flow\'s call cannot be used.', fix: 'Correct the JSON of the webhook action; see docs/flows.md. A quotation mark inside a value breaks it, and a property the profile does not have becomes an empty text.' },
  SYSTEM_WEBHOOK_REFUSED: { retry: 'never', says: 'The signature of a Klaviyo system webhook does not match.', fix: 'Copy the secret of the webhook to `klaviyo.systemWebhookSecret` of the tenant.' },
  PROCESSING_FAILED: { retry: 'never', says: 'Deciding about this event failed unexpectedly.', fix: 'Report the delivery id; after the correction replay it.' },

  EMAIL_UNUSABLE: { retry: 'never', says: 'The e-mail address cannot be used; the rest of the event goes on without it.', fix: 'Correct the address at The Wallet Crew.' },
  PHONE_UNUSABLE: { retry: 'never', says: 'The phone number cannot be used; the rest of the event goes on without it.', fix: 'Send it in international form, or set `defaultCountry` of the tenant.' },
  IDENTIFIER_UNUSABLE: { retry: 'never', says: 'An identifier is too long to be one; the rest of the event goes on without it.', fix: 'Shorten it at The Wallet Crew; together with its name it may have 512 characters.' },
  CONSENT_WITHOUT_IDENTIFIER: { retry: 'never', says: 'A consent was given for a channel whose e-mail or phone is not known.', fix: 'Make the enrolment form ask for it; the subscription follows by itself when it becomes known.' },
  PERSON_NOT_REACHABLE: { retry: 'later', says: 'No identifier of this person is known to Klaviyo yet; the commands wait.', fix: 'Send e-mail or phone with the pass, or map an identifier in `identity.externalId`.' },

  LINK_TOKEN_MISSING: { retry: 'never', says: 'The Wallet Crew gave no token for this customer; the profile gets everything but its pass links.', fix: 'Check `walletCrew.tokenProvider` and `walletCrew.tokenBody`; see docs/pass-links.md.' },

  WALLET_CREW_KEY_REFUSED: { retry: 'later', says: 'The Wallet Crew refused the API key, or the key lacks a scope.', fix: 'Check `walletCrew.apiKey`; the scopes it needs are listed in docs/flows.md. Everything waits until it works.' },
  WALLET_CREW_BUSY: { retry: 'later', says: 'The Wallet Crew asked us to slow down.', fix: 'Nothing to do; if it lasts, lower `walletCrew.requestsPerMinute`.' },
  WALLET_CREW_UNAVAILABLE: { retry: 'later', says: 'The Wallet Crew did not answer, or answered with a server error or a page.', fix: 'Nothing to do; calls resume by themselves.' },
  WALLET_CREW_PASS_MISSING: { retry: 'never', says: 'The Wallet Crew has no pass with these identifiers.', fix: 'Compare the identifiers in the flow with those on the pass, then replay the item.' },
  WALLET_CREW_REFUSED: { retry: 'never', says: 'The Wallet Crew refused the call; its words are in the ledger.', fix: 'Correct the cause named there, then replay the item.' },

  WALLET_CREW_NOTIFICATION_UNCERTAIN: { retry: 'never', says: 'It is not known whether The Wallet Crew sent this notification: it did not answer. It is not repeated by itself, because it might then come twice.', fix: 'Replay the item if a second notification does no harm.' },
  NOTIFICATION_OVER_QUOTA: { retry: 'never', says: 'The pass had its notifications for these 24 hours; Google shows three.', fix: 'Nothing to do; the outcome is told to Klaviyo.' },
  NOTIFICATION_WITHOUT_DEVICE: { retry: 'never', says: 'The pass is in no wallet, so nobody would see the notification.', fix: 'Nothing to do; the outcome is told to Klaviyo.' },
  NOTIFICATION_NOT_ALLOWED: { retry: 'never', says: 'A plugin does not allow the notification.', fix: 'Nothing to do; the record names the plugin.' },

  PLUGIN_NOT_FOUND: { retry: 'at-start', says: 'There is no such plugin: no built-in one, no installed package, no file.', fix: 'Correct `use`; a file path is relative to the configuration file.' },
  PLUGIN_UNUSABLE: { retry: 'at-start', says: 'What was found is no plugin, or it could not be loaded.', fix: 'Export the result of `definePlugin` as default; see docs/plugins.md.' },
  PLUGIN_API_UNSUPPORTED: { retry: 'at-start', says: 'The plugin was written for another version of the hooks.', fix: 'Install a version of the plugin that says `api: 1`.' },
  PLUGIN_NAME_TAKEN: { retry: 'at-start', says: 'Two plugins of a tenant have the same name.', fix: 'Give one of them another name.' },
  PLUGIN_HOOK_UNKNOWN: { retry: 'at-start', says: 'The plugin has a hook that does not exist, probably a slip of the pen.', fix: 'Compare its name with the hooks in docs/plugins.md.' },
  PLUGIN_SETTINGS_INVALID: { retry: 'at-start', says: 'The settings of a plugin have problems; all of them are listed by path.', fix: 'Correct each listed path.' },
  PLUGIN_FAILED: { retry: 'never', says: 'A hook of a plugin threw an error.', fix: 'Correct the plugin named in the record; with `onError: hold` replay the deliveries it parked.' },
  PLUGIN_TOO_SLOW: { retry: 'never', says: 'A hook of a plugin took longer than it may and was stopped.', fix: 'Make the plugin named in the record faster, or raise `timeoutMs` of its entry.' },
  PLUGIN_OUT_OF_MEMORY: { retry: 'never', says: 'A plugin needed more memory than it may and was stopped.', fix: 'Correct the plugin named in the record, or raise `memoryMb` of its entry.' },
  PLUGIN_ANSWER_UNUSABLE: { retry: 'never', says: 'A hook of a plugin returned something that cannot be used.', fix: 'Compare what it returns with docs/plugins.md.' },
  PLUGIN_CONSENT_MISSING: { retry: 'never', says: 'A plugin asked for a list on a consent that was not given; nobody is subscribed.', fix: 'Make the plugin named in the record choose lists only for consents that are there.' },

  ROLLOUT_FILE_UNUSABLE: { retry: 'later', says: 'The rollout file has problems; what it said before stays in force.', fix: 'Correct what the log and `GET /api/{tenantId}/operations/rollout` name; the file is read again by itself.' },
  ROLLOUT_FLAG_UNUSABLE: { retry: 'later', says: 'The rollout provider has no stage for a plugin; its entry in the configuration counts.', fix: 'Compare the flag named there with docs/rollout.md: it must exist, be enabled and have the value off, shadow or on.' },

  WEBHOOKS_SILENT: { retry: 'later', says: 'A reconciliation found several installations of which no webhook had told; the webhooks of a wallet seem to have stopped.', fix: 'Check the webhook subscription at The Wallet Crew (`npm run setup -- <tenant>`) and its provider. What was missed is repaired, but fired no flow.' },
  ABSENCES_IMPLAUSIBLE: { retry: 'later', says: 'According to The Wallet Crew so many passes are gone from wallets that it was not believed; their status stays.', fix: 'Look at its list of passes. If it is right, run `npm run reconcile -- --once --believe-absences`.' },

  KLAVIYO_KEY_REFUSED: { retry: 'later', says: 'Klaviyo refused the API key.', fix: 'Check `klaviyo.apiKey`. Everything waits until it works.' },
  KLAVIYO_SCOPE_MISSING: { retry: 'later', says: 'The Klaviyo key lacks a scope.', fix: 'Create a key with the scopes in config/secrets.md. Everything waits until it works.' },
  KLAVIYO_BUSY: { retry: 'later', says: 'Klaviyo asked us to slow down.', fix: 'Nothing to do; that endpoint pauses as long as Klaviyo says.' },
  KLAVIYO_UNAVAILABLE: { retry: 'later', says: 'Klaviyo did not answer, or answered with a server error.', fix: 'Nothing to do; calls resume by themselves. See status.klaviyo.com.' },
  KLAVIYO_BLOCKED: { retry: 'later', says: 'An intermediary answered for Klaviyo with a page instead of an API answer.', fix: 'If it lasts, the outgoing address of this machine is blocked: ask Klaviyo support.' },
  KLAVIYO_REVISION_RETIRED: { retry: 'later', says: 'Klaviyo no longer serves the API revision this version was written for.', fix: 'Upgrade the connector.' },
  KLAVIYO_REFUSED_ITEM: { retry: 'never', says: 'Klaviyo refused this item; its words are in the ledger.', fix: 'Correct the cause named there, then replay the item.' },
  KLAVIYO_ITEM_TOO_LARGE: { retry: 'never', says: 'The item alone exceeds Klaviyo\'s size limit.', fix: 'Reduce the pass metadata, then replay the item.' },
  KLAVIYO_DUPLICATE_EVENT: { retry: 'never', says: 'The same event is already in the batch.', fix: 'Nothing to do; Klaviyo counts it once.' },
  KLAVIYO_NEWER_OPT_OUT: { retry: 'never', says: 'Klaviyo holds an opt-out newer than this consent; nobody is subscribed again.', fix: 'Nothing to do.' },
  KLAVIYO_NEWER_CONSENT: { retry: 'never', says: 'Klaviyo holds a consent newer than this withdrawal; nobody is unsubscribed.', fix: 'Nothing to do.' },
  KLAVIYO_LIST_MISSING: { retry: 'later', says: 'Klaviyo knows no list with this id.', fix: 'Correct `klaviyo.listId` or the list of the consent field. What is meant for the list waits until then.' },
  KLAVIYO_UNSUBSCRIBE_WITHOUT_LIST: { retry: 'never', says: 'A withdrawal names no list; sent like this it would have been a global unsubscribe.', fix: 'Set `klaviyo.listId` or a list for the consent field, then replay the item.' },
  KLAVIYO_NOT_A_MEMBER: { retry: 'never', says: 'The person is not on that list; unsubscribing would have been global.', fix: 'Nothing to do.' },
  KLAVIYO_IMPORT_LOST: { retry: 'later', says: 'Klaviyo cancelled or forgot a profile import.', fix: 'Nothing to do; its profiles are sent again.' },
  KLAVIYO_NOT_SEEN: { retry: 'never', says: 'Klaviyo accepted an event but does not show it after several looks.', fix: 'Check the profile in Klaviyo and status.klaviyo.com. A reconciliation sends it once more; what Klaviyo drops twice is not sent again, and is for its support.' },
} as const satisfies Record<string, Explanation>;

export type ErrorCode = keyof typeof errors;

/** The one error class. `detail` is for operators: ids, paths and counts, never personal data or a secret. */
export class ConnectorError extends Error {
  readonly retry: Retry;

  constructor(
    readonly code: ErrorCode,
    readonly detail?: string,
    options?: { cause?: unknown },
  ) {
    super(detail ? `${errors[code].says} ${detail}` : errors[code].says, options);
    this.name = 'ConnectorError';
    this.retry = errors[code].retry;
  }
}
