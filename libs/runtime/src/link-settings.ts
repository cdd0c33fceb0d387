import { IsArray, IsBoolean, IsIn, IsInt, IsOptional, IsString, IsUrl, Matches, Max, Min, MinLength } from 'class-validator';
import { pageAddress, type LinkRules } from '#core';
import type { WalletCrewSettings } from '#wallet-crew';

const dayMs = 86_400_000;
const path = { message: '$property must begin with /' };

/** Pass links in messages. A tenant that has this section, even an empty one, wants the tokens that make them open for everybody it hears of. */
export class LinkSettings {
  /** Scheme and host of the pages, for a domain of one's own; without it `walletCrew.baseUrl`. */
  @IsOptional()
  @IsUrl({ require_tld: false, require_protocol: true, protocols: ['http', 'https'] }, { message: '$property must be an http or https address' })
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
  /** Secrets under which tokens are kept, each random and of 32 characters or more. The first seals; the others still open what they sealed. Without any: the tenant's API key. */
  @IsArray()
  @IsString({ each: true })
  @MinLength(32, { each: true })
  keys: string[] = [];
}

/** Without a section of its own a tenant gets the tokens that its flows ask for, and no others. */
export function linkRulesOf(tenant: string, given: LinkSettings | undefined, walletCrew: WalletCrewSettings): LinkRules {
  const links = given ?? new LinkSettings();
  const address = (path: string) => pageAddress(links.baseUrl ?? walletCrew.baseUrl, path, walletCrew.tenantId ?? tenant);
  return {
    pages: { enrolment: address(links.enrolmentPath), pass: address(links.passPath) },
    tokenOn: links.tokenOn,
    unasked: given !== undefined,
    asProperties: links.asProperties,
    refreshAfterMs: links.refreshAfterDays * dayMs,
  };
}

/** What no single setting can tell. */
export function linkProblems(tenants: ReadonlyMap<string, { links?: LinkSettings }>): string[] {
  const contradictory = [...tenants].filter(([, { links }]) => links?.asProperties === true && links.tokenOn === 'event');
  return contradictory.map(([id]) => `tenants.${id}.links.asProperties: whole addresses hold the token, so they need \`tokenOn: profile\``);
}
