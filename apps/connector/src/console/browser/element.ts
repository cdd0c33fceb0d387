export type Child = Node | string | false | undefined;
type Attribute = string | boolean | undefined | ((event: Event) => void);

/** An element. Data becomes text or the value of an attribute, never markup: Klaviyo's words may contain anything. */
export function element<K extends keyof HTMLElementTagNameMap>(tag: K, attributes: Record<string, Attribute> = {}, ...children: Child[]): HTMLElementTagNameMap[K] {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') made.addEventListener(name, value);
    else if (value !== false && value !== undefined) made.setAttribute(name, value === true ? '' : value);
  }
  made.append(...children.filter((child) => child !== false && child !== undefined));
  return made;
}

export function byId<T extends HTMLElement = HTMLElement>(id: string): T {
  return document.getElementById(id) as T;
}

/** Shows these, or nothing at all. */
export function fill(container: HTMLElement, ...children: Child[]): void {
  const shown = children.filter((child) => child !== false && child !== undefined);
  container.replaceChildren(...shown);
  container.hidden = shown.length === 0;
}

export function headed(id: string, title: string, ...beside: Child[]): HTMLElement {
  return element('div', { class: 'head' }, element('h2', { id }, title), ...beside);
}

/** A table with its roles by name: where CSS lays rows out as cards, browsers forget them. */
export function table(caption: string, head: Child[][], rows: HTMLElement[]): HTMLElement {
  const titles = head.map(([title, css]) => element('th', { scope: 'col', role: 'columnheader', class: css as string }, title));
  return element(
    'table',
    { class: 'stacks', 'role': 'table', 'aria-label': caption },
    element('thead', { role: 'rowgroup' }, element('tr', { role: 'row' }, ...titles)),
    element('tbody', { role: 'rowgroup' }, ...rows),
  );
}

export function row(attributes: Record<string, Attribute>, first: Child, ...cells: HTMLElement[]): HTMLElement {
  return element('tr', { role: 'row', ...attributes }, element('th', { scope: 'row', role: 'rowheader' }, first), ...cells);
}

export function number(name: string, count: number, css = ''): HTMLElement {
  return figure(name, amount(count), count === 0 ? 'zero' : css);
}

export function figure(name: string, text: string, css = ''): HTMLElement {
  return element('td', { 'role': 'cell', 'class': `number ${css}`, 'data-name': name }, text);
}

export const amount = (count: number) => new Intl.NumberFormat('en').format(count).replaceAll(',', '\u202f');

export const things = (count: number, one: string, many = `${one}s`) => `${amount(count)} ${count === 1 ? one : many}`;

const [day, moment] = [new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' }), new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short', year: 'numeric', hour: '2-digit', minute: '2-digit' })];
export const dayOf = (at: number) => day.format(at);
export const momentOf = (at: number) => moment.format(at);

export function span(ms: number): string {
  if (ms === 0) return '0 s';
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  // From ten minutes on nobody misses the seconds.
  if (seconds < 600) return inTwo(seconds, 'min', 's');
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : inTwo(minutes, 'h', 'min');
}

/** `2 min 30 s`, and `2 min` where nothing is left. */
function inTwo(sixtieths: number, whole: string, part: string): string {
  return [`${Math.floor(sixtieths / 60)} ${whole}`, ...(sixtieths % 60 === 0 ? [] : [`${sixtieths % 60} ${part}`])].join(' ');
}

/** `status-wrong` as people read it. */
export const nameOf = (kind: string) => kind.charAt(0).toUpperCase() + kind.slice(1).replaceAll('-', ' ');
