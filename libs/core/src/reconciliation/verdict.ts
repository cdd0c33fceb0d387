import { errors } from '../errors.js';
import { amount, things } from '../words.js';
import { driftKinds, isRepaired, parts } from './drift.js';
import { phaseSays } from './progress.js';
import type { Report } from './report.js';

type Facts = Omit<Report, 'verdict'>;
type Verdict = Report['verdict'];

/** From so many refusals of what was tried on, if they are such a part of it, the cause lies in an account or a setting and not in single profiles. */
const manyRefused = { count: 10, part: 0.05 };

/** Whether to worry, in one or two sentences with the numbers that matter. The first of these that holds is said; the rest of the report has everything. */
export function verdictOf(report: Facts): Verdict {
  return failed(report) ?? implausible(report) ?? silent(report) ?? lostOptOuts(report) ?? refused(report) ?? cancelled(report) ?? planned(report) ?? left(report) ?? agreed(report);
}

function failed({ stopped, code }: Facts): Verdict | undefined {
  if (stopped?.why !== 'failed') return undefined;
  return yes(`The run failed while ${phaseSays[stopped.at]}, so not everything is compared. ${code ? `${errors[code].says} ${errors[code].fix} (${code})` : ''}`.trim());
}

function implausible({ implausible: doubt }: Facts): Verdict | undefined {
  if (!doubt) return undefined;
  return yes(`According to The Wallet Crew ${amount(doubt.absent)} of ${amount(doubt.installed)} passes in wallets are gone. That is too many to be believed, so their status stays; check its list of passes; if it is right, run with --believe-absences.`);
}

function silent({ silent: wallets }: Facts): Verdict | undefined {
  if (wallets.length === 0) return undefined;
  const unheard = sum(wallets.map((wallet) => wallet.unheard));
  const all = unheard + sum(wallets.map(({ heard }) => heard));
  return yes(`Webhooks for ${wallets.map(({ wallet }) => wallet).join(' and ')} Wallet seem to have stopped: of ${amount(all)} new installs, no webhook told us about ${amount(unheard)}.`);
}

/** An opt-out that cannot be taken over would be forgotten with the next yes from The Wallet Crew. */
function lostOptOuts({ drift }: Facts): Verdict | undefined {
  const lost = drift.find(({ kind }) => kind === 'opt-out-unheard')?.refused ?? 0;
  return lost > 0 ? yes(`${things(lost, 'opt-out')} in Klaviyo could not be taken over: we do not know of a no that was said.`) : undefined;
}

function refused(report: Facts): Verdict | undefined {
  const { tried, refused: count } = sumsOf(report);
  if (count < manyRefused.count || count < tried * manyRefused.part) return undefined;
  return yes(`${amount(count)} of ${things(tried, 'repair')} were refused; the reasons are below.`);
}

function cancelled(report: Facts): Verdict | undefined {
  if (!report.stopped) return undefined;
  const { found } = sumsOf(report);
  return look(`The run was cancelled while ${phaseSays[report.stopped.at]}; by then it had found ${found === 0 ? 'no difference' : things(found, 'difference')}.`);
}

function planned(report: Facts): Verdict | undefined {
  const { found, tried } = sumsOf(report);
  if (!report.dryRun || found === 0) return undefined;
  const which = tried < found ? `${tried === 0 ? 'none' : amount(tried)} of them` : found === 1 ? 'it' : 'all of them';
  return look(`A dry run found ${things(found, 'difference')} in ${readIn(report)} and changed nothing; a run would repair ${which}.`);
}

function left(report: Facts): Verdict | undefined {
  const sums = sumsOf(report);
  if (sums.left === 0) return undefined;
  const unanswered = sums.left - sums.refused - sums.refusedBefore - sums.reported;
  const parts = [
    sums.reported > 0 ? `${amount(sums.reported)} for people to decide` : '',
    sums.refused > 0 ? `${amount(sums.refused)} refused` : '',
    sums.refusedBefore > 0 ? `${amount(sums.refusedBefore)} refused before` : '',
    unanswered > 0 ? `${amount(unanswered)} not answered yet` : '',
  ];
  return look(`${amount(sums.left)} of ${things(sums.found, 'difference')} ${sums.left === 1 ? 'is' : 'are'} left: ${parts.filter(Boolean).join(', ')}.`);
}

function agreed(report: Facts): Verdict {
  const { found } = sumsOf(report);
  const looked = parts.filter((part) => report.drift.some(({ kind }) => driftKinds[kind].part === part));
  const on = looked.length < parts.length ? ` on ${looked.join(' and ')}` : '';
  const agree = `Both sides agree${on}${report.since === undefined ? '' : `${on ? ',' : ''} on what changed since ${minuteOf(report.since)}`}`;
  return { worry: 'no', says: found === 0 ? `${agree}: nothing was wrong in ${readIn(report)}.` : `${agree}: ${things(found, 'difference')} in ${readIn(report)} ${found === 1 ? 'was' : 'were'} found and repaired.` };
}

const minuteOf = (at: number) => `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** What a first run finds is mostly in passes; Klaviyo may hold nobody yet. */
function readIn({ read }: Facts): string {
  const passes = things(read.passes, 'pass', 'passes');
  return read.profiles === 0 ? passes : `${passes} and ${things(read.profiles, 'profile')}`;
}

/** What comes right by itself is nothing to worry about, and is left out. */
function sumsOf({ drift: lines }: Facts) {
  const drift = lines.filter(({ kind }) => driftKinds[kind].repair !== 'awaited');
  const repairs = lines.filter(({ kind }) => isRepaired(kind));
  const all = (lines: Facts['drift'], what: 'found' | 'refused' | 'refusedBefore' | 'left') => sum(lines.map((line) => line[what]));
  const found = all(drift, 'found');
  const repairable = all(repairs, 'found');
  const refusedBefore = all(repairs, 'refusedBefore');
  return { found, tried: repairable - refusedBefore, reported: found - repairable, refused: all(repairs, 'refused') - refusedBefore, refusedBefore, left: all(drift, 'left') };
}

const yes = (says: string): Verdict => ({ worry: 'yes', says });
const look = (says: string): Verdict => ({ worry: 'look', says });
const sum = (numbers: number[]) => numbers.reduce((a, b) => a + b, 0);
