import { IsInt, IsNotEmpty, IsNumber, IsOptional, IsPositive, IsString, IsUrl, Max, Min } from 'class-validator';

/** How one tenant reaches its Klaviyo account. */
export class KlaviyoSettings {
  /** Address of the Klaviyo API; an emulator is put in its place here. */
  @IsUrl({ protocols: ['http', 'https'], require_protocol: true, require_tld: false })
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
