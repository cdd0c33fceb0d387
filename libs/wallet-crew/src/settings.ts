import { IsInt, IsNotEmpty, IsOptional, IsString, IsUrl, Max, Min, MinLength } from 'class-validator';

export class WalletCrewSettings {
  /** Where The Wallet Crew's API answers; the emulator's address in tests. */
  @IsUrl({ require_tld: false, require_protocol: true })
  baseUrl = 'https://app.neostore.cloud';

  /** `X-API-KEY` of the tenant. */
  @IsString()
  @MinLength(1)
  apiKey: string;

  /** The `signatureSecret` of the webhook subscription. */
  @IsString()
  @MinLength(8)
  webhookSecret: string;

  /** The tenant's id at The Wallet Crew, where it is not the same as here. */
  @IsOptional()
  @IsString()
  @IsNotEmpty()
  tenantId?: string;

  /** The `X-API-KEY` with which Klaviyo flows call us; without it they send `apiKey`, as they did when they called The Wallet Crew itself. */
  @IsOptional()
  @IsString()
  @MinLength(8)
  flowKey?: string;

  /** How often we call The Wallet Crew at the most. It publishes no limit of its own for these calls. */
  @IsInt()
  @Min(1)
  @Max(100_000)
  requestsPerMinute: number = 600;

  /** A call is given up after so many milliseconds, whatever the other side does. */
  @IsInt()
  @Min(100)
  @Max(120_000)
  timeoutMs: number = 10_000;
}
