import { Catch, HttpException, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { ConnectorError, errors, Log, type ErrorCode } from '#core';

interface Reply {
  status(code: number): Reply;
  header(name: string, value: string): Reply;
  send(body: unknown): void;
}

const statusOf: Partial<Record<ErrorCode, number>> = {
  TENANT_UNKNOWN: 404,
  SIGNATURE_INVALID: 401,
  BODY_NOT_JSON: 400,
  EVENT_UNREADABLE: 400,
  BODY_TOO_LARGE: 413,
  OPERATOR_UNKNOWN: 401,
  OPERATOR_BODY_UNUSABLE: 400,
  FLOW_KEY_REFUSED: 401,
  FLOW_BODY_UNUSABLE: 422,
  SYSTEM_WEBHOOK_REFUSED: 401,
  NOT_FOUND: 404,
  PERSON_UNKNOWN: 404,
};

/** Seconds after which a sender that was answered 503 may come back. */
const retryAfter = '5';

/** Every error answer: a code, what it means and what to do. Never a stack trace, never what the sender sent. */
@Catch()
export class ErrorAnswers implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<Reply>();
    // What Terminus found: its answer names each check.
    if (error instanceof HttpException && error.getStatus() === 503) return reply.status(503).send(error.getResponse());
    const coded = this.coded(error);
    const status = statusOf[coded.code] ?? 503;
    const { says, fix } = errors[coded.code];
    if (status === 503) reply.header('retry-after', retryAfter);
    reply.status(status).send({ code: coded.code, says: coded.detail ? `${says} ${coded.detail}` : says, fix });
  }

  private coded(error: unknown): ConnectorError {
    if (error instanceof ConnectorError) return error;
    // Nest's own words would repeat the address that was called, and whatever was in it.
    if (error instanceof HttpException && error.getStatus() === 404) return new ConnectorError('NOT_FOUND');
    if (error instanceof HttpException && error.getStatus() === 413) return new ConnectorError('BODY_TOO_LARGE');
    const { statusCode = error instanceof HttpException ? error.getStatus() : undefined, code, name } = (error ?? {}) as { statusCode?: number; code?: unknown; name?: string };
    if (statusCode === 413) return new ConnectorError('BODY_TOO_LARGE');
    if (statusCode !== undefined && statusCode < 500) return new ConnectorError('BODY_NOT_JSON');
    // Only name and code: a database's message may repeat values.
    this.log.error('request failed', { error: name ?? typeof error, code: typeof code === 'string' ? code : undefined });
    return new ConnectorError('DATABASE_UNAVAILABLE');
  }
}
