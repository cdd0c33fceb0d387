import type uPlot from 'uplot';
import type { Report } from '#core';
import type { RunSummary } from '../../runs.controller.js';
import { axis, Chart, colour, valueAxis, type Drawing } from './chart.js';
import { amount, dayOf, element, nameOf, span } from './element.js';

type Drawn = RunSummary & Required<Pick<RunSummary, 'drift' | 'adoption' | 'tookMs' | 'leastMs'>>;

/** So many kinds have a colour of their own; the rest is one. */
const ownColours = 5;
const wallets = ['Apple', 'Google'] as const;
const dash = { Apple: [], Google: [7, 5] };

/** What the runs look like side by side. */
export class Plots {
  private readonly side = { found: this.sideButton('found', 'Before repairs'), left: this.sideButton('left', 'After') };
  private readonly drift = new Chart('drift-plot', 'Differences, run by run', 'wide', 'Dry runs are not drawn.', element('span', { class: 'switch', role: 'group' }, this.side.found, this.side.left));
  private readonly adoption = new Chart('adoption-plot', 'Adoption, run by run', '', 'Share of all passes that are in a wallet.');
  private readonly installed = new Chart('installs-plot', 'Installed passes since the beginning', '', 'Passes that are installed now, by the month in which they were installed.');
  private readonly duration = new Chart('duration-plot', 'Duration, run by run', 'wide', 'The dashed line is the least that the vendors’ limits allow.');
  private shown: Drawn[] = [];
  private what: 'found' | 'left' = 'found';

  constructor(private readonly container: HTMLElement) {
    container.replaceChildren(...[this.drift, this.adoption, this.installed, this.duration].map(({ card }) => card));
  }

  runs(all: readonly RunSummary[]): void {
    this.shown = all.filter((run): run is Drawn => run.drift !== undefined && !run.options.dryRun && run.status === 'done').toReversed();
    this.look(this.what);
    this.adoption.draw(this.shown.length > 0 ? () => adoptionOver(this.shown) : undefined);
    this.duration.draw(this.shown.length > 0 ? () => durationOver(this.shown) : undefined);
  }

  installs(months: Report['installs']): void {
    this.installed.draw(Object.keys(months).length > 0 ? () => installsOver(months) : undefined);
  }

  clear(): void {
    this.runs([]);
    this.installs({});
    this.container.hidden = true;
  }

  private look(what: 'found' | 'left'): void {
    this.what = what;
    for (const [name, button] of Object.entries(this.side)) button.setAttribute('aria-pressed', String(name === what));
    this.drift.draw(this.shown.length > 0 ? () => driftOver(this.shown, what) : undefined);
  }

  private sideButton(what: 'found' | 'left', title: string): HTMLButtonElement {
    return element('button', { type: 'button', click: () => this.look(what) }, title);
  }
}

/** Bars, stacked by kind. The library stacks nothing: each bar is drawn from the ground, the tallest first. */
function driftOver(runs: Drawn[], what: 'found' | 'left'): ReturnType<Drawing> {
  const count = (run: Drawn, kind: string) => run.drift.find((line) => line.kind === kind)?.[what] ?? 0;
  const totals = new Map<string, number>();
  // By what was found, so that a kind keeps its colour on both sides.
  for (const { drift } of runs) for (const { kind, found } of drift) totals.set(kind, (totals.get(kind) ?? 0) + found);
  const kinds = [...totals].filter(([, total]) => total > 0).toSorted(([, a], [, b]) => b - a).map(([kind]) => kind);
  const [own, rest] = [kinds.slice(0, ownColours), kinds.slice(ownColours)];
  const layers = [...own.map((kind) => ({ label: nameOf(kind), counts: runs.map((run) => count(run, kind)) })), ...(rest.length > 0 ? [{ label: 'Others', counts: runs.map((run) => rest.reduce((total, kind) => total + count(run, kind), 0)) }] : [])];
  const heights = layers.map((_, layer) => runs.map((_run, i) => layers.slice(0, layer + 1).reduce((total, { counts }) => total + counts[i]!, 0)));
  const series = layers.map(({ label, counts }, layer): uPlot.Series => {
    const paint = colour(`series-${layer + 1}`);
    return { label, stroke: paint, fill: paint, width: 0, points: { show: false }, paths: window.uPlot.paths.bars!({ size: [0.62, 44], radius: 0 }), value: (_, __, ___, i) => (i === null ? '–' : amount(counts[i]!)) };
  });
  const sums = runs.map((_, i) => layers.reduce((total, { counts }) => total + counts[i]!, 0));
  return {
    data: [runs.map((_, i) => i), ...heights.toReversed()],
    options: overRuns(runs, series.toReversed(), { values: (value) => amount(value) }),
    says: `Stacked bars: differences ${what === 'found' ? 'before' : 'left after'} the repairs, by kind. The newest of ${runs.length} runs: ${amount(sums.at(-1)!)}; the most: ${amount(Math.max(...sums))}.`,
  };
}

