import { iso, propertyNames } from '../marketing/profile.js';
import { own } from '../person/person.js';
import { comparePass, ownersOf, settledPasses, type PassComparison } from '../reconciliation/compare-passes.js';
import { wallets, type Wallet } from '../wallet/event.js';
import { inWallet, kindNotSaidYet, kindOfListed } from '../wallet/pass.js';
import { ifAny, reconcileRun, type Check } from './check.js';
import { ago, isAsked, knownIn, since, type Evidence } from './evidence.js';

/** Passes of the person that The Wallet Crew lists under none of their names. */
function unfoundPasses({ person, passes }: Evidence): string[] {
  if (!person || !isAsked(passes)) return [];
  return Object.keys(person.passes).filter((id) => !passes.some((pass) => pass.id === id));
}

/** Pass by pass and wallet by wallet, in what The Wallet Crew's list and our record differ, by the rule of a reconciliation. */
function disagreements(evidence: Evidence): string[] {
  const { person, passes, now, rules } = evidence;
  if (!person || !isAsked(passes)) return [];
  const known = knownIn(evidence);
  // A run leaves what has just changed to its webhook; whoever asks wants to hear of it.
  const reading = { at: now, settledBefore: Infinity };
  const listed = passes.filter((pass) => ownersOf(pass, known, rules).some(({ id }) => id === person.id)).flatMap((pass) => differing(comparePass(pass, known, rules, reading), evidence));
  const unfound = unfoundPasses(evidence);
  const gone = settledPasses(person, Infinity).filter(({ id }) => unfound.includes(id));
  return [...listed, ...gone.map(({ id }) => `pass ${id} is installed here and not listed there`)];
}

function differing({ pass, drift, unheardIn, absentFrom }: PassComparison, evidence: Evidence): string[] {
  const { person, rules } = evidence;
  const seen = own(person!.passes, pass.id);
  const here = (wallet: Wallet) => {
    const view = seen && inWallet(seen, wallet);
    return view ? `${view.status} here since ${iso(view.at)}` : seen ? 'NotInstalled here' : 'unknown here';
  };
  const owners = ownersOf(pass, knownIn(evidence), rules).length;
  return [
    ...(drift?.kinds.includes('registration-unheard') ? [`nobody told us that the owner of pass ${pass.id} registered`] : []),
    ...(drift?.kinds.includes('address-unheard') ? [`pass ${pass.id} names its owner by an address of which nobody told us`] : []),
    ...unheardIn.map((wallet) => `pass ${pass.id} in ${wallet}: installed there since ${iso(pass.installed[wallet]!)}, ${here(wallet)}`),
    ...absentFrom.map((wallet) => `pass ${pass.id} in ${wallet}: not installed there, ${here(wallet)}`),
    ...(drift?.kinds.includes('status-wrong') ? [owners > 1 ? `pass ${pass.id} belongs to one person there and to ${owners} here` : `pass ${pass.id} is of kind ${kindOfListed(pass, rules.passKinds)} there and of ${seen?.kind} here`] : []),
  ];
}

const viewsOf = ({ person }: Evidence) => Object.values(person?.passes ?? {}).flatMap((pass) => wallets.flatMap((wallet) => inWallet(pass, wallet) ?? []));
const stray = (id: string, type: string | undefined, says: string) => `pass ${id}${type === undefined ? '' : ` of type ${type}`}: ${says}`;

/** Passes that belong to no kind: by what we know, and by what The Wallet Crew lists. */
function strayPasses({ person, passes, rules }: Evidence): string[] {
  const here = Object.values(person?.passes ?? {}).filter(({ kind }) => !Object.hasOwn(rules.passKinds, kind));
  const there = (isAsked(passes) ? passes : []).filter((pass) => kindOfListed(pass, rules.passKinds) === undefined && !here.some(({ id }) => id === pass.id));
  return [...here.map(({ id, kind, type }) => stray(id, type, kind === kindNotSaidYet ? 'kind not said yet' : `kind ${kind}`)), ...there.map(({ id, type }) => stray(id, type, 'listed so by The Wallet Crew'))];
}

