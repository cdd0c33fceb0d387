import type { Evidence, Explanation } from '#core';
import { fitted, pageWidth, wrapped } from '#runtime';
import { sectionsOf, verdictOf } from '../../../apps/explain/src/text.js';
import { answered, healthy, withCommands, withProperty } from '../core/explaining.js';
import { ExplainWorld } from '../core/explain-world.js';

const apple = 'neostore.wallet.loyaltyCard.Apple';
const explained = (evidence: Evidence) => new ExplainWorld(evidence).explain('C-1');
const section = (explanation: Explanation, title: string) => sectionsOf(explanation).find((one) => one.title.startsWith(title))!;

describe('the page of an explanation', () => {
  it('begins with what is broken and what mends it', async () => {
    const verdict = verdictOf(await explained(withProperty(healthy(), apple, 'NotInstalled')));
    expect(verdict).toMatch(/^\S*✗ Klaviyo accepted the right value/u);
    expect(verdict.replaceAll(/\s+/g, ' ')).toContain(`${apple} should be Installed and is NotInstalled`);
    expect(verdict).toContain('→ Look for a flow, an import or another integration');
    expect(verdict).toContain('  npm run reconcile -- --once --tenant acme');
  });

  it('says that nothing is broken, where nothing is', async () => expect(verdictOf(await explained(healthy()))).toContain('✓ Nothing is broken.'));

  it('puts both sides of each property beside each other', async () => {
    const { rows } = section(await explained(withProperty(healthy(), apple, 'NotInstalled')), 'What should be');
    expect(rows.find(([name]) => name === apple)).toEqual([apple, 'Installed', 'NotInstalled', expect.stringContaining('✗')]);
    expect(rows.find(([name]) => name === 'neostore.wallet.Any')).toEqual(['neostore.wallet.Any', 'Installed', 'Installed', expect.stringContaining('✓')]);
    expect(rows.at(-1)).toEqual(['neostore.authenticationToken', expect.stringContaining('given out 2026-01-05'), 'the newest', expect.stringContaining('✓')]);
  });

  it('shows events with the answer in the words of Klaviyo, and what waits and why', async () => {
    const explanation = await explained(withCommands(healthy(), 'track', answered('refused', 'KLAVIYO_REFUSED_ITEM', 'Bad metric.')));
    expect(section(explanation, 'Last events').rows[0]!.at(-1)).toContain('track Wallet Pass Installed: refused (KLAVIYO_REFUSED_ITEM: Bad metric.)');
    expect(section(explanation, 'Pending').rows[0]).toEqual([expect.any(String), 'track', 'refused', '', 'KLAVIYO_REFUSED_ITEM: Bad metric.']);
  });

  it('says until when something waits', async () => {
    const waiting = withCommands(healthy(), 'track', () => ({ status: 'pending', dueAt: Date.UTC(2026, 0, 7, 9, 30), ledger: [] }));
    expect(section(await explained(waiting), 'Pending').rows[0]).toEqual([expect.any(String), 'track', 'pending', '2026-01-07T09:30Z', '']);
  });

  it('fits on a page, however long a word or a sentence is', async () => {
    const long = withProperty(withCommands(healthy(), 'track', answered('refused', 'KLAVIYO_REFUSED_ITEM', `A ${'very '.repeat(60)}long answer ${'x'.repeat(150)}`)), apple, 'y'.repeat(200));
    const explanation = await explained(long);
    for (const { head, rows } of sectionsOf(explanation)) {
      const cells = fitted(head, rows);
      const widths = head.map((title, i) => Math.max(title.length, ...cells.flatMap((row) => row[i]!.split('\n').map(({ length }) => length))));
      expect(widths.reduce((a, b) => a + b, 3 * (head.length - 1))).toBeLessThanOrEqual(pageWidth);
    }
    for (const line of verdictOf(explanation).split('\n')) expect(line.length).toBeLessThanOrEqual(pageWidth);
  });

  it('breaks lines at spaces, and words only where it must', () => expect(wrapped('a bc defghijkl', 1, 6)).toBe(' a bc\n defgh\n ijkl'));
});
