import { propertyNames } from '../marketing/profile.js';
import type { Rules } from '../rules.js';
import type { WalletStatus } from '../wallet/pass.js';

/** One condition on one property of a profile. */
export type Condition = { property: string; is: 'equals'; value: WalletStatus } | { property: string; is: 'set' | 'not-set' };

/** A segment as a marketer would build it. */
export interface SegmentRecipe {
  /** By it an existing one is found again. */
  name: string;
  says: string;
  /** All groups must hold; of a group one condition is enough. That is how Klaviyo joins them. */
  groups: Condition[][];
}

/** Whoever is in it has not been looked up yet, or not since the tenant has its newest pass kind: no other segment can hold them. */
export const notSynced = 'Wallet: not synced yet';

/**
 * The segments of a tenant. They ask for the explicit words only: Klaviyo leaves profiles whose property is not set out of text
 * conditions, so "is not Installed" would promise people it does not find.
 */
export function segmentsOf({ passKinds, links }: Rules): SegmentRecipe[] {
  const kinds = Object.keys(passKinds);
  const subjects = [
    { title: 'Wallet', pass: 'pass of any kind', property: propertyNames.any },
    ...kinds.map((kind) => ({ title: `Wallet ${kind}`, pass: kind, property: propertyNames.anyOfKind(kind) })),
  ];
  // Where events carry the token, no profile has one to ask for.
  const hasTokens = links?.tokenOn !== 'event';
  return [
    ...subjects.flatMap(({ title, pass, property }): SegmentRecipe[] => {
      const says = (value: WalletStatus): Condition => ({ property, is: 'equals', value });
      return [
        { name: `${title}: installed`, says: `Has a ${pass} in a wallet now.`, groups: [[says('Installed')]] },
        { name: `${title}: not installed`, says: `Never had a ${pass} in a wallet.`, groups: [[says('NotInstalled')]] },
        { name: `${title}: uninstalled`, says: `Had a ${pass} in a wallet and has removed it from all.`, groups: [[says('Uninstalled')]] },
        ...(hasTokens
          ? [{
              name: `${title}: can be invited`,
              says: `Has no ${pass} in a wallet, never had or no more, and a pass link that opens.`,
              groups: [[{ property: propertyNames.authenticationToken, is: 'set' as const }], [says('NotInstalled'), says('Uninstalled')]],
            }]
          : []),
      ];
    }),
    {
      name: notSynced,
      says: 'No wallet status yet: found in none of the other segments. The sync flow is for them.',
      groups: [subjects.map(({ property }) => ({ property, is: 'not-set' }))],
    },
  ];
}

/** Whether two segments ask for the same; the order in which they do means nothing. */
export function sameGroups(a: readonly Condition[][], b: readonly Condition[][]): boolean {
  const spelled = (groups: readonly Condition[][]) => groups.map((group) => group.map((one) => `${one.property} ${one.is} ${one.is === 'equals' ? one.value : ''}`).sort().join(' or ')).sort().join(' and ');
  return spelled(a) === spelled(b);
}
