import type { RunSummary } from '../../runs.controller.js';
import { element, figure, headed, momentOf, number, row, span, table } from './element.js';
import { verdictWords } from './verdict.js';

const shownFirst = 10;

/** All runs that are listed, to open one of them. */
export function runsCard(runs: readonly RunSummary[], shown: string | undefined, open: (id: string) => void): HTMLElement[] {
  // Of a run at work there is no sum yet; 0 would say that all is well.
  const sum = (name: string, { drift }: RunSummary, what: 'found' | 'left', css?: string) => (drift ? number(name, drift.reduce((total, line) => total + line[what], 0), css) : figure(name, '–'));
  const rows = runs.map((run) =>
    row(
      { 'aria-current': run.id === shown ? 'true' : undefined },
      element('button', { type: 'button', class: 'link', click: () => open(run.id) }, momentOf(run.startedAt)),
      element('td', { role: 'cell', class: 'whole' }, judged(run), run.options.dryRun && element('span', { class: 'soft' }, ' · dry run')),
      sum('Found', run, 'found'),
      sum('Left', run, 'left', 'left-over'),
      figure('Took', run.tookMs === undefined ? '–' : span(run.tookMs)),
    ),
  );
  for (const late of rows.slice(shownFirst)) late.hidden = true;
  const more = element('button', { type: 'button', class: 'quiet more', click: () => {
    for (const late of rows) late.hidden = false;
    more.remove();
  } }, `Show all ${rows.length}`);
  return [headed('runs-title', 'All runs', element('span', { class: 'soft small' }, 'the newest first')), table('All runs', [['Began'], ['Verdict'], ['Found', 'number'], ['Left', 'number'], ['Took', 'number']], rows), ...(rows.length > shownFirst ? [more] : [])];
}

function judged({ verdict, status }: RunSummary): HTMLElement {
  if (!verdict) return element('span', { class: 'soft' }, status === 'running' ? 'at work' : status);
  const [sign, word] = verdictWords[verdict.worry];
  return element('span', { class: `judged ${verdict.worry}` }, `${sign} ${word}`);
}
