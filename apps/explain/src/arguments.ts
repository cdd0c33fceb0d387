import { CommandLine } from '#runtime';

export interface Arguments {
  tenant: string;
  who: string;
  json: boolean;
}

export const usage = `npm run explain -- <tenant> <who> [--json]

  <who>   an e-mail, a phone number in any form, the id of a delivery, pass, person or Klaviyo profile,
          a customer id, or any other identifier as key:value
  --json  one JSON document instead of a page

Says why somebody is, or is not, in a segment: what The Wallet Crew, the connector and Klaviyo hold about
them, and the first link between them that is broken, with what mends it. Nothing is changed anywhere.

It ends with 0 if nothing is broken, 1 if something is, 2 if it could not be asked.
`;

const line = new CommandLine(usage);

/** Undefined: somebody asked for the usage. */
export function readArguments(typed: readonly string[]): Arguments | undefined {
  const read = line.read(typed, { json: { type: 'boolean', default: false } }, true);
  if (!read) return undefined;
  const [tenant, who, ...more] = read.positionals;
  if (!tenant || !who) throw line.wrong(tenant ? 'nobody is named' : 'no tenant is named');
  // A phone number is often typed with spaces.
  return { ...read.values, tenant, who: [who, ...more].join(' ') };
}
