import type { Report } from '#core';
import type { RunInFull } from '../../runs.controller.js';
import { amount, element, momentOf, span, things } from './element.js';

export const verdictWords = { no: ['✓', 'All is well'], look: ['!', 'Worth a look'], yes: ['✕', 'Worry'] } as const;

/** What a reader sees in the first ten seconds. */
export function verdictCard(run: RunInFull, report: Report): HTMLElement {
  const { worry, says } = report.verdict;
  const [sign, word] = verdictWords[worry];
  const meta = [`Run of ${momentOf(run.startedAt)}`, report.stopped ? report.stopped.why : '', report.dryRun ? 'dry run: nothing was changed' : '', run.options.since === undefined ? '' : `only changes since ${momentOf(run.options.since)}`, run.resumed > 0 ? `resumed ${run.resumed} ×` : ''];
  return element(
    'section',
    { 'class': `card verdict ${worry}`, 'aria-label': 'Verdict' },
    element('span', { 'class': 'sign', 'aria-hidden': 'true' }, sign),
    element('p', { class: 'word' }, word),
    element('p', { class: 'says' }, says),
    element('p', { class: 'meta' }, meta.filter(Boolean).join(' · ')),
  );
}

/** What takes less takes most of its time for things that no limit knows. */
const worthComparingMs = 10_000;

function besideTime({ tookMs, leastMs }: Report): string {
  if (leastMs === 0) return 'no limit to wait for';
  return `${leastMs < worthComparingMs ? '' : `${(tookMs / leastMs).toFixed(2)} × `}the limits’ least, ${span(leastMs)}`;
}

export function factsOf(report: Report): HTMLElement {
  const sum = (what: 'found' | 'repaired' | 'left') => report.drift.reduce((total, line) => total + line[what], 0);
  const { adoption } = report;
  const share = adoption.passes > 0 ? `${Math.round((adoption.any / adoption.passes) * 100)} %` : '–';
  const facts: [name: string, value: string, beside: string][] = [
    ['Profiles compared', amount(report.read.profiles), `with ${things(report.read.passes, 'pass', 'passes')}`],
    ['Differences before', amount(sum('found')), `${amount(sum('repaired'))} repaired`],
    ['Left after', amount(sum('left')), report.refusals.length > 0 ? `${amount(report.drift.reduce((total, line) => total + line.refused, 0))} refused` : 'none refused'],
    ['Passes in a wallet', share, `Apple ${amount(adoption.Apple)} · Google ${amount(adoption.Google)}`],
    ['Took', span(report.tookMs), besideTime(report)],
  ];
  return element('dl', { class: 'facts' }, ...facts.map(([name, value, beside]) => element('div', {}, element('dt', {}, name), element('dd', {}, value, element('small', {}, beside)))));
}
