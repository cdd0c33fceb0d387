import { IsArray, IsBoolean, IsIn, IsInt, IsOptional, IsString, IsUrl, Matches, Max, Min, MinLength } from 'class-validator';
import { pageAddress, type LinkRules } from '#core';
import type { WalletCrewSettings } from '#wallet-crew';

const dayMs = 86_400_000;
const path = { message: '$property must begin with /' };

/** Pass links in messages. A tenant that has this section, even an empty one, wants the tokens that make them open. */
export class LinkSettings {
  /** Scheme and host of the pages, for a domain of one's own; without it `walletCrew.baseUrl`. */
  @IsOptional()
  @IsUrl({ require_tld: false, require_protocol: true, protocols: ['http', 'https'] })
  baseUrl?: string;

  /** Page for people without a pass; `{tenantId}` is the tenant's id at The Wallet Crew. */
  @Matches(/^\//, path)
  enrolmentPath: string = '/{tenantId}/mail';

  /** Page for people who have a pass. */
  @Matches(/^\//, path)
  passPath: string = '/{tenantId}/mail/confirm';

  /** Who carries the token in Klaviyo: `profile`, which every message can use, or each `event` for itself, so that none stays behind. */
  @IsIn(['profile', 'event'])
  tokenOn: 'profile' | 'event' = 'profile';

  /** True: the profile also carries the whole addresses, as `neostore.link.enrolment` and `neostore.link.pass`. */
  @IsBoolean()
  asProperties: boolean = false;

  /** A token older than so many days is asked for anew. How long one is good The Wallet Crew does not say. */
  @IsInt()
  @Min(1)
  @Max(3650)
  refreshAfterDays: number = 30;
}

export class VaultSettings {
  /** Secrets under which tokens are kept, each random and of 32 characters or more. The first seals; the others still open what they sealed. */
  @IsArray()
  @IsString({ each: true })
  @MinLength(32, { each: true })
  keys: string[] = [];
}

export function linkRulesOf(tenant: string, links: LinkSettings, walletCrew: WalletCrewSettings): LinkRules {
  const address = (path: string) => pageAddress(links.baseUrl ?? walletCrew.baseUrl, path, walletCrew.tenantId ?? tenant);
  return {
    pages: { enrolment: address(links.enrolmentPath), pass: address(links.passPath) },
    tokenOn: links.tokenOn,
    asProperties: links.asProperties,
    refreshAfterMs: links.refreshAfterDays * dayMs,
  };
}

/** What no single setting can tell. */
export function linkProblems(tenants: ReadonlyMap<string, { links?: LinkSettings }>, vault: VaultSettings): string[] {
  const withLinks = [...tenants].filter(([, { links }]) => links);
  const contradictory = withLinks.filter(([, { links }]) => links?.asProperties === true && links.tokenOn === 'event');
  const problems = contradictory.map(([id]) => `tenants.${id}.links.asProperties: whole addresses hold the token, so they need \`tokenOn: profile\``);
  const [first] = withLinks;
  if (first && vault?.keys?.length === 0) problems.push(`vault.keys: at least one key is needed, because tenants.${first[0]}.links makes us keep tokens`);
  return problems;
}
