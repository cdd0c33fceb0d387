import { IsBoolean, IsInt, IsNotEmpty, IsNumber, IsOptional, IsPositive, IsString, IsUrl, Max, Min, MinLength } from 'class-validator';

/** How one tenant reaches its Klaviyo account. */
export class KlaviyoSettings {
  /** Address of the Klaviyo API; an emulator is put in its place here. */
  @IsUrl({ require_tld: false, require_protocol: true, protocols: ['http', 'https'] }, { message: '$property must be an http or https address' })
  baseUrl: string = 'https://a.klaviyo.com';

  /** Private API key (`pk_…`); the scopes it needs are listed in docs/operations.md. */
  @IsString()
  @IsNotEmpty()
  apiKey: string;

  /** Our share of the account's limits, above 0 and at most 1; all private keys of one account share one quota. */
  @IsNumber()
  @IsPositive()
  @Max(1)
  quotaShare: number = 1;

  /** The list for consents whose field names none. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  listId?: string;

  /** Secret of the Klaviyo system webhook that tells of opt-outs; without it that webhook's address answers 404. */
  @IsOptional()
  @IsString()
  @MinLength(16)
  systemWebhookSecret?: string;

  /** Ask Klaviyo every five minutes who opted out. Default: true without `systemWebhookSecret`, false with it. */
  @IsOptional()
  @IsBoolean()
  pollOptOuts?: boolean;

  /** A call is given up after so many milliseconds, whatever the other side does. */
  @IsInt()
  @Min(100)
  @Max(120_000)
  timeoutMs: number = 10_000;

  /** A connection that is not established after so many milliseconds is given up. */
  @IsInt()
  @Min(100)
  @Max(120_000)
  connectTimeoutMs: number = 3_000;
}

/** Whether Klaviyo has to be asked who opted out, because it does not tell. */
export function asksForOptOuts({ pollOptOuts, systemWebhookSecret }: KlaviyoSettings): boolean {
  return pollOptOuts ?? systemWebhookSecret === undefined;
}
