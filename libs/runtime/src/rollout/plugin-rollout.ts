import { plainToInstance } from 'class-transformer';
import { IsBoolean, IsIn, IsNumber, IsObject, IsOptional, Max, Min } from 'class-validator';
import type { Plain, Stage } from '#core';
import { isMap } from '../is-map.js';
import { problemsOf } from '../problems.js';

export const stages = ['off', 'shadow', 'on'] as const satisfies readonly Stage[];

/** For whom a plugin takes part: `rollout` of its entry in the configuration, or its entry in the rollout file. */
export class PluginRollout {
  /** What those get who are in: whom `cohort` and `percent` choose, and without both everybody. With `off` nobody is in. */
  @IsIn(stages)
  stage: Stage = 'on';

  /** So many of a hundred people are in, always the same ones; with a cohort: of those outside it. */
  @IsOptional()
  @IsNumber()
  @Min(0)
  @Max(100)
  percent?: number;

  /** True: whoever is not in gets `shadow` instead of `off`. */
  @IsBoolean()
  shadow = false;

  /** Fact → values. Whoever has one of the values of every fact named here is in. */
  @IsOptional()
  @IsObject()
  cohort?: Record<string, Plain[]>;
}

const known = ['stage', 'percent', 'shadow', 'cohort'];

/** Reads one definition; `off`, `shadow` or `on` alone is one too. */
export function readPluginRollout(given: unknown, path: string, problems: string[]): PluginRollout {
  const plain = isMap(given) ? withoutBlanks(given) : given === null || given === undefined ? {} : { stage: given };
  const rollout = plainToInstance(PluginRollout, { ...plain, ...('stage' in plain ? { stage: stageOf(plain['stage']) } : {}) }, { exposeDefaultValues: true });
  const found = problemsOf(rollout, path, Object.keys(plain), known);
  if (isMap(rollout.cohort)) rollout.cohort = readCohort(rollout.cohort, `${path}.cohort`, found);
  problems.push(...new Set(found));
  return rollout;
}

/** A plugin's entry with its `rollout` read. */
export function withRollout(entry: Record<string, unknown>, path: string, problems: string[]): Record<string, unknown> {
  return entry['rollout'] === undefined ? entry : { ...entry, rollout: readPluginRollout(entry['rollout'], `${path}.rollout`, problems) };
}

/** In YAML 1.1, which Helm and others still write, a bare `off` is `false`. */
function stageOf(value: unknown): unknown {
  return value === true ? 'on' : value === false ? 'off' : value;
}

function readCohort(cohort: Record<string, unknown>, path: string, problems: string[]): Record<string, Plain[]> {
  // It would match everybody, which nobody writes on purpose.
  if (Object.keys(cohort).length === 0) problems.push(`${path}: names no fact; leave it out to mean everybody`);
  return Object.fromEntries(
    Object.entries(cohort).map(([fact, given]) => {
      const values: unknown[] = Array.isArray(given) ? given : [given];
      if (!isFact(fact)) problems.push(`${path}.${fact}: there is no such fact; there are locale, language and metadata.<name>`);
      else if (values.length === 0 || !values.every(isPlain)) problems.push(`${path}.${fact}: must be a value or a list of values`);
      return [fact, values as Plain[]];
    }),
  );
}

/** The facts of `whoIs` in the core. */
const isFact = (name: string) => name === 'locale' || name === 'language' || /^metadata\../.test(name);
const isPlain = (value: unknown): value is Plain => ['string', 'number', 'boolean'].includes(typeof value);
const withoutBlanks = (plain: Record<string, unknown>) => Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== null));
