import type { DriftLine, Sample } from '#core';
import type { RunInFull } from '../../runs.controller.js';
import { element, headed, nameOf, number, row, table } from './element.js';
import { Refused, type Operator } from './operator.js';

type ShownReport = NonNullable<RunInFull['report']>;
type Line = ShownReport['drift'][number];

/** Before and after, by kind. A kind that was looked for and not found is named below; a run that stopped has not looked for all of them. */
export function driftCard({ drift, stopped }: ShownReport, operator: Operator): HTMLElement {
  const found = drift.filter((line) => line.found > 0);
  const nothing = stopped ? [] : drift.filter((line) => line.found === 0);
  const head = [['Kind'], ['Found', 'number'], ['Repaired', 'number'], ['Refused', 'number'], ['Left', 'number']];
  return element(
    'section',
    { 'class': 'card', 'aria-labelledby': 'drift-title' },
    headed('drift-title', 'Differences by kind', element('span', { class: 'soft small' }, 'before and after the repairs')),
    found.length > 0 && table('Differences by kind', head, found.flatMap((line) => rowsOf(line, operator))),
    stopped && found.length === 0 && element('p', { class: 'soft small' }, 'Nothing had been found when it stopped.'),
    nothing.length > 0 && element('p', { class: 'soft small' }, element('br'), found.length > 0 ? 'Looked for and not found:' : 'Nothing was found. It was looked for:'),
    nothing.length > 0 && element('ul', { class: 'names' }, ...nothing.map(({ kind, says }) => element('li', { title: says }, nameOf(kind)))),
  );
}

function rowsOf(line: Line, operator: Operator): HTMLElement[] {
  const says = element('span', { class: 'kind-says' }, line.says);
  const counts = [number('Found', line.found), number('Repaired', line.repaired), number('Refused', line.refused), number('Left', line.left, 'left-over')];
  if (line.samples.length === 0) return [row({}, element('div', {}, element('span', { class: 'kind' }, element('span', { class: 'turn' }), nameOf(line.kind)), says), ...counts)];
  const samples = samplesRow(line, operator);
  const turn = element('button', { 'type': 'button', 'class': 'plain kind', 'aria-expanded': 'false', 'aria-controls': samples.id, 'click': () => {
    samples.hidden = !samples.hidden;
    turn.setAttribute('aria-expanded', String(!samples.hidden));
  } }, element('span', { 'class': 'turn', 'aria-hidden': 'true' }, '›'), nameOf(line.kind));
  return [row({}, element('div', {}, turn, says), ...counts), samples];
}

function samplesRow({ kind, found, samples }: DriftLine, operator: Operator): HTMLElement {
  const note = samples.length < found && element('p', { class: 'soft small' }, `${samples.length} of them:`);
  return element('tr', { id: `samples-${kind}`, class: 'samples', role: 'row', hidden: true }, element('td', { colspan: '5', role: 'cell' }, note, element('ul', {}, ...samples.map((sample) => sampleItem(sample, operator)))));
}

function sampleItem({ personId, passId, klaviyoId, about = [] }: Sample, operator: Operator): HTMLElement {
  const answer = element('div', { class: 'answer', role: 'status', hidden: true });
  const ids = ([['person', personId], ['pass', passId], ['Klaviyo profile', klaviyoId]] as const).filter(([, id]) => id !== undefined);
  return element(
    'li',
    {},
    ...ids.map(([name, id]) => element('span', {}, element('span', { class: 'soft small' }, `${name} `), asking(id!, answer, operator))),
    about.length > 0 && element('code', { class: 'soft' }, about.join(' · ')),
    answer,
  );
}

function asking(id: string, answer: HTMLElement, operator: Operator): HTMLElement {
  return element('button', { type: 'button', class: 'link', title: 'Explain', click: () => void explain(id, answer, operator) }, id);
}

/** What of an explanation is shown here. */
interface Explanation {
  firstBroken?: { says?: string; fix?: string };
}

async function explain(who: string, answer: HTMLElement, operator: Operator): Promise<void> {
  answer.hidden = false;
  answer.replaceChildren('Asking…');
  try {
    const { firstBroken } = await operator.post<Explanation>('explain', { who });
    if (!firstBroken) answer.replaceChildren('Everything is as it should be by now.');
    else answer.replaceChildren(element('strong', {}, firstBroken.says ?? 'Something is broken.'), ' ', firstBroken.fix ?? '');
  } catch (error) {
    answer.replaceChildren(error instanceof Refused ? error.message : 'Nothing more is known about this one.');
  }
}
