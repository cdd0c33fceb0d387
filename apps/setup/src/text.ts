import type { Condition, Finding, FlowRecipe, Prepared, SegmentRecipe, SetUpReport } from '#core';
import { asSent, flowQuery, segmentQuery } from '#klaviyo';
import { bad, faint, good, say, strong, table } from '#runtime';

/** Wide enough to read, narrow enough for three columns. */
const lineWidth = 58;

const vendors = { klaviyo: 'Klaviyo', 'wallet-crew': 'The Wallet Crew' } as const;
const marks = { good: good('✓'), missing: bad('✗'), unproven: '?' } as const;

export function print(tenant: string, { findings, segments, flow, isGood }: SetUpReport): void {
  for (const [at, title] of Object.entries(vendors)) {
    say(`\n${strong(title)}`);
    table(['', 'what', 'found', 'what to do'], findings.filter((finding) => finding.at === at).map(findingRow));
  }
  say(`\n${strong('Segments')}, by hand: Lists & segments → Create → Properties about someone`);
  table(['segment', 'in Klaviyo', 'for whom', 'conditions'], segments.map((one) => [one.recipe.name, stateOf(one), wrapped(one.recipe.says, 36), conditionLines(one.recipe.groups)]));
  printFlow(flow);
  say(`\n${strong('The same through the API:')} POST /api/segments, then /api/flows`);
  for (const { recipe } of segments) say(faint(JSON.stringify(asSent(segmentQuery(recipe)))));
  say(faint(JSON.stringify(flowRequest(flow, segments))));
  const missing = [...findings.filter(({ state }) => state === 'missing').map(({ at, what }) => `${vendors[at]} ${what}`), ...[...segments, flow].filter(({ state }) => state === 'differs' || state === 'refused').map(({ recipe }) => recipe.name)];
  say(isGood ? `\n${good('✓')} ${tenant}: nothing is missing.` : `\n${bad('✗')} ${tenant} lacks: ${missing.join(', ')}`);
}

function findingRow({ what, state, says, fix }: Finding): string[] {
  return [marks[state], what, wrapped(says), wrapped(fix ?? '')];
}

function printFlow(flow: Prepared<FlowRecipe>): void {
  const { name, says, trigger, webhook: { url, headers, body } } = flow.recipe;
  say(`\n${strong('Flow')} ${name}   ${stateOf(flow).replaceAll('\n', ' ')}`);
  say(says);
  say(`  1. Trigger: segment "${trigger}"`);
  say('  2. Webhook, the only step');
  say(`     URL: ${url}`);
  for (const [header, value] of Object.entries(headers)) say(`     Header: ${header}: ${value}   (\`walletCrew.flowKey\` of the tenant; where that is not set, \`walletCrew.apiKey\`)`);
  say(`     Body:\n${body.replaceAll(/^/gm, '       ')}`);
  say('  3. Look at it and set it live; then Manage flow → Add past profiles, for those who are in the segment already.');
}

/** The report as one document. */
export function inJson(tenant: string, { findings, segments, flow, isGood }: SetUpReport): object {
  const plain = ({ recipe, ...came }: Prepared<SegmentRecipe | FlowRecipe>) => ({ ...recipe, ...came });
  return {
    tenant,
    good: isGood,
    findings,
    segments: segments.map((one) => ({ ...plain(one), request: asSent(segmentQuery(one.recipe)) })),
    flow: { ...plain(flow), request: flowRequest(flow, segments) },
  };
}

function flowRequest({ recipe }: Prepared<FlowRecipe>, segments: Prepared<SegmentRecipe>[]): unknown {
  return asSent(flowQuery(recipe, segments.find(({ recipe: { name } }) => name === recipe.trigger)?.id ?? `<id of "${recipe.trigger}">`));
}

function stateOf({ state, id, words }: Prepared<unknown>): string {
  const more = [...(id === undefined ? [] : [id]), ...(words === undefined ? [] : [wrapped(words, 36)])].join('\n');
  switch (state) {
    case 'there':
    case 'created':
      return `${good('✓')} ${state} ${more}`;
    case 'differs':
    case 'refused':
      return `${bad('✗')} ${state} ${more}`;
    case 'absent':
      return 'not there yet';
    case 'unknown':
      return `? ${more}`;
  }
}

function conditionLines(groups: Condition[][]): string {
  return groups.map((group) => group.map(({ property, ...is }) => `${property} ${is.is === 'equals' ? `equals ${is.value}` : is.is === 'set' ? 'is set' : 'is not set'}`).join('\n  OR ')).join('\nAND ');
}

function wrapped(text: string, width = lineWidth): string {
  const lines = [''];
  for (const word of text.split(' ')) {
    const line = lines.at(-1)!;
    if (line === '') lines[lines.length - 1] = word;
    else if (line.length + 1 + word.length <= width) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(word);
  }
  return lines.join('\n');
}
