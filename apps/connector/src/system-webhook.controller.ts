import { Controller, Headers, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Clock, ConnectorError, Log, Meter, ReceiveEvents } from '#core';
import { isSystemWebhook, readSystemWebhook, type TakenEvents } from '#klaviyo';
import { SETTINGS, type Settings } from '#runtime';
import type { RawRequest } from './raw-request.js';

export const systemWebhookPath = 'webhooks/listeners/klaviyo/system';

/** Where Klaviyo tells of opt-outs, opt-ins and merges by itself. It wants its answer within five seconds and repeats the call for 48 hours. */
@ApiTags('Klaviyo system webhooks')
@Controller(`api/:tenantId/${systemWebhookPath}`)
export class SystemWebhookController {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly events: ReceiveEvents,
    private readonly clock: Clock,
    private readonly meter: Meter,
    private readonly log: Log,
  ) {}

  @Post()
  @HttpCode(202)
  @ApiOperation({ summary: 'A system webhook of Klaviyo', description: '202 means that all events of it that say something to us are on disk.' })
  @ApiHeader({ name: 'Klaviyo-Signature', required: true, description: 'HMAC-SHA256, as hex, over the raw body followed by Klaviyo-Timestamp, under `klaviyo.systemWebhookSecret`.' })
  @ApiHeader({ name: 'Klaviyo-Timestamp', required: true, description: 'Part of what is signed; its time does not count.' })
  @ApiHeader({ name: 'Klaviyo-Webhook-Id', required: true, description: 'The webhook that the body names too.' })
  @ApiBody({ schema: { type: 'object', properties: { data: { type: 'array', items: { type: 'object' } }, meta: { type: 'object' } }, required: ['data'] } })
  @ApiResponse({ status: 202, schema: { type: 'object', properties: { accepted: { type: 'integer', description: 'How many events are kept.' }, ids: { type: 'array', items: { type: 'string' } } }, required: ['accepted', 'ids'] } })
  @ApiResponse({ status: 400, description: 'Not JSON, or no list of events.' })
  @ApiResponse({ status: 401, description: 'The signature does not match, or header and body name different webhooks.' })
  @ApiResponse({ status: 404, description: 'Unknown tenant, or the tenant has no `klaviyo.systemWebhookSecret`.' })
  @ApiResponse({ status: 413, description: 'Larger than `limits.systemWebhookBytes`.' })
  @ApiResponse({ status: 503, description: 'The backlog limit is reached or the database is away; Klaviyo comes back by itself.' })
  async receive(
    @Param('tenantId') tenant: string,
    @Headers('klaviyo-signature') signature: string | undefined,
    @Headers('klaviyo-timestamp') timestamp: string | undefined,
    @Headers('klaviyo-webhook-id') webhookId: string | undefined,
    @Req() request: RawRequest,
  ): Promise<{ accepted: number; ids: string[] }> {
    const receivedAt = this.clock.now();
    const answered = (answer: string) => this.meter.count('connector_system_webhooks_total', { tenant, answer });
    const settings = this.settings.tenants.get(tenant);
    if (!settings) throw new ConnectorError('TENANT_UNKNOWN');
    const { systemWebhookSecret } = settings.klaviyo;
    if (systemWebhookSecret === undefined) throw new ConnectorError('NOT_FOUND');
    const bytes = request.body ?? Buffer.alloc(0);
    if (!isSystemWebhook(systemWebhookSecret, bytes, { signature, timestamp })) {
      answered('401');
      throw new ConnectorError('SYSTEM_WEBHOOK_REFUSED');
    }
    const taken = this.read(bytes.toString('utf8'), receivedAt, webhookId, answered);
    const receipts = await this.events.receiveAll(taken.deliveries.map((delivery) => ({ tenant, receivedAt, ...delivery })));
    answered('202');
    if (taken.unusable > 0) this.log.warn('events of Klaviyo without a person or a time are not kept', { tenant, events: taken.unusable });
    return { accepted: receipts.length, ids: receipts.map(({ id }) => id) };
  }

  private read(body: string, receivedAt: number, webhookId: string | undefined, answered: (answer: string) => void): TakenEvents {
    try {
      return readSystemWebhook(body, receivedAt, webhookId);
    } catch (error) {
      answered(error instanceof ConnectorError && error.code === 'SYSTEM_WEBHOOK_REFUSED' ? '401' : '400');
      throw error;
    }
  }
}
