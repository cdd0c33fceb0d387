import { stripVTControlCharacters } from 'node:util';
import { amount, driftKinds, errors, things, type DriftLine, type Refusal, type Report, type Run } from '#core';
import { linesOf, pageWidth } from './fitted.js';
import { bad, faint, good, strong, tableLines } from './terminal.js';

/** What takes less takes most of its time for things that no limit knows. */
const worthComparingMs = 10_000;

const marks = { no: good('✓ nothing to worry about'), look: strong('• worth a look'), yes: bad('✗ worry') };

/** A terminal that is narrower has what a kind is below its counts instead of beside them. */
const besideFrom = 130;

/** The report of a run for a terminal that shows so many columns: the verdict first, then why. */
export function reportText(run: Run, columns: number = process.stdout.columns ?? besideFrom): string {
  const { report } = run;
  if (!report) return `${faint(headOf(run))}\n`;
  const { verdict } = report;
  return [
    ...lines(`${marks[verdict.worry]}: ${verdict.says}`, columns), ...lines(headOf(run), columns).map(faint), '',
    ...drift(report, columns), ...refusals(report, columns), ...silence(report, columns), ...lines(duration(report), columns), '',
  ].join('\n');
}

const lines = (text: string, columns: number) => (columns < besideFrom ? linesOf(text, columns) : [text]);

function headOf({ tenant, id, status, startedAt, resumed, options }: Run): string {
  const parts = [tenant, `run ${id}`, status, `began ${new Date(startedAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`];
  if (options.dryRun) parts.push('dry run');
  if (options.since !== undefined) parts.push(`changes since ${new Date(options.since).toISOString()}`);
  if (resumed > 0) parts.push(`resumed ${resumed} ×`);
  return parts.join(' · ');
}

function drift({ drift: all, stopped }: Report, columns: number): string[] {
  const found = all.filter((line) => line.found > 0);
  // A run that stopped has not looked for all of them.
  const nothing = stopped ? [] : all.filter((line) => line.found === 0).map(({ kind }) => kind);
  return [...(found.length > 0 ? [...kindsTable(found, columns), ''] : []), ...(nothing.length > 0 ? linesOf(`Nothing found of: ${nothing.join(', ')}.`, Math.min(pageWidth, columns)).map(faint).concat('') : [])];
}

function kindsTable(found: readonly DriftLine[], columns: number): string[] {
  const head = ['kind', '   found', 'repaired', ' refused', '    left'];
  if (columns >= besideFrom) return tableLines([...head, 'what it is'], found.map((line) => [...counts(line), meaning(line, 60).join('\n')]));
  const [title, rule, ...body] = tableLines(head, found.map(counts));
  return [title!, rule!, ...found.flatMap((line, i) => [body[i]!, ...meaning(line, columns - 2).map((text) => `  ${text}`)])];
}

function counts({ kind, found, repaired, refused, left }: DriftLine): string[] {
  return [left > 0 ? strong(kind) : kind, ...[found, repaired, refused, left].map((count) => amount(count).padStart(8))];
}

function meaning({ kind, samples }: DriftLine, width: number): string[] {
  const ids = samples.slice(0, 3).map(({ personId, passId, klaviyoId, about = [] }) => [personId && `person ${personId}`, passId && `pass ${passId}`, klaviyoId && `profile ${klaviyoId}`, about.join(' ')].filter(Boolean).join(' '));
  return [...linesOf(driftKinds[kind].says, width), ...ids.map((text) => faint(plain(text)))];
}

function refusals({ refusals: all }: Report, columns: number): string[] {
  if (all.length === 0) return [];
  const rows = all.map(({ count, code, words, sample }) => [amount(count).padStart(7), [...linesOf(plain(words ?? errors[code].says), Math.min(80, columns - 10)), faint([code, ...exampleOf(sample)].join(', for example '))].join('\n')]);
  return [...tableLines(['refused', 'why'], rows), ''];
}

function exampleOf({ personId, deliveryId }: Refusal['sample']): string[] {
  return deliveryId !== undefined ? [`delivery ${deliveryId}`] : personId !== undefined ? [`person ${personId}`] : [];
}

function silence({ silent }: Report, columns: number): string[] {
  const said = silent.map(({ wallet, heard, unheard }) => `${wallet} Wallet: webhooks told of ${things(heard, 'new install')} and kept silent about ${amount(unheard)}. Check the webhook subscription at The Wallet Crew.`);
  return said.length === 0 ? [] : [...said.flatMap((text) => lines(text, columns).map(bad)), ''];
}

function duration({ tookMs, leastMs, read, calls, asked }: Report): string {
  const times = leastMs >= worthComparingMs ? `, ${(tookMs / leastMs).toFixed(2)} × the ${span(leastMs)} that the limits ask for at least` : '';
  return `Took ${span(tookMs)}${times}: ${things(read.passes, 'pass', 'passes')} in ${things(calls.passes, 'call')}, ${things(read.profiles, 'profile')} in ${amount(calls.profiles)}, ${things(read.events, 'event')} in ${amount(calls.events)}.${asks(asked)}`;
}

const askedFor = { events: 'event', profiles: 'profile', tokens: 'token' } as const satisfies Record<keyof Report['asked'], string>;

/** Reports of earlier versions do not tell. */
function asks(asked: Report['asked'] | undefined): string {
  const parts = Object.entries(asked ?? {}).flatMap(([what, count]) => (count > 0 ? [things(count, askedFor[what as keyof typeof askedFor])] : []));
  return parts.length > 0 ? ` Repairs: ${parts.join(', ')}.` : '';
}

function span(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return ms < 10_000 ? `${(ms / 1000).toFixed(1)} s` : `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A vendor's words must not be able to move the cursor. */
const plain = (text: string) => stripVTControlCharacters(text).replaceAll(/\p{Cc}+/gu, ' ');
