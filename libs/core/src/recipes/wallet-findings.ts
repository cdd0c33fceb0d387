import { isUnanswered, type HeldWebhook, type Unanswered } from '../ports/setup.js';
import type { Rules } from '../rules.js';
import { passKind } from '../wallet/pass.js';
import { things } from '../words.js';
import { type Expectations, type Finding, unanswered } from './findings.js';
import { unknownUrl, webhookAddress } from './sync-flow.js';

const at = 'wallet-crew';
const whereKeysAre = 'Settings → Security → API Keys';

/** What can only be proven by changing somebody's pass. */
const unprovable: [name: string, says: string][] = [
  ['KlaviyoListener.Write', 'updates of passes that flows ask for'],
  ['Pass.Write', 'notifications that flows ask for'],
];

export function passFindings(answer: { types: string[]; read: number } | Unanswered, { passKinds }: Rules): Finding[] {
  if (isUnanswered(answer) && answer.lacks !== undefined) return [{ at, what: `scope ${answer.lacks}`, state: 'missing', says: `reads passes; the key works and lacks it (${answer.words})`, fix: `Give the key ${answer.lacks}, in ${whereKeysAre}.` }];
  if (isUnanswered(answer)) return [unanswered(at, 'API key', answer)];
  const { types, read } = answer;
  const unknown = types.filter((type) => !isKnown(type, passKinds));
  return [
    { at, what: 'API key', state: 'good', says: 'works' },
    { at, what: 'scope Pass.Read', state: 'good', says: 'reads passes' },
    ...unprovable.map(([name, says]): Finding => ({ at, what: `scope ${name}`, state: 'unproven', says: `${says}; only writing would prove it`, fix: `See it in ${whereKeysAre}.` })),
    unknown.length === 0
      ? { at, what: 'pass types', state: 'good', says: read === 0 ? 'there are no passes yet' : `all known, of the ${things(read, 'pass', 'passes')} changed last` }
      : { at, what: 'pass types', state: 'missing', says: `belong to no pass kind: ${unknown.join(', ')}`, fix: 'Add them to `passKinds`: their webhooks are parked until then.' },
  ];
}

function isKnown(type: string, passKinds: Rules['passKinds']): boolean {
  try {
    passKind({ id: '', type }, passKinds);
    return true;
  } catch {
    return false;
  }
}

/** All that we read. The Wallet Crew names no single one of the customer's events. */
const wanted = ['Customer:*', 'Pass:Created', 'Pass:Updated', 'Pass:Installed', 'Pass:Uninstalled'];

export function webhookFindings(answer: HeldWebhook[] | 'unknown' | Unanswered, { rules: { tenant }, url }: Expectations): Finding[] {
  const address = webhookAddress(url ?? unknownUrl, tenant);
  const create = `Create a webhook at The Wallet Crew for ${address} with the events Customer:* and Pass:*; see docs/webhooks.md.`;
  if (answer === 'unknown') return [{ at, what: 'webhook', state: 'unproven', says: 'The key has no Webhook.Read.', fix: `See by hand that there is one for ${address}, or give the key that scope.` }];
  if (isUnanswered(answer)) return [unanswered(at, 'webhook', answer)];
  const path = webhookAddress('', tenant);
  const ours = answer.filter(({ endpoint }) => (url === undefined ? endpoint.replace(/\/+$/, '').endsWith(path) : endpoint.replace(/\/+$/, '') === address));
  if (ours.length === 0) return [{ at, what: 'webhook', state: 'missing', says: 'None leads to this connector.', fix: create }];
  const living = ours.filter(({ enabled }) => enabled);
  if (living.length === 0) return [{ at, what: 'webhook', state: 'missing', says: 'It is switched off.', fix: 'Enable it at The Wallet Crew.' }];

  const findings: Finding[] = [];
  const missing = wanted.filter((name) => !living.some(({ events }) => events.some((pattern) => covers(pattern, name))));
  if (missing.length > 0) findings.push({ at, what: 'webhook events', state: 'missing', says: `lacks ${missing.join(', ')}`, fix: 'Give it the events Customer:* and Pass:*.' });
  const foreign = living.filter(({ hasOurSecret }) => !hasOurSecret).length;
  if (foreign > 0) findings.push({ at, what: 'webhook secret', state: 'missing', says: `${foreign === living.length ? 'It signs' : `${foreign} of ${living.length} webhooks sign`} with another secret than \`walletCrew.webhookSecret\`, so the calls are answered 401.`, fix: 'Copy its `signatureSecret` to the configuration; delete a second webhook for the same address.' });
  return [{ at, what: 'webhook', state: 'good', says: living.map(({ endpoint }) => endpoint).join(', ') }, ...findings];
}

/** `Customer:*`, `pass.created`, `*`: the guide writes colons, the reference dots and lower case. */
function covers(pattern: string, name: string): boolean {
  const plain = (text: string) => text.trim().toLowerCase().replaceAll('.', ':');
  const expression = plain(pattern).split('*').map((part) => part.replace(/[^\w:]/g, '\\$&')).join('.*');
  return new RegExp(`^${expression}$`).test(plain(name));
}
