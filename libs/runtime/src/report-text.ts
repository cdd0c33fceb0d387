import { stripVTControlCharacters } from 'node:util';
import { amount, driftKinds, errors, things, type DriftLine, type Refusal, type Report, type Run } from '#core';
import { bad, faint, good, strong, tableLines } from './terminal.js';

/** What takes less takes most of its time for things that no limit knows. */
const worthComparingMs = 10_000;

const marks = { no: good('✓ nothing to worry about'), look: strong('• worth a look'), yes: bad('✗ worry') };

/** The report of a run for a terminal: the verdict first, then why. */
export function reportText(run: Run): string {
  const { report } = run;
  if (!report) return `${headOf(run)}\n`;
  const { verdict } = report;
  return [`${marks[verdict.worry]}: ${verdict.says}`, headOf(run), '', ...drift(report), ...refusals(report), ...silence(report), duration(report), ''].join('\n');
}

function headOf({ tenant, id, status, startedAt, resumed, options }: Run): string {
  const parts = [tenant, `run ${id}`, status, `began ${new Date(startedAt).toISOString().slice(0, 16).replace('T', ' ')} UTC`];
  if (options.dryRun) parts.push('dry run');
  if (options.since !== undefined) parts.push(`changes since ${new Date(options.since).toISOString()}`);
  if (resumed > 0) parts.push(`resumed ${resumed} ×`);
  return faint(parts.join(' · '));
}

function drift({ drift: lines, stopped }: Report): string[] {
  const found = lines.filter((line) => line.found > 0);
  // A run that stopped has not looked for all of them.
  const nothing = stopped ? [] : lines.filter((line) => line.found === 0).map(({ kind }) => kind);
  return [...(found.length > 0 ? [...tableLines(['kind', '   found', 'repaired', ' refused', '    left', 'what it is'], found.map(row)), ''] : []), ...(nothing.length > 0 ? wrapped(`Nothing found of: ${nothing.join(', ')}.`).map(faint).concat('') : [])];
}

function row({ kind, found, repaired, refused, left, samples }: DriftLine): string[] {
  const numbers = [found, repaired, refused, left].map((count) => amount(count).padStart(8));
  const ids = samples.slice(0, 3).map(({ personId, passId, klaviyoId, about = [] }) => [personId && `person ${personId}`, passId && `pass ${passId}`, klaviyoId && `profile ${klaviyoId}`, about.join(' ')].filter(Boolean).join(' '));
  return [left > 0 ? strong(kind) : kind, ...numbers, [...wrapped(driftKinds[kind].says, 60), ...ids.map((text) => faint(plain(text)))].join('\n')];
}

function refusals({ refusals: all }: Report): string[] {
  if (all.length === 0) return [];
  const rows = all.map(({ count, code, words, sample }) => [amount(count).padStart(7), [...wrapped(plain(words ?? errors[code].says), 80), faint([code, ...exampleOf(sample)].join(', for example '))].join('\n')]);
  return [...tableLines(['refused', 'why'], rows), ''];
}

function exampleOf({ personId, deliveryId }: Refusal['sample']): string[] {
  return deliveryId !== undefined ? [`delivery ${deliveryId}`] : personId !== undefined ? [`person ${personId}`] : [];
}

function silence({ silent }: Report): string[] {
  return silent.map(({ wallet, heard, unheard }) => bad(`${wallet} Wallet: webhooks told of ${things(heard, 'new install')} and kept silent about ${amount(unheard)}. Check the webhook subscription at The Wallet Crew.`)).concat(silent.length > 0 ? '' : []);
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

function wrapped(text: string, width = 100): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines.at(-1)!;
    if (last && last.length + word.length >= width) lines.push(word);
    else lines[lines.length - 1] = last ? `${last} ${word}` : word;
  }
  return lines;
}