function adoptionOver(runs: Drawn[]): ReturnType<Drawing> {
  // A run that read no passes leaves a gap.
  const share = ({ adoption }: Drawn, wallet: (typeof wallets)[number] | 'any') => (adoption.passes > 0 ? (adoption[wallet] / adoption.passes) * 100 : null);
  const lines = [...wallets, 'any'] as const;
  const percent = (value: number | null) => (value === null ? '–' : `${value.toFixed(1)} %`);
  const paints = [colour('series-1'), colour('series-2'), colour('soft')];
  const series = lines.map((wallet, i) => line(wallet === 'any' ? 'Either' : wallet, paints[i]!, wallet === 'Google' ? dash.Google : wallet === 'any' ? [2, 4] : [], percent, runs.length < 30));
  const newest = runs.at(-1)!;
  return {
    data: [runs.map((_, i) => i), ...lines.map((wallet) => runs.map((run) => share(run, wallet)))],
    options: overRuns(runs, series, { values: (value) => `${value} %` }),
    says: `Lines: passes in a wallet. In the newest run ${lines.map((wallet) => `${wallet === 'any' ? 'either wallet' : wallet} ${percent(share(newest, wallet))}`).join(', ')}.`,
  };
}

function durationOver(runs: Drawn[]): ReturnType<Drawing> {
  const time = (value: number | null) => (value === null ? '–' : span(value));
  const newest = runs.at(-1)!;
  return {
    data: [runs.map((_, i) => i), runs.map(({ tookMs }) => tookMs), runs.map(({ leastMs }) => leastMs)],
    options: overRuns(runs, [line('Took', colour('series-1'), [], time, runs.length < 30), line('Least', colour('soft'), [3, 4], time, false)], { values: (value) => span(value), size: 80, incrs: [1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400].map((seconds) => seconds * 1000) }),
    says: `Lines: how long the runs took. The newest: ${span(newest.tookMs)}, at the least ${span(newest.leastMs)}.`,
  };
}

/** Cumulated, a month after the other, also those without an install. */
function installsOver(months: Report['installs']): ReturnType<Drawing> {
  const known = Object.keys(months).toSorted();
  const all: string[] = [];
  for (let month = known[0]!; month <= known.at(-1)! && all.length < 1200; month = nextMonth(month)) all.push(month);
  const cumulated = wallets.map((wallet) => {
    let total = 0;
    return all.map((month) => (total += months[month]?.[wallet] ?? 0));
  });
  const series = wallets.map((wallet, i) => ({ ...line(wallet, colour(`series-${i + 1}`), dash[wallet], (value) => (value === null ? '–' : amount(value)), all.length < 24), fill: `${colour(`series-${i + 1}`)}1c` }));
  return {
    data: [all.map((_, i) => i), ...cumulated],
    options: { ...overIndex(all.map(monthName), series), axes: [overLabels(all.map(monthName)), valueAxis((value) => amount(value))] },
    says: `Lines: passes installed until ${monthName(all.at(-1)!)}: ${wallets.map((wallet, i) => `${wallet} ${amount(cumulated[i]!.at(-1)!)}`).join(', ')}.`,
  };
}

const nextMonth = (month: string) => new Date(Date.UTC(Number(month.slice(0, 4)), Number(month.slice(5, 7)), 1)).toISOString().slice(0, 7);
const monthName = (month: string) => new Intl.DateTimeFormat('en-GB', { month: 'short', year: 'numeric', timeZone: 'UTC' }).format(new Date(`${month}-01T00:00:00Z`));

function line(label: string, stroke: string, dashes: number[], value: (value: number | null) => string, points: boolean): uPlot.Series {
  return { label, stroke, width: 2, dash: dashes, points: { show: points, size: 6, fill: stroke }, value: (_, shown) => value(shown) };
}

/** One place per run, however much time lies between them. */
function overRuns(runs: Drawn[], series: uPlot.Series[], { values, ...scale }: { values: (value: number) => string; incrs?: number[]; size?: number }): Omit<uPlot.Options, 'width' | 'height'> {
  const labels = runs.map(({ startedAt }) => dayOf(startedAt));
  return { ...overIndex(labels, series), axes: [overLabels(labels), { ...valueAxis(values), ...scale }] };
}

function overIndex(labels: string[], series: uPlot.Series[]): Omit<uPlot.Options, 'width' | 'height'> {
  return {
    scales: { x: { time: false, range: () => [-0.5, labels.length - 0.5] }, y: { range: (_, __, most) => [0, Math.max(most * 1.08, 1)] } },
    series: [{ label: 'At', value: (_, i) => labels[i] ?? '–' }, ...series],
    cursor: { drag: { x: false, y: false }, y: false },
    hooks: { ready: [showNewest], setCursor: [(plot) => plot.cursor.idx ?? showNewest(plot)] },
    padding: [12, 8, 0, 0],
  };
}

/** Where nobody points at anything, the legend has the newest values. */
function showNewest(plot: uPlot): void {
  plot.setLegend({ idx: plot.data[0].length - 1 });
}

function overLabels(labels: string[]): uPlot.Axis {
  return axis({ incrs: [1, 2, 5, 7, 10, 14, 30, 60, 120], space: 64, values: (_, ticks) => ticks.map((i) => labels[i] ?? '') });
}
