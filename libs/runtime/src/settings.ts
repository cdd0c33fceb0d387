import 'reflect-metadata';
import { existsSync, readFileSync } from 'node:fs';
import { plainToInstance, Type } from 'class-transformer';
import { IsArray, IsBoolean, IsIn, IsInt, IsISO31661Alpha2, IsObject, IsOptional, IsString, Max, Min, MinLength, ValidateNested } from 'class-validator';
import { ConnectorError, defaultMetrics } from '#core';
import { KlaviyoSettings } from '#klaviyo';
import { WalletCrewSettings } from '#wallet-crew';
import type { Environment } from './environment.js';
import { isMap } from './is-map.js';
import { LinkSettings, linkProblems, VaultSettings } from './link-settings.js';
import { PluginSettings } from './plugins/plugin-settings.js';
import { problemsOf } from './problems.js';
import { ReconciliationSettings } from './reconciliation-settings.js';
import { withRollout } from './rollout/plugin-rollout.js';
import { RolloutSettings } from './rollout/rollout-settings.js';
import { readYaml } from './yaml.js';

export class ConsentSettings {
  @IsIn(['email', 'sms'])
  channel: 'email' | 'sms';

  /** Klaviyo list a yes subscribes to; without it the tenant's `klaviyo.listId`. */
  @IsOptional()
  @IsString()
  listId?: string;

  /** True: a consent that arrives late is imported with its date, without double opt-in and without "Added to list" flows. */
  @IsOptional()
  @IsBoolean()
  historicalWhenLate?: boolean;
}

export class IdentitySettings {
  /** Wallet Crew identifier keys that hold the e-mail address, first match first. */
  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  email?: string[];

  /** … the phone number. */
  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  phone?: string[];

  /** … Klaviyo's `external_id`. Nothing is written to it unless a key is named here. */
  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  externalId?: string[];

  /** … Klaviyo's own profile id. */
  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  klaviyoId?: string[];
}

export class TenantSettings {
  @ValidateNested()
  @Type(() => WalletCrewSettings)
  walletCrew: WalletCrewSettings;

  @ValidateNested()
  @Type(() => KlaviyoSettings)
  klaviyo: KlaviyoSettings;

  /** Pass kind (a segment of the property name) → the pass types that belong to it, or just the list of kinds. */
  @IsOptional()
  @IsObject()
  passKinds?: Record<string, string[]>;

  /** Consent field of the enrolment form → channel and list. */
  @IsOptional()
  @ValidateNested({ each: true })
  consents?: Map<string, ConsentSettings>;

  @IsOptional()
  @ValidateNested()
  @Type(() => IdentitySettings)
  identity?: IdentitySettings;

  /** Event kind → name of the Klaviyo metric; `null` sends none. */
  @IsOptional()
  @IsObject()
  metrics?: Record<string, string | null>;

  /** Country that phone numbers without a country code are read in (ISO 3166, two letters). */
  @IsOptional()
  @IsISO31661Alpha2()
  defaultCountry?: string;

  /** An event older than this when it arrives fires no flow. Hours. */
  @IsOptional()
  @Min(0)
  lateAfterHours?: number;

  @IsOptional()
  @ValidateNested()
  @Type(() => LinkSettings)
  links?: LinkSettings;

  @IsOptional()
  @ValidateNested()
  @Type(() => ReconciliationSettings)
  reconciliation?: ReconciliationSettings;

  /** Plugins, in the order in which they are asked. */
  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => PluginSettings)
  plugins?: PluginSettings[];
}

export class LimitSettings {
  /** Largest webhook body. Bytes. */
  @IsInt()
  @Min(1_000)
  bodyBytes = 1_000_000;

  /** Largest system webhook of Klaviyo, which brings up to a thousand events at once. Bytes. */
  @IsInt()
  @Min(1_000)
  systemWebhookBytes = 10_000_000;

  /** Webhooks that may wait undecided before new ones are answered 503. */
  @IsInt()
  @Min(1)
  backlog = 1_000_000;
}

export class OperationsSettings {
  /** Bearer token of the operator API; without it the API refuses everybody. */
  @IsOptional()
  @IsString()
  @MinLength(16)
  token?: string;
}

export class Settings {
  tenants: Map<string, TenantSettings>;

  @ValidateNested()
  @Type(() => LimitSettings)
  limits = new LimitSettings();

  @ValidateNested()
  @Type(() => OperationsSettings)
  operations = new OperationsSettings();

  @ValidateNested()
  @Type(() => VaultSettings)
  vault = new VaultSettings();

  @ValidateNested()
  @Type(() => RolloutSettings)
  rollout = new RolloutSettings();

  /** Finished deliveries and commands are deleted after so many days. */
  @IsInt()
  @Min(1)
  @Max(3650)
  retentionDays = 90;
}

/** Reads and checks the whole configuration once. Every problem is in one error, by path, and no value is repeated. */
export function loadSettings(environment: Environment): Settings {
  const problems = environment.problems();
  const read = yamlOf(environment.configFile);
  if ('problem' in read) throw settingsInvalid([...problems, `CONFIG_FILE (${environment.configFile}): ${read.problem}`]);
  const settings = readSettings(withSecrets(read.value, environment.variables, '', problems), problems);
  if (problems.length > 0) throw settingsInvalid(problems);
  return settings;
}

export function settingsInvalid(problems: readonly string[]): ConnectorError {
  return new ConnectorError('SETTINGS_INVALID', [...new Set(problems)].map((problem) => `\n  ${problem}`).join(''));
}

function yamlOf(file: string): ReturnType<typeof readYaml> {
  const text = contentOf(file);
  return text === undefined ? { problem: existsSync(file) ? 'the file cannot be read' : 'there is no such file' } : readYaml(text);
}

