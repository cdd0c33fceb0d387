import { Controller, Get, HttpCode, Param, Post, UseGuards } from '@nestjs/common';
import { ApiBearerAuth, ApiOperation, ApiTags } from '@nestjs/swagger';
import { ConnectorError, driftKinds, progressOf, Runs, type DriftLine, type Run } from '#core';
import { OperatorGuard } from './operations.controller.js';

/** Nightly runs of a quarter. */
const mostListed = 92;

@ApiTags('Reconciliation')
@ApiBearerAuth()
@UseGuards(OperatorGuard)
@Controller('api/:tenantId/operations/runs')
export class RunsController {
  constructor(private readonly runs: Runs) {}

  @Get()
  @ApiOperation({ summary: 'The reconciliation runs, newest first, each with its verdict and counts' })
  async list(@Param('tenantId') tenant: string) {
    return (await this.runs.list(tenant, mostListed)).map(summaryOf);
  }

  @Get(':id')
  @ApiOperation({ summary: 'One run: its whole report, or how far it is' })
  async one(@Param('tenantId') tenant: string, @Param('id') id: string) {
    const run = await this.runs.find(tenant, id);
    if (!run) throw new ConnectorError('NOT_FOUND', 'No run has this id.');
    const progress = run.status === 'running' ? progressOf(run.checkpoint, (await this.runs.fates(id)).kinds) : undefined;
    return { ...headOf(run), ...(run.report ? { report: { ...run.report, drift: run.report.drift.map(explained) } } : {}), ...(progress ? { progress } : {}) };
  }

  @Post(':id/cancel')
  @HttpCode(202)
  @ApiOperation({ summary: 'Asks a run to end; what it has found and repaired so far stays' })
  async cancel(@Param('tenantId') tenant: string, @Param('id') id: string) {
    if (!(await this.runs.cancel(tenant, id))) throw new ConnectorError('NOT_FOUND', 'No run with this id is at work.');
    return { id };
  }
}

/** Without its checkpoint, which is for the process that goes on with it. */
function headOf({ id, status, options, startedAt, endedAt, resumed, code }: Run) {
  return { id, status, options, startedAt, endedAt, resumed, code };
}

/** What a list and plots over many runs need; samples and refusals would make it long. */
function summaryOf(run: Run) {
  const { report } = run;
  return { ...headOf(run), ...(report ? { verdict: report.verdict, drift: report.drift.map(countsOf), tookMs: report.tookMs, leastMs: report.leastMs, adoption: report.adoption } : {}) };
}

function countsOf({ kind, found, repaired, refused, left }: DriftLine) {
  return { kind, found, repaired, refused, left };
}

/** A kind that a later version no longer knows keeps its name. */
function explained(line: DriftLine) {
  return { ...line, says: driftKinds[line.kind]?.says ?? '', repair: driftKinds[line.kind]?.repair ?? 'reported' };
}

export type RunSummary = ReturnType<typeof summaryOf>;
export type RunInFull = Awaited<ReturnType<RunsController['one']>>;
