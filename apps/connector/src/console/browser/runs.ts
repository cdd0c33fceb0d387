import type { RunSummary } from '../../runs.controller.js';
import { element, headed, momentOf, number, row, span, table } from './element.js';
import { verdictWords } from './verdict.js';

const shownFirst = 10;

/** All runs that are listed, to open one of them. */
export function runsCard(runs: readonly RunSummary[], shown: string | undefined, open: (id: string) => void): HTMLElement[] {
  const sum = ({ drift = [] }: RunSummary, what: 'found' | 'left') => drift.reduce((total, line) => total + line[what], 0);
  const rows = runs.map((run) =>
    row(
      { 'aria-current': run.id === shown ? 'true' : undefined },
      element('button', { type: 'button', class: 'link', click: () => open(run.id) }, momentOf(run.startedAt)),
      element('td', { role: 'cell', class: 'whole' }, judged(run), run.options.dryRun && element('span', { class: 'soft' }, ' · dry run')),
      number('Found', sum(run, 'found')),
      number('Left', sum(run, 'left'), 'left-over'),
      element('td', { 'role': 'cell', 'class': 'number', 'data-name': 'Took' }, run.tookMs === undefined ? '–' : span(run.tookMs)),
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
