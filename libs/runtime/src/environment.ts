import { ConnectorError } from '#core';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];

/** What the process is told by its environment; nothing else reads it. */
export class Environment {
  readonly configFile: string;
  /** Says for whom plugins are, over the configuration; re-read while the process runs. */
  readonly rolloutFile: { path: string; isAsked: boolean };
  readonly host: string;
  readonly port: number;
  readonly databaseUrl: string | undefined;
  readonly dataDir: string;
  readonly logLevel: string;
  /** How long a stopping process may finish what is in hand; below Kubernetes' default of 30 s. Milliseconds. */
  readonly graceMs: number;
  /** False: this replica only takes webhooks and leaves sending to others. */
  readonly workers: boolean;

  constructor(readonly variables: Record<string, string | undefined> = process.env, defaultPort = 3000) {
    this.configFile = variables['CONFIG_FILE'] || 'config/connector.yaml';
    this.rolloutFile = { path: variables['ROLLOUT_FILE'] || join(dirname(this.configFile), 'rollout.yaml'), isAsked: Boolean(variables['ROLLOUT_FILE']) };
    this.host = variables['HOST'] || '127.0.0.1';
    this.port = variables['PORT'] ? Number(variables['PORT']) : defaultPort;
    this.databaseUrl = variables['DATABASE_URL'] || undefined;
    this.dataDir = variables['DATA_DIR'] || '.data';
    this.logLevel = variables['LOG_LEVEL'] || 'info';
    this.graceMs = variables['SHUTDOWN_GRACE_MS'] ? Number(variables['SHUTDOWN_GRACE_MS']) : 20_000;
    this.workers = variables['WORKERS'] !== 'off';
  }

  get isConfigured(): boolean {
    // A file that was asked for and is not there is a mistake, not a wish for the sandbox.
    return Boolean(this.variables['CONFIG_FILE']) || existsSync(this.configFile);
  }

  /** For a command that only looks at what is there: on an empty database it would find nothing and say so as if that were true. */
  mustHaveDatabase(): void {
    if (!this.databaseUrl && !existsSync(this.dataDir)) throw new ConnectorError('SETTINGS_INVALID', `\n  DATABASE_URL: is not set, and there is no database in ${this.dataDir} (DATA_DIR)`);
  }

  problems(): string[] {
    const problems: string[] = [];
    if (!Number.isInteger(this.port) || this.port < 0 || this.port > 65_535) problems.push('PORT: must be a port number');
    if (!Number.isFinite(this.graceMs) || this.graceMs < 0) problems.push('SHUTDOWN_GRACE_MS: must be a number of milliseconds');
    if (!levels.includes(this.logLevel)) problems.push(`LOG_LEVEL: must be one of ${levels.join(', ')}`);
    if (!['on', 'off'].includes(this.variables['WORKERS'] || 'on')) problems.push('WORKERS: must be on or off');
    if (this.databaseUrl && !/^postgres(ql)?:\/\//.test(this.databaseUrl)) problems.push('DATABASE_URL: must start with postgres:// or postgresql://');
    return problems;
  }
}
