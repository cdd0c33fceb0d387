import { Controller, Get, HttpCode, Inject, Injectable, Param, Post, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ConnectorError, Queue, snippetsOf, Store, type Rules } from '#core';
import { PLUGINS, RULES, SETTINGS, type OpenPlugins, type Settings } from '#runtime';
import { isSecret } from './secret.js';

@Injectable()
export class OperatorGuard implements CanActivate {
  constructor(@Inject(SETTINGS) private readonly settings: Settings) {}

  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<{ headers: { authorization?: string }; params: { tenantId: string } }>();
    const { token } = this.settings.operations;
    if (!token || !isSecret(request.headers.authorization, `Bearer ${token}`)) throw new ConnectorError('OPERATOR_UNKNOWN');
    if (!this.settings.tenants.has(request.params.tenantId)) throw new ConnectorError('TENANT_UNKNOWN');
    return true;
  }
}

const mostListed = 200;

@ApiTags('Operations')
@ApiBearerAuth()
@UseGuards(OperatorGuard)
@Controller('api/:tenantId/operations')
export class OperationsController {
  constructor(
    private readonly store: Store,
    private readonly queue: Queue,
    @Inject(RULES) private readonly rules: Map<string, Rules>,
    @Inject(PLUGINS) private readonly plugins: OpenPlugins,
  ) {}

  @Get('deliveries/:id')
  @ApiOperation({ summary: 'One delivery: event, decision notes, commands and what Klaviyo answered' })
  async delivery(@Param('tenantId') tenant: string, @Param('id') id: string) {
    const record = await this.store.delivery(tenant, id);
    if (!record) throw new ConnectorError('NOT_FOUND');
    return record;
  }

  @Get('parked')
  @ApiOperation({ summary: 'Everything parked, newest first, each with its code' })
  parked(@Param('tenantId') tenant: string) {
    return this.store.parked(tenant, mostListed);
  }

  @Post('parked/:id/replay')
  @HttpCode(202)
  @ApiOperation({ summary: 'Sends a parked delivery or command through again' })
  async replay(@Param('tenantId') tenant: string, @Param('id') id: string) {
    if (!(await this.store.replay(tenant, id))) throw new ConnectorError('NOT_FOUND', 'Nothing with this id is parked.');
    this.queue.wake('process-events');
    this.queue.wake('send-commands');
    return { id };
  }

  @Get('links')
  @ApiOperation({ summary: 'The pass links of this tenant, ready to be copied into messages' })
  links(@Param('tenantId') tenant: string) {
    const links = this.rules.get(tenant)?.links;
    if (!links) throw new ConnectorError('NOT_FOUND', 'This tenant has no `links`; see docs/pass-links.md.');
    return { tokenOn: links.tokenOn, pages: snippetsOf(links) };
  }

  @Get('queue')
  @ApiOperation({ summary: 'How much waits, where' })
  async queueDepth(@Param('tenantId') tenant: string) {
    const [backlog, jobs, commands] = await Promise.all([this.store.backlog(), this.queue.depths(), this.store.commandCounts(tenant)]);
    return { backlog, jobs, commands };
  }

  @Get('rollout')
  @ApiOperation({ summary: 'The plugins, for whom each takes part in this replica, and what is wrong' })
  rollout(@Param('tenantId') tenant: string) {
    const { runner, rollout } = this.plugins;
    const { plugins: stages = [], ...source } = rollout.state?.(tenant) ?? {};
    const plugins = runner.installed(tenant).map((installed) => ({ ...installed, ...stages.find(({ name }) => name === installed.name) }));
    return { ...source, plugins };
  }
}