/** `${NAME}` and `${file:/path}` stand for a secret; the file's last line break does not belong to it. */
function withSecrets(value: unknown, variables: Environment['variables'], path: string, problems: string[]): unknown {
  if (Array.isArray(value)) return value.map((item, i) => withSecrets(item, variables, `${path}[${i}]`, problems));
  if (isMap(value)) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withSecrets(item, variables, path ? `${path}.${key}` : key, problems)]));
  if (typeof value !== 'string') return value;
  return value.replaceAll(/\$\{(file:)?([^}]+)\}/g, (_reference, file: string | undefined, name: string) => {
    const secret = file ? contentOf(name) : variables[name];
    if (secret !== undefined) return secret;
    problems.push(`${path}: ${file ? `the file ${name} ${existsSync(name) ? 'cannot be read' : 'does not exist'}` : `the environment variable ${name} is not set`}`);
    return 'placeholder-of-a-secret-that-is-missing';
  });
}

function contentOf(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch {
    return undefined;
  }
}

const sections = ['limits', 'operations', 'vault', 'rollout', 'walletCrew', 'klaviyo', 'identity', 'links', 'reconciliation'];

/** What is left blank in YAML reads as null and means: not set. In the maps of names a tenant chose itself it stays, and is a problem. */
function withoutBlanks(plain: Record<string, unknown>): Record<string, unknown> {
  const set = Object.entries(plain).filter(([, value]) => value !== null);
  return Object.fromEntries(set.map(([name, value]) => [name, sections.includes(name) && isMap(value) ? withoutBlanks(value) : value]));
}

export function readSettings(document: unknown, problems: string[]): Settings {
  if (!isMap(document)) {
    problems.push('the file holds no settings');
    return new Settings();
  }
  const { tenants, ...rest } = withoutBlanks(document);
  const settings = plainToInstance(Settings, rest, { exposeDefaultValues: true });
  problems.push(...problemsOf(settings, '', Object.keys(rest), ['limits', 'operations', 'vault', 'rollout', 'retentionDays']));
  settings.tenants = new Map();
  const named = Array.isArray(tenants) ? tenants.map((tenant) => (isMap(tenant) ? (({ id, ...own }) => [String(id ?? '?'), own] as const)(tenant) : ['?', tenant] as const)) : isMap(tenants) ? Object.entries(tenants) : [];
  if (named.length === 0) problems.push('tenants: at least one tenant is needed');
  for (const [id, plain] of named) {
    const path = `tenants.${id}`;
    if (!/^[\w-]{1,64}$/.test(id)) problems.push(`${path}: a tenant id is made of letters, digits, - and _`);
    if (settings.tenants.has(id)) problems.push(`${path}: there is another tenant with this id`);
    if (!isMap(plain)) problems.push(`${path}: must hold the tenant's settings`);
    else settings.tenants.set(id, readTenant(withoutBlanks(plain), path, problems));
  }
  problems.push(...linkProblems(settings.tenants));
  return settings;
}

function readTenant(plain: Record<string, unknown>, path: string, problems: string[]): TenantSettings {
  const { consents, passKinds, ...rest } = plain;
  if (Array.isArray(rest['plugins'])) rest['plugins'] = rest['plugins'].map((entry: unknown, i: number) => (isMap(entry) ? withRollout(withoutBlanks(entry), `${path}.plugins[${i}]`, problems) : entry));
  const tenant = plainToInstance(TenantSettings, rest, { exposeDefaultValues: true });
  for (const needed of ['walletCrew', 'klaviyo'] as const) if (!isMap(plain[needed])) problems.push(`${path}.${needed}: is missing`);
  if (passKinds !== undefined) {
    const kinds: unknown = Array.isArray(passKinds) ? Object.fromEntries(passKinds.map((kind: unknown) => [String(kind), typeof kind === 'string' ? [] : null])) : passKinds;
    const isKinds = isMap(kinds) && Object.keys(kinds).length > 0 && Object.values(kinds).every((types) => Array.isArray(types) && types.every((type) => typeof type === 'string'));
    tenant.passKinds = kinds as Record<string, string[]>;
    if (!isKinds) problems.push(`${path}.passKinds: must map each pass kind to a list of pass types`);
  }
  // Either case is the country's code, but only this one is known to the phone numbers.
  if (typeof tenant.defaultCountry === 'string') tenant.defaultCountry = tenant.defaultCountry.toUpperCase();
  const metricKinds = Object.keys(defaultMetrics);
  for (const [kind, name] of Object.entries(isMap(plain['metrics']) ? plain['metrics'] : {})) {
    if (!metricKinds.includes(kind)) problems.push(`${path}.metrics.${kind}: there is no such event kind; there are ${metricKinds.join(', ')}`);
    // Klaviyo refuses a metric name of 128 characters and more.
    else if (name !== null && !(typeof name === 'string' && name.length > 0 && name.length < 128)) problems.push(`${path}.metrics.${kind}: must be a name of 1 to 127 characters, or null`);
  }
  if (isMap(consents)) tenant.consents = new Map(Object.entries(consents).map(([field, value]) => [field, plainToInstance(ConsentSettings, value)]));
  else if (consents !== undefined) problems.push(`${path}.consents: must map each consent field to its channel`);
  const known = ['walletCrew', 'klaviyo', 'passKinds', 'consents', 'identity', 'metrics', 'defaultCountry', 'lateAfterHours', 'links', 'reconciliation', 'plugins'];
  problems.push(...problemsOf(tenant, path, Object.keys(plain), known));
  return tenant;
}
