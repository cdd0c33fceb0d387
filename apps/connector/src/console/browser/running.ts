import type { RunInFull } from '../../runs.controller.js';
import { amount, byId, element, fill, headed, momentOf } from './element.js';
import { Refused, type Operator } from './operator.js';

/** The run at work, drawn anew at each look; the button stays, so that it keeps its focus. */
export class RunningCard {
  private readonly says = element('p', {});
  private readonly bar = element('progress', { 'aria-label': 'How much of this step is done' });
  private readonly beside = element('p', { class: 'soft small', role: 'status' });
  private readonly cancel = element('button', { type: 'button', class: 'quiet', click: () => void this.end() }, 'Cancel the run');
  private shown: string | undefined;

  constructor(private readonly operator: Operator) {}

  show(run: RunInFull | undefined): void {
    if (!run?.progress) {
      this.shown = undefined;
      return fill(byId('running'));
    }
    const { progress, startedAt, options } = run;
    this.says.replaceChildren(`Step ${progress.step} of ${progress.steps}: ${progress.says}${progress.done > 0 ? `, ${amount(progress.done)} so far` : ''}.`);
    this.bar.max = 1;
    if (progress.share === undefined) this.bar.removeAttribute('value');
    else this.bar.value = progress.share;
    if (this.shown === run.id) return;
    this.shown = run.id;
    this.cancel.disabled = false;
    this.beside.replaceChildren(`Began ${momentOf(startedAt)}${options.dryRun ? ' · dry run' : ''}`);
    fill(byId('running'), headed('running-title', 'A run is at work', this.cancel), this.says, this.bar, this.beside);
  }

  private async end(): Promise<void> {
    this.cancel.disabled = true;
    try {
      await this.operator.post(`runs/${encodeURIComponent(this.shown ?? '')}/cancel`);
      this.beside.replaceChildren('It ends as soon as it has finished what it has in hand.');
    } catch (error) {
      this.cancel.disabled = false;
      this.beside.replaceChildren(error instanceof Refused ? error.message : 'It could not be cancelled.');
    }
  }
}
