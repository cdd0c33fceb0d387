import { Type } from 'class-transformer';
import { ArrayMinSize, IsArray, IsIn, IsOptional, Matches, ValidateBy, ValidateNested } from 'class-validator';
import { definePlugin, type PersonView } from '#core';
import { AreFactNames, factOf, factsOfPerson, isMap } from './facts.js';
import { firstMomentAt, isZone, localMinutes } from './local-time.js';

const days = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday'] as const;
const dayMinutes = 1_440;
const time = /^(([01]\d|2[0-3]):[0-5]\d|24:00)$/;

class Quiet {
  /** Local time, `21:00`. */
  @Matches(time, { message: '$property must be a time from 00:00 to 24:00' })
  from: string;

  /** Local time; on the next day when it is not later than `from`. */
  @Matches(time, { message: '$property must be a time from 00:00 to 24:00' })
  to: string;

  /** The days on which it begins; without them every day. */
  @IsOptional()
  @IsArray()
  @ArrayMinSize(1)
  @IsIn(days, { each: true })
  days?: (typeof days)[number][];
}

class QuietHours {
  @IsArray()
  @ArrayMinSize(1)
  @ValidateNested({ each: true })
  @Type(() => Quiet)
  quiet: Quiet[];

  /** The time zone of everybody of whom no other is known: `Europe/Paris`. */
  @ValidateBy({ name: 'isZone', validator: { validate: isZone, defaultMessage: () => '$property must be a time zone such as Europe/Paris' } })
  zone: string;

  /** What tells a person's time zone, itself or by `zones`; the first that does counts. */
  @AreFactNames()
  zoneFrom: string[] = ['metadata.timezone', 'account.timezone', 'metadata.country', 'account.country', 'locale', 'region'];

  /** What such a fact may say → time zone: `FR: Europe/Paris`, `pt-BR: America/Sao_Paulo`. */
  @IsOptional()
  @ValidateBy({ name: 'areZones', validator: { validate: (zones) => isMap(zones) && Object.values(zones).every(isZone), defaultMessage: () => '$property must map to time zones such as Europe/Paris' } })
  zones?: Record<string, string>;
}

/** Puts notifications off until it is a decent time where the person is. */
export default definePlugin({
  name: 'quiet-hours',
  api: 1,
  settings: QuietHours,

  allowNotification({ person, now }, settings) {
    const zone = zoneOf(person, settings);
    let at = now;
    // One quiet time may begin where another ends; after a week of them there is no end in sight.
    for (let i = 0; i <= 7 * settings.quiet.length; i++) {
      const end = quietUntil(localMinutes(zone, at), settings.quiet);
      if (end === undefined) return at === now ? true : { at };
      at = firstMomentAt(zone, end, at);
    }
    return { skip: 'It is quiet all week.' };
  },
});

function zoneOf(person: PersonView | undefined, { zone, zoneFrom, zones = {} }: QuietHours): string {
  if (!person) return zone;
  const facts = factsOfPerson(person);
  for (const name of zoneFrom) {
    const said = String(factOf(facts, name) ?? '');
    const known = Object.hasOwn(zones, said) ? zones[said] : said.includes('/') && isZone(said) ? said : undefined;
    if (known) return known;
  }
  return zone;
}

/** Until when it is quiet, in local minutes, if it is quiet now. */
function quietUntil(now: number, quiet: Quiet[]): number | undefined {
  const today = Math.floor(now / dayMinutes) * dayMinutes;
  const ends = quiet.flatMap((one) => {
    const from = minutesOf(one.from);
    const to = minutesOf(one.to) + (minutesOf(one.to) > from ? 0 : dayMinutes);
    return [today - dayMinutes, today].filter((day) => begins(one, day) && now >= day + from && now < day + to).map((day) => day + to);
  });
  return ends.length > 0 ? Math.max(...ends) : undefined;
}

/** 1 January 1970 was a Thursday. */
const begins = ({ days: only }: Quiet, day: number) => !only || only.includes(days[(day / dayMinutes + 4) % 7]!);

function minutesOf(time: string): number {
  const [hours, minutes] = time.split(':').map(Number) as [number, number];
  return hours * 60 + minutes;
}
