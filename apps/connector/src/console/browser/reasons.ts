import type { Report } from '#core';
import { amount, element, headed, number, row, table, things } from './element.js';

/** Why repairs were refused, in Klaviyo's words. */
export function refusalsCard({ refusals }: Report): HTMLElement | undefined {
  if (refusals.length === 0) return undefined;
  const rows = refusals.map(({ count, code, words, sample }) =>
    row({}, element('div', {}, element('q', { class: 'quote' }, words ?? 'No words were given.'), element('span', { class: 'kind-says' }, element('code', {}, code), ...exampleOf(sample))), number('Times', count)),
  );
  return element('section', { 'class': 'card', 'aria-labelledby': 'refusals-title' }, headed('refusals-title', 'Refused, and why'), table('Refused, and why', [['In the words of the vendor'], ['Times', 'number']], rows));
}

function exampleOf({ personId, deliveryId }: Report['refusals'][number]['sample']): (string | HTMLElement)[] {
  if (deliveryId !== undefined) return [' · for example delivery ', element('code', {}, deliveryId)];
  return personId === undefined ? [] : [' · for example person ', element('code', {}, personId)];
}

export function silenceNote({ silent }: Report): HTMLElement | undefined {
  if (silent.length === 0) return undefined;
  const lines = silent.map(({ wallet, heard, unheard }) => element('p', {}, element('strong', {}, `${wallet} Wallet is silent. `), `Webhooks told of ${things(heard, 'new install')} and kept silent about ${amount(unheard)}. Check the webhook subscription at The Wallet Crew.`));
  return element('section', { 'class': 'problem', 'aria-label': 'Silent webhooks' }, ...lines);
}
