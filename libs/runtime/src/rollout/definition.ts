import type { EvaluationContext } from '@openfeature/server-sdk';
import { fingerprint, type Plain, type Stage } from '#core';
import { factIn, placeOf } from './context.js';
import type { PluginRollout } from './plugin-rollout.js';

/** One plugin's rollout, made ready for thousands of questions a second. */
export class Definition {
  /** The stage that everybody gets, where it is the same for all. */
  readonly everybody: Stage | undefined;
  private readonly outside: Stage;
  private readonly percent: number;
  private readonly cohort: { place: ReturnType<typeof placeOf>; isLocale: boolean; values: ReadonlySet<string> }[];

  constructor(
    private readonly plugin: string,
    readonly rollout: PluginRollout,
  ) {
    const { stage, cohort, percent = cohort ? 0 : 100, shadow } = rollout;
    this.outside = shadow ? 'shadow' : 'off';
    this.percent = percent;
    this.cohort = Object.entries(cohort ?? {}).map(([fact, values]) => ({ place: placeOf(fact), isLocale: fact === 'locale', values: new Set(values.map((value) => spelt(value, fact === 'locale'))) }));
    if (stage === 'off' || stage === this.outside || percent === 100) this.everybody = stage;
    else if (percent === 0 && !cohort) this.everybody = this.outside;
  }

  stage(context: EvaluationContext): Stage {
    return this.everybody ?? (this.inCohort(context) || this.position(context.targetingKey ?? '') < this.percent ? this.rollout.stage : this.outside);
  }

  /** Where somebody stands between 0 and 100. It never changes, so a growing percentage only adds people; and each plugin shuffles anew, so that it is not always the same who come first. */
  private position(key: string): number {
    return (parseInt(fingerprint(`${this.plugin} ${key}`).slice(0, 11), 36) / 2 ** 53) * 100;
  }

  private inCohort(context: EvaluationContext): boolean {
    return this.cohort.length > 0 && this.cohort.every(({ place, isLocale, values }) => {
      const value = factIn(context, place);
      if (value === undefined) return false;
      const text = spelt(value, isLocale);
      // `fr` also means the French of France.
      return values.has(text) || (isLocale && values.has(text.split('-')[0]!));
    });
  }

  get words(): string {
    if (this.everybody) return `${this.everybody} for everybody`;
    const facts = Object.entries(this.rollout.cohort ?? {}).map(([fact, values]) => `${fact} ${values.join(' or ')}`);
    const share = `${this.percent} % of ${facts.length > 0 ? 'the others' : 'the people'}`;
    const inside = [...(facts.length > 0 ? [`everybody with ${facts.join(' and ')}`] : []), ...(this.percent > 0 ? [share] : [])];
    return `${this.rollout.stage} for ${inside.join(' and for ')}; ${this.outside} for the rest`;
  }
}

/** `12` in YAML and `"12"` on a pass are one store; `fr_FR` and `fr-fr` one locale. */
function spelt(value: Plain, isLocale: boolean): string {
  return isLocale ? String(value).toLowerCase().replaceAll('_', '-') : String(value);
}
