import type { RunInFull, RunSummary } from '../../runs.controller.js';
import { driftCard } from './drift.js';
import { byId, element, fill } from './element.js';
import { Operator, Refused } from './operator.js';
import { Plots } from './plots.js';
import { refusalsCard, silenceNote } from './reasons.js';
import { RunningCard } from './running.js';
import { runsCard } from './runs.js';
import { factsOf, verdictCard } from './verdict.js';

const [form, problem, report, runsSection, leave] = [byId<HTMLFormElement>('enter'), byId('problem'), byId('report'), byId('runs'), byId<HTMLButtonElement>('leave')];
const lookAgainMs = { running: 2_000, idle: 30_000 };

/** What is shown to one operator, from entering to leaving. */
class Visit {
  private readonly plots = new Plots(byId('plots'));
  private readonly running: RunningCard;
  private shown: string | undefined;
  /** The run somebody chose; without one the newest that has ended. */
  private chosen: string | undefined;
  private listed = '';
  private timer: ReturnType<typeof setTimeout> | undefined;
  private left = false;

  constructor(private readonly operator: Operator) {
    this.running = new RunningCard(operator);
  }

  /** Throws what the connector refuses. */
  async look(): Promise<void> {
    const runs = await this.operator.get<RunSummary[]>('runs');
    const atWork = runs.find(({ status }) => status === 'running');
    const work = atWork && (await this.full(atWork.id));
    const wanted = this.chosen ?? runs.find(({ verdict }) => verdict)?.id;
    const full = wanted && wanted !== this.shown ? await this.full(wanted) : undefined;
    if (this.left) return;
    this.running.show(work);
    if (full) this.show(full);
    if (runs.length === 0) fill(report, element('section', { class: 'card' }, element('h2', {}, 'No run yet'), element('p', { class: 'soft' }, 'The first report appears here when the reconciler has run for this tenant.')));
    this.list(runs);
  }

  /** Looks again and again, while the page is seen. */
  stay(): void {
    if (this.left) return;
    const again = async () => {
      if (!document.hidden) await this.look().then(() => fill(problem), complain);
      this.stay();
    };
    this.timer = setTimeout(() => void again(), byId('running').hidden ? lookAgainMs.idle : lookAgainMs.running);
  }

  end(): void {
    this.left = true;
    clearTimeout(this.timer);
    this.running.show(undefined);
    this.plots.clear();
    for (const section of [report, runsSection]) fill(section);
  }

  private show(run: RunInFull): void {
    this.shown = run.id;
    if (!run.report) return fill(report, element('section', { class: 'card' }, element('p', {}, 'This run ended without a report.')));
    fill(report, verdictCard(run, run.report), silenceNote(run.report), factsOf(run.report), driftCard(run.report, this.operator), refusalsCard(run.report), downloadLink(run, this.operator.tenant));
    this.plots.installs(run.report.installs);
  }

  private list(runs: RunSummary[]): void {
    const now = JSON.stringify([runs, this.shown]);
    if (now === this.listed) return;
    this.listed = now;
    if (runs.length > 0) fill(runsSection, ...runsCard(runs, this.shown, (id) => void this.choose(id)));
    this.plots.runs(runs);
  }

  private async choose(id: string): Promise<void> {
    this.chosen = id;
    await this.look().then(() => fill(problem), complain);
    report.querySelector('section')?.scrollIntoView({ block: 'start' });
  }

  private full(id: string): Promise<RunInFull> {
    return this.operator.get<RunInFull>(`runs/${encodeURIComponent(id)}`);
  }
}

function downloadLink(run: RunInFull, tenant: string): HTMLElement {
  const href = URL.createObjectURL(new Blob([JSON.stringify(run.report, null, 2)], { type: 'application/json' }));
  return element('p', {}, element('a', { class: 'button quiet', href, download: `reconciliation-${tenant}-${new Date(run.startedAt).toISOString().slice(0, 10)}.json` }, 'Download this report as JSON'));
}

function complain(error: unknown): void {
  fill(problem, error instanceof Refused ? `${error.message} ${error.fix}`.trim() : 'Something went wrong on this page. Reload it; if it comes back, report it.');
  if (!(error instanceof Refused)) throw error;
}

let visit: Visit | undefined;

async function enter(operator: Operator): Promise<void> {
  visit?.end();
  visit = new Visit(operator);
  try {
    await visit.look();
    operator.remember();
    fill(problem);
    byId('tenant').replaceChildren(operator.tenant);
    [form.hidden, leave.hidden] = [true, false];
    visit.stay();
  } catch (error) {
    ask();
    complain(error);
  }
}

/** Asks who is there. */
function ask(): void {
  visit?.end();
  visit = undefined;
  byId('tenant').replaceChildren();
  [form.hidden, leave.hidden] = [false, true];
  const tenant = form.elements.namedItem('tenant') as HTMLInputElement;
  tenant.value ||= Operator.tenantInAddress();
  (tenant.value ? (form.elements.namedItem('token') as HTMLInputElement) : tenant).focus();
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const said = new FormData(form);
  void enter(new Operator(String(said.get('tenant')).trim(), String(said.get('token'))));
});
leave.addEventListener('click', () => {
  Operator.forget();
  form.reset();
  fill(problem);
  ask();
});
addEventListener('hashchange', () => {
  const next = Operator.remembered();
  if (next) void enter(next);
});

const known = Operator.remembered();
if (known) void enter(known);
else ask();
