import { Type } from 'class-transformer';
import { ArrayMinSize, IsArray, IsOptional, IsString, MinLength, ValidateBy, ValidateNested } from 'class-validator';
import { definePlugin, type ListRoute, type PersonView, type Plain } from '#core';
import { factOf, factsOfPerson, isFactName, isMap } from './facts.js';

const isPlain = (value: unknown) => ['string', 'number', 'boolean'].includes(typeof value);
const isCondition = (when: unknown) => isMap(when) && Object.entries(when).every(([name, values]) => isFactName(name) && (Array.isArray(values) ? values.every(isPlain) : isPlain(values)));

class Target {
  /** The consent field the subscription rests on. */
  @IsString()
  @MinLength(1)
  consent: string;

  /** Klaviyo list id. */
  @IsString()
  @MinLength(1)
  list: string;
}

class Route extends Target {
  /** `fr` matches `fr`, `fr-FR` and `fr-CA`; `fr-CA` only itself. */
  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  languages?: string[];

  /** Fact (`metadata.storeId`, `account.brand`, …) → the value, or the values of which one must match. */
  @IsOptional()
  @ValidateBy({ name: 'isCondition', validator: { validate: isCondition, defaultMessage: () => '$property must map facts (metadata.<name>, account.<name>, …) to a value or a list of values' } })
  when?: Record<string, Plain | Plain[]>;

  /** The person has a pass of one of these kinds. */
  @IsOptional()
  @IsArray()
  @IsString({ each: true })
  passKinds?: string[];
}

class MultiListRouting {
  /** All that match count, so a person may get on several lists. */
  @IsArray()
  @ArrayMinSize(1)
  @ValidateNested({ each: true })
  @Type(() => Route)
  routes: Route[];

  /** Where a consent leads to when none of its routes matches; without it, where the tenant's settings lead. */
  @IsOptional()
  @IsArray()
  @ValidateNested({ each: true })
  @Type(() => Target)
  otherwise?: Target[];
}

/** Sends a consent to lists by language, store or anything else that is known, and by kind of pass. Consents no route names stay as they are. */
export default definePlugin({
  name: 'multi-list-routing',
  api: 1,
  settings: MultiListRouting,

  routeLists({ person, lists }, { routes, otherwise = [] }) {
    const isGiven = ({ consent }: Target) => person.consents[consent] === true;
    const matching = routes.filter((route) => isGiven(route) && matches(person, route));
    const left = (target: { consent: string }) => !matching.some(({ consent }) => consent === target.consent) && routes.some(({ consent }) => consent === target.consent);
    const fallback = otherwise.filter((target) => isGiven(target) && left(target));
    const replaced = new Set([...matching, ...fallback].map(({ consent }) => consent));
    return unique([...lists.filter(({ consent }) => !replaced.has(consent)), ...[...matching, ...fallback].map(({ consent, list }) => ({ consent, list }))]);
  },
});

function matches(person: PersonView, { languages, when = {}, passKinds }: Route): boolean {
  const facts = factsOfPerson(person);
  if (languages && !languages.some((language) => speaks(person.locale, language))) return false;
  if (passKinds && !person.passes.some(({ kind }) => passKinds.includes(kind))) return false;
  return Object.entries(when).every(([name, values]) => {
    const fact = factOf(facts, name);
    // Passes say 12 where others say "12".
    return fact !== undefined && [values].flat().some((value) => String(value) === String(fact));
  });
}

function speaks(locale: string | undefined, language: string): boolean {
  const [spoken, wanted] = [locale ?? '', language].map((text) => text.toLowerCase().replaceAll('_', '-')) as [string, string];
  return spoken === wanted || spoken.startsWith(`${wanted}-`);
}

function unique(routes: ListRoute[]): ListRoute[] {
  return [...new Map(routes.map((route) => [`${route.consent} ${route.list}`, route])).values()];
}