/** Is the truth that we hold the truth, and under which name is it written? */
export const walletChecks: readonly Check[] = [
  {
    name: 'wallet-crew-disagrees', about: 'profile', weight: 'broken', run: reconcileRun, read: 'docs/webhooks.md',
    says: 'The Wallet Crew lists something else than we know: a webhook never reached us.',
    fix: 'A reconciliation takes over what is listed there. If it happens often, check the webhook subscription.',
    holds: (evidence) => {
      const { lastWebhookAt, now } = evidence;
      const found = disagreements(evidence);
      return ifAny(found.length === 0 ? [] : [...found, lastWebhookAt === undefined ? 'no webhook has ever come' : `the last webhook of anybody came ${ago(lastWebhookAt, now)}`]);
    },
  },
  {
    name: 'pass-kind-unknown', about: 'profile', weight: 'broken', read: 'docs/webhooks.md',
    says: 'A pass belongs to no configured pass kind, so no status of a kind counts it; at most neostore.wallet.Any does.',
    fix: 'Add its type to passKinds; a pass that no webhook told of is fetched by the next reconciliation after that. If no webhook has named its type yet, it is counted as soon as one does.',
    holds: (evidence) => ifAny(strayPasses(evidence)),
  },
  {
    name: 'pass-not-found', about: 'profile', weight: 'meant', run: reconcileRun, read: 'docs/webhooks.md',
    says: 'The Wallet Crew lists a pass under no name of this person that it was asked by. As far as we know the pass is in no wallet, so nothing of it is missing.',
    fix: 'If the pass was given to another e-mail or customer id there, ask by that. A reconciliation reads all passes, whatever names they stand under, and takes over what it finds.',
    holds: (evidence) => {
      const inWallets = evidence.person ? settledPasses(evidence.person, Infinity).map(({ id }) => id) : [];
      return ifAny(unfoundPasses(evidence).filter((id) => !inWallets.includes(id)));
    },
  },
  {
    name: 'wallet-crew-not-asked', about: 'profile', weight: 'meant', run: 'GET /health/dependencies',
    says: 'The Wallet Crew could not be asked what it lists, so its side was not compared.',
    fix: 'Ask again in a minute.',
    holds: ({ passes }) => (isAsked(passes) ? undefined : { detail: passes.words, ...(passes.code ? { code: passes.code } : {}) }),
  },
  {
    name: 'several-kinds', about: 'profile', weight: 'meant', read: 'docs/contract.md',
    says: 'The status differs by pass kind, and a segment that asks for one kind says nothing about another.',
    fix: 'Compare the property in the condition of the segment with this list; neostore.wallet.Any holds for all kinds together.',
    holds: ({ rules, expected }) => {
      const statuses = Object.keys(rules.passKinds).map((kind) => ({ kind, types: rules.passKinds[kind]!, is: expected?.properties[propertyNames.anyOfKind(kind)] }));
      return new Set(statuses.map(({ is }) => is)).size < 2 ? undefined : ifAny(statuses.map(({ kind, types, is }) => `${propertyNames.anyOfKind(kind)} is ${String(is)} (pass types ${types.join(', ') || kind})`));
    },
  },
  {
    name: 'nothing-installed', about: 'profile', weight: 'meant',
    says: 'This person has no pass in any wallet now, so a segment of people with a pass rightly leaves them out.',
    fix: 'Invite them with a pass link.',
    read: 'docs/pass-links.md',
    holds: (evidence) => {
      const views = viewsOf(evidence);
      if (!evidence.person || views.some(({ status }) => status === 'Installed')) return undefined;
      const last = Math.max(0, ...views.map(({ at }) => at));
      return { detail: last > 0 ? `removed ${since(last, evidence.now)}` : Object.keys(evidence.person.passes).length > 0 ? 'the pass was never added to a wallet' : 'there is no pass' };
    },
  },
];
