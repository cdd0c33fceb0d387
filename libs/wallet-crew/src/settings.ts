import { IsString, IsUrl, MinLength } from 'class-validator';

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
}
