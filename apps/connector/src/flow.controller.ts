import { Controller, Headers, HttpCode, Inject, Param, Post, Req } from '@nestjs/common';
import { ApiBody, ApiHeader, ApiOperation, ApiResponse, ApiTags } from '@nestjs/swagger';
import { Clock, ConnectorError, flowKeys, Meter, ReceiveEvents, type NewDelivery, type WalletCommand } from '#core';
import { SETTINGS, type Settings } from '#runtime';
import { readNotify, readPushUpdate, readSync } from '#wallet-crew';
import { unreadable, type RawRequest } from './raw-request.js';
import { isSecret } from './secret.js';

/** How the body of a call names a pass. */
const whichPass: Record<string, object> = { identifiers: { type: 'object', additionalProperties: { type: 'string' } }, passType: { type: 'string', nullable: true } };

/** What Klaviyo's flows call. Klaviyo repeats a call only after 429, 500, 502 and 503: whatever may work later is answered 503. */
@ApiTags('Klaviyo flows')
@ApiHeader({ name: 'X-API-KEY', required: true, description: '`walletCrew.flowKey` of the tenant; without that setting `walletCrew.apiKey`.' })
@ApiHeader({ name: 'X-Klaviyo-Flow-ID', required: false, description: 'Klaviyo adds it. The same content from the same flow is the same call for 24 hours.' })
@ApiResponse({ status: 202, description: 'It is on disk and will be carried out.', schema: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] } })
@ApiResponse({ status: 401, description: 'The key is missing or wrong.' })
@ApiResponse({ status: 404, description: 'Unknown tenant.' })
@ApiResponse({ status: 422, description: 'The body cannot be used; it is parked, and the answer says what is wrong.' })
@ApiResponse({ status: 503, description: 'The backlog limit is reached or the database is away; Klaviyo comes back by itself.' })
@Controller('api/:tenantId/webhooks/listeners/klaviyo')
export class FlowController {
  constructor(
    @Inject(SETTINGS) private readonly settings: Settings,
    private readonly events: ReceiveEvents,
    private readonly clock: Clock,
    private readonly meter: Meter,
  ) {}

  @Post('passes/pushUpdate')
  @HttpCode(202)
  @ApiOperation({ summary: 'Changes the content of a pass', description: 'The body is The Wallet Crew\'s own `PushUpdateData`: a flow moves over by changing the host.' })
  @ApiBody({
    schema: {
      type: 'object',
      required: ['identifiers'],
      properties: {
        ...whichPass,
        additionalData: { type: 'object', nullable: true, additionalProperties: true },
        updateMetadata: { type: 'boolean', default: false },
      },
    },
  })
  pushUpdate(@Param('tenantId') tenant: string, @Headers('x-api-key') key: string | undefined, @Headers('x-klaviyo-flow-id') flowId: string | undefined, @Req() request: RawRequest): Promise<{ id: string }> {
    return this.receive('passes/pushUpdate', tenant, key, flowId, request, readPushUpdate);
  }

  @Post('passes/notify')
  @HttpCode(202)
  @ApiOperation({ summary: 'Shows a message on the phone that holds a pass', description: 'At most once. What became of it is an event in Klaviyo: sent, or not sent and why.' })
  @ApiBody({
    schema: {
      type: 'object',
      required: ['identifiers'],
      properties: {
        ...whichPass,
        message: { type: 'string', description: 'Either this or `localizedMessage`.' },
        localizedMessage: { type: 'object', description: 'By language.', additionalProperties: { type: 'string' } },
      },
    },
  })
  notify(@Param('tenantId') tenant: string, @Headers('x-api-key') key: string | undefined, @Headers('x-klaviyo-flow-id') flowId: string | undefined, @Req() request: RawRequest): Promise<{ id: string }> {
    return this.receive('passes/notify', tenant, key, flowId, request, readNotify);
  }

  @Post('profiles/sync')
  @HttpCode(202)
  @ApiOperation({ summary: 'Looks a customer up and writes wallet status and pass-link token to the profile', description: 'At least one of the fields; `profile_id`, `phone_number` and `external_id` are read too.' })
  @ApiBody({
    schema: {
      type: 'object',
      properties: {
        profileId: { type: 'string', description: 'Klaviyo\'s own id of the profile.' },
        email: { type: 'string' },
        phone: { type: 'string' },
        externalId: { type: 'string' },
      },
    },
  })
  sync(@Param('tenantId') tenant: string, @Headers('x-api-key') key: string | undefined, @Headers('x-klaviyo-flow-id') flowId: string | undefined, @Req() request: RawRequest): Promise<{ id: string }> {
    return this.receive('profiles/sync', tenant, key, flowId, request, readSync);
  }

  private async receive(name: string, tenant: string, key: string | undefined, flowId: string | undefined, request: RawRequest, read: (body: string) => WalletCommand): Promise<{ id: string }> {
    const receivedAt = this.clock.now();
    const answered = (answer: string) => this.meter.count('connector_flow_calls_total', { tenant, action: name, answer });
    const { walletCrew } = this.settings.tenants.get(tenant) ?? {};
    if (!walletCrew) throw new ConnectorError('TENANT_UNKNOWN');
    if (!isSecret(key, walletCrew.flowKey ?? walletCrew.apiKey)) {
      answered('401');
      throw new ConnectorError('FLOW_KEY_REFUSED');
    }
    const { unusable, ...delivery } = deliveryOf(name, tenant, flowId ?? '', request.body?.toString('utf8') ?? '', receivedAt, read);
    const { id } = await this.events.receive(delivery);
    answered(unusable ? '422' : '202');
    if (unusable) throw new ConnectorError(unusable.code, `${unusable.detail ?? ''} It is parked as ${id}.`);
    return { id };
  }
}

/** A call whose body cannot be used is kept all the same, parked with its code. */
function deliveryOf(name: string, tenant: string, flowId: string, body: string, receivedAt: number, read: (body: string) => WalletCommand): NewDelivery & { unusable?: ConnectorError } {
  const delivery = { tenant, receivedAt, body, ...flowKeys(name, flowId, body, receivedAt) };
  try {
    return { ...delivery, event: { kind: 'flow-action', name, at: receivedAt, command: read(body) } };
  } catch (unusable) {
    if (!(unusable instanceof ConnectorError)) throw unusable;
    return { ...delivery, event: unreadable(name, receivedAt), parked: unusable.code, unusable };
  }
}
