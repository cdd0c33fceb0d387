import { IsInt, IsNotEmpty, IsObject, IsOptional, IsString, IsUrl, Matches, Max, Min, MinLength } from 'class-validator';

export class WalletCrewSettings {
  /** Where The Wallet Crew's API answers; the emulator's address in tests. */
  @IsUrl({ require_tld: false, require_protocol: true, protocols: ['http', 'https'] }, { message: '$property must be an http or https address' })
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

  /** How often we call The Wallet Crew at the most. It publishes no limit of its own for these calls. One look-up takes up to eight. */
  @IsInt()
  @Min(10)
  @Max(100_000)
  requestsPerMinute: number = 3_000;

  /** A call is given up after so many milliseconds, whatever the other side does. A command is leased for 90 s and may take several calls. */
  @IsInt()
  @Min(100)
  @Max(25_000)
  timeoutMs: number = 10_000;

  /** `provider` of `customer/authenticate`, which gives out the tokens of pass links. The Wallet Crew names no provider for connectors: ask it for yours. */
  @IsString()
  @IsNotEmpty()
  tokenProvider: string = 'klaviyo';

  /** The body of that call, as far as it can be filled: `{email}`, `{phone}`, `{customerId}` or any other identifier. Not documented either. */
  @IsObject()
  tokenBody: Record<string, unknown> = { identifiers: { email: '{email}', phone: '{phone}', customerId: '{customerId}' } };

  /** Where notifications go. The Wallet Crew documents that they exist, but not their path. */
  @Matches(/^\/.*\{passId\}/, { message: '$property must begin with / and hold {passId}' })
  notifyPath: string = '/api/{tenantId}/passes/{passId}/notifications';

  /** The body of a notification, as far as it can be filled: `{message}` is a text, `{localizedMessage}` a text by language. */
  @IsObject()
  notifyBody: Record<string, unknown> = { content: '{message}', localizedContent: '{localizedMessage}' };
}
