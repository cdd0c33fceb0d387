import { Controller, Headers, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Clock, ConnectorError, Meter, ReceiveEvents, fingerprint, type ErrorCode, type NewDelivery } from '#core';
import { SETTINGS, type Settings } from '#runtime';
import { isSignedBy, readDelivery } from '#wallet-crew';
import { unreadable, type RawRequest } from './raw-request.js';

@ApiTags('The Wallet Crew')
@Controller('api/:tenantId/webhooks/listeners/wallet-crew')
export class WalletCrewController {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly events: ReceiveEvents,
    private readonly clock: Clock,
    private readonly meter: Meter,
  ) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({ summary: 'A webhook of The Wallet Crew', description: '202 means it is on disk: whatever happens next, its effect will.' })
  @ApiHeader({ name: 'X-NEOSTORE-SIGNATURE', required: true, description: 'HMAC-SHA256 over the raw body under the webhook\'s signatureSecret, as hex or base64.' })
  @ApiBody({ schema: { type: 'object', additionalProperties: true } })
  @ApiResponse({ status: 202, schema: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] } })
  @ApiResponse({ status: 400, description: 'Not JSON, or not an event. It is parked all the same.' })
  @ApiResponse({ status: 401, description: 'The signature does not match.' })
  @ApiResponse({ status: 404, description: 'Unknown tenant.' })
  @ApiResponse({ status: 413, description: 'Larger than `limits.bodyBytes`.' })
  @ApiResponse({ status: 503, description: 'The backlog limit is reached or the database is away; `Retry-After` says when to come back.' })
  async receive(@Param('tenantId') tenant: string, @Headers('x-neostore-signature') signature: string | undefined, @Req() request: RawRequest): Promise<{ id: string }> {
    const receivedAt = this.clock.now();
    const settings = this.settings.tenants.get(tenant);
    if (!settings) throw new ConnectorError('TENANT_UNKNOWN');
    const bytes = request.body ?? Buffer.alloc(0);
    if (!isSignedBy(settings.walletCrew.webhookSecret, bytes, signature)) {
      this.meter.count('connector_webhooks_total', { tenant, answer: '401' });
      throw new ConnectorError('SIGNATURE_INVALID');
    }
    const delivery = read(tenant, bytes.toString('utf8'), receivedAt);
    const { id } = await this.events.receive(delivery);
    const refused = delivery.parked && notAnEvent.includes(delivery.parked);
    this.meter.count('connector_webhooks_total', { tenant, answer: refused ? '400' : '202' });
    this.meter.observe('connector_webhook_seconds', {}, (this.clock.now() - receivedAt) / 1000);
    if (refused) throw new ConnectorError(delivery.parked!, `It is parked as ${id}.`);
    return { id };
  }
}

/** What the sender must be told at once; everything else that is wrong with an event is our operator's matter. */
const notAnEvent: ErrorCode[] = ['BODY_NOT_JSON', 'EVENT_UNREADABLE'];

/** A signed body is never dropped: one that cannot be read goes to the inbox parked. */
function read(tenant: string, body: string, receivedAt: number): NewDelivery {
  try {
    return { tenant, receivedAt, body, ...readDelivery(body, receivedAt) };
  } catch (error) {
    if (!(error instanceof ConnectorError)) throw error;
    return { tenant, receivedAt, body, key: `unreadable:${fingerprint(body)}`, event: unreadable('unreadable', receivedAt), parked: error.code };
  }
}
