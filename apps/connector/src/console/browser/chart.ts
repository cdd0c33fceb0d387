import type uPlot from 'uplot';
import { byId, element, headed, type Child } from './element.js';

declare global {
  interface Window {
    uPlot: typeof uPlot;
  }
}

/** A colour of the style sheet: a canvas does not know light from dark. */
export function colour(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
}

/** What is drawn; asked for again when the colours change. */
export type Drawing = () => { options: Omit<uPlot.Options, 'width' | 'height'>; data: uPlot.AlignedData; says: string };

const heightPx = 260;
const notDrawn = 'This plot could not be drawn.';

/** One plot in its card, as wide as that is. */
export class Chart {
  readonly card: HTMLElement;
  private readonly frame = element('div', { role: 'img' });
  private plot: uPlot | undefined;
  private drawing: Drawing | undefined;

  constructor(id: string, title: string, css: string, note: string, ...beside: Child[]) {
    this.card = element('section', { 'class': `card ${css}`, 'aria-labelledby': id, 'hidden': true }, headed(id, title, ...beside), this.frame, element('p', { class: 'soft small' }, note));
    new ResizeObserver(() => this.fit()).observe(this.card);
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw(this.drawing));
  }

  /** Nothing to draw hides the card. */
  draw(drawing: Drawing | undefined): void {
    this.plot?.destroy();
    this.plot = undefined;
    this.drawing = drawing;
    this.card.hidden = drawing === undefined;
    byId('plots').hidden = [...byId('plots').children].every((card) => (card as HTMLElement).hidden);
    if (!drawing) return;
    try {
      const { options, data, says } = drawing();
      this.frame.replaceChildren();
      this.frame.setAttribute('aria-label', says);
      this.plot = new window.uPlot({ ...options, width: this.width, height: heightPx }, data, this.frame);
    } catch (error) {
      // The verdict beside it is worth more than any plot.
      this.frame.replaceChildren(notDrawn);
      this.frame.setAttribute('aria-label', notDrawn);
      console.error(error);
    }
  }

  private fit(): void {
    if (this.plot && this.width > 0 && this.plot.width !== this.width) this.plot.setSize({ width: this.width, height: heightPx });
  }

  private get width(): number {
    return this.frame.clientWidth;
  }
}

/** Axes in the calm colours of the page. */
export function axis(own: uPlot.Axis = {}): uPlot.Axis {
  return { stroke: colour('soft'), font: '12px system-ui, sans-serif', grid: { show: false }, ticks: { show: false }, gap: 8, ...own };
}

export function valueAxis(values: (value: number) => string): uPlot.Axis {
  return axis({ size: 56, grid: { show: true, stroke: colour('line'), width: 1 }, values: (_, ticks) => ticks.map(values) });
}
