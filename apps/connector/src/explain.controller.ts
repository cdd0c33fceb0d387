import { Controller, Get, HttpCode, Param, Post, Req, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiBody, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ConnectorError, Explain } from '#core';
import { OperatorGuard } from './operations.controller.js';
import type { RawRequest } from './raw-request.js';

@ApiTags('Operations')
@ApiBearerAuth()
@UseGuards(OperatorGuard)
@Controller('api/:tenantId/operations/explain')
export class ExplainController {
  constructor(private readonly explain: Explain) {}

  @Get(':who')
  @ApiOperation({ summary: 'Why somebody is (not) in a segment; `who` is a delivery, pass, person or profile id, or an identifier. With an address use POST: addresses in paths end up in access logs' })
  byPath(@Param('tenantId') tenant: string, @Param('who') who: string) {
    return this.explain.run(tenant, who);
  }

  @Post()
  @HttpCode(200)
  @ApiOperation({ summary: 'The same, and the address stays out of access logs' })
  @ApiBody({ schema: { type: 'object', properties: { who: { type: 'string' } }, required: ['who'] } })
  byBody(@Param('tenantId') tenant: string, @Req() { body }: RawRequest) {
    return this.explain.run(tenant, whoIn(body));
  }
}

function whoIn(body: Buffer | undefined): string {
  try {
    const { who } = JSON.parse(String(body)) as { who?: unknown };
    if (typeof who === 'string') return who;
  } catch {
    // Said below.
  }
  throw new ConnectorError('OPERATOR_BODY_UNUSABLE', 'It must be {"who": "…"}.');
}
