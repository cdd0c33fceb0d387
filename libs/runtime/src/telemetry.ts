import { pino, type Logger } from 'pino';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import { Log, Meter, type LogFields } from '#core';

/** Structured logs. The port takes ids, codes, counts and durations only, so nothing personal can slip in by habit. */
export class PinoLog extends Log {
  private readonly pino: Logger;

  constructor(level: string, destination?: { write(line: string): void }) {
    super();
    const options = { level, base: null, timestamp: () => `,"time":"${new Date().toISOString()}"`, formatters: { level: (label: string) => ({ level: label }) } };
    this.pino = destination ? pino(options, destination) : pino(options);
  }

  info(message: string, fields: LogFields = {}): void {
    this.pino.info(fields, message);
  }

  warn(message: string, fields: LogFields = {}): void {
    this.pino.warn(fields, message);
  }

  error(message: string, fields: LogFields = {}): void {
    this.pino.error(fields, message);
  }
}

/** Every metric with what it counts; docs/operations.md lists them from here. */
export const metricHelp = {
  connector_webhooks_total: 'Webhooks by tenant and answer',
  connector_events_total: 'Events decided, by tenant and kind',
  connector_parked_total: 'Deliveries parked, by tenant and error code',
  connector_commands_total: 'Answers to commands, by tenant, lane and outcome',
  connector_flow_calls_total: 'Calls of Klaviyo flows, by tenant, action and answer',
  connector_system_webhooks_total: 'System webhooks of Klaviyo, by tenant and answer',
  connector_plugin_deaths_total: 'Isolates that died while a plugin was asked, by tenant, plugin and error code',
  connector_rollout_changes_total: 'Changes of the rollout file, by outcome: taken or refused',
  connector_rollout_failures_total: 'Questions the rollout provider had no stage for, by tenant, plugin and reason',
  wallet_crew_requests_total: 'Requests to The Wallet Crew, by operation and outcome',
  wallet_crew_request_seconds: 'Duration of requests to The Wallet Crew, by operation',
  klaviyo_requests_total: 'Requests to Klaviyo, by operation and status',
  klaviyo_429_total: 'Requests that Klaviyo refused for their rate, by operation',
  connector_webhook_seconds: 'Time from the arrival of a webhook to its answer',
  klaviyo_request_seconds: 'Duration of requests to Klaviyo, by operation',
  reconciliation_calls_total: 'Calls of ended reconciliation runs, by tenant and vendor',
  reconciliation_drift_total: 'Differences that reconciliation runs found, by tenant and kind',
  reconciliation_left_total: 'Differences that reconciliation runs left, by tenant and kind',
  reconciliation_silent_total: 'Runs to which the webhooks of a wallet seemed to have stopped, by tenant and wallet',
  reconciliation_last_done_timestamp_seconds: 'When the last reconciliation of a tenant ended well',
  connector_backlog: 'Webhooks not yet decided',
  connector_jobs: 'Jobs by queue and state',
} as const;

export class PromMeter extends Meter {
  readonly registry = new Registry();
  private readonly counters = new Map<string, Counter>();
  private readonly histograms = new Map<string, Histogram>();
  private readonly gauges = new Map<string, Gauge>();

  constructor() {
    super();
    collectDefaultMetrics({ register: this.registry });
  }

  count(name: string, labels: Record<string, string>, by = 1): void {
    const counter = this.counters.get(name) ?? new Counter({ name, help: help(name), labelNames: Object.keys(labels), registers: [this.registry] });
    this.counters.set(name, counter);
    counter.inc(labels, by);
  }

  observe(name: string, labels: Record<string, string>, seconds: number): void {
    const histogram =
      this.histograms.get(name) ??
      new Histogram({ name, help: help(name), labelNames: Object.keys(labels), buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10], registers: [this.registry] });
    this.histograms.set(name, histogram);
    histogram.observe(labels, seconds);
  }

  /** A value as it is now; asked for when the metrics are read. */
  set(name: string, labels: Record<string, string>, value: number): void {
    const gauge = this.gauges.get(name) ?? new Gauge({ name, help: help(name), labelNames: Object.keys(labels), registers: [this.registry] });
    this.gauges.set(name, gauge);
    gauge.set(labels, value);
  }

  /** Values that nobody knows any more. */
  forget(...names: string[]): void {
    for (const name of names) {
      this.gauges.delete(name);
      this.registry.removeSingleMetric(name);
    }
  }
}

function help(name: string): string {
  return name in metricHelp ? metricHelp[name as keyof typeof metricHelp] : name;
}
