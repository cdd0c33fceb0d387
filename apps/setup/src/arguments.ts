import { CommandLine } from '#runtime';

export interface Arguments {
  tenant: string;
  /** True: what is not there is created. */
  apply: boolean;
  /** Where Klaviyo and The Wallet Crew reach this connector; scheme and host. */
  url?: string;
  json: boolean;
}

export const usage = `npm run setup -- <tenant> [--apply] [--url https://connector.example] [--json]

  --apply  creates the segments and the flow that are not there yet; without it nothing is written
  --url    where Klaviyo and The Wallet Crew reach this connector
  --json   one JSON document instead of tables

Checks keys and scopes, lists, metrics and webhooks of a tenant, and prints the segments and the flow that fit its configuration.
Ends with 0: nothing is missing, 1: something is, 2: it could not look.
`;

const line = new CommandLine(usage);
const options = { apply: { type: 'boolean', default: false }, url: { type: 'string' }, json: { type: 'boolean', default: false } } as const;

/** Undefined: somebody asked for the usage. */
export function readArguments(typed: readonly string[]): Arguments | undefined {
  const read = line.read(typed, options, true);
  if (!read) return undefined;
  const { values: { url, ...flags }, positionals: [tenant, ...more] } = read;
  if (tenant === undefined || more.length > 0) throw line.wrong('exactly one tenant is needed');
  return { ...flags, tenant, ...(url === undefined ? {} : { url: addressOf(url) }) };
}

/** Klaviyo's flows call https addresses only. */
function addressOf(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url?.protocol !== 'https:' || url.search || url.hash || url.username) throw line.wrong('--url must be an https address without query');
  return url.href.replace(/\/+$/, '');
}
