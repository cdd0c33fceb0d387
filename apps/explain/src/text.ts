import type { ConsentLine, EventLine, Explanation, SentLine, Suspicion } from '#core';
import { bad, faint, good, strong, wrapped } from '#runtime';

/** One table of the page. */
export interface Section {
  title: string;
  head: string[];
  rows: string[][];
  /** What stands there instead of an empty table. */
  otherwise: string;
}

/** In ten seconds: is anything broken, and what mends it? */
export function verdictOf({ firstBroken, suspicions, asked, tenant }: Explanation): string {
  const about = faint(`${tenant}, ${asked}`);
  if (firstBroken) return [strong(bad(wrapped(`✗ ${firstBroken.says}`))), ...linesOf(firstBroken), about].join('\n');
  const [first] = suspicions;
  return [strong(good('✓ Nothing is broken.')), ...(first ? [wrapped(first.says), ...linesOf(first)] : []), about].join('\n');
}

function linesOf({ code, detail, fix, run, read }: Suspicion): string[] {
  return [
    ...(detail ? [wrapped(`${code ? `${code}: ` : ''}${detail}`, 2)] : code ? [`  ${code}`] : []),
    strong(wrapped(`→ ${fix}`, 2)),
    ...(run ? [`  ${run}`] : []),
    ...(read ? [faint(`  see ${read}`)] : []),
  ];
}

export function sectionsOf(explanation: Explanation): Section[] {
  return [properties(explanation), passes(explanation), events(explanation), consent(explanation), pending(explanation), others(explanation)];
}

function properties({ truth, klaviyo }: Explanation): Section {
  const profile = klaviyo.asked ? klaviyo.profiles.find(({ own }) => own) : undefined;
  const should = truth?.profile?.properties ?? {};
  const names = [...new Set([...Object.keys(should), ...Object.keys(profile?.properties ?? {})])];
  const rows = names.map((name) => {
    const [a, b] = [should[name], profile?.properties[name]];
    const isSame = JSON.stringify(a) === JSON.stringify(b);
    return [name, shown(a), shown(b), profile ? (isSame ? good('✓') : bad('✗')) : faint('?')];
  });
  const token = profile?.token;
  if (token) rows.push(['neostore.authenticationToken', token.givenAt ? `given out ${minute(token.givenAt)}` : '–', token.there ? (token.newest === undefined ? 'there' : token.newest ? 'the newest' : 'another one') : 'not there', token.newest === true || (!token.there && !token.givenAt) ? good('✓') : token.newest === false ? bad('✗') : faint('?')]);
  const beside = !klaviyo.asked ? klaviyo.words : profile ? `profile ${profile.klaviyoId}${klaviyo.profiles.length > 1 ? ` of ${klaviyo.profiles.length} found` : ''}` : 'there is no profile';
  return { title: `What should be, and what Klaviyo says (${beside})`, head: ['property', 'should be', 'is', ''], rows, otherwise: 'Nothing is known of this person.' };
}

function passes({ truth, walletCrew }: Explanation): Section {
  const listed = new Map(walletCrew.asked ? walletCrew.passes.map((pass) => [pass.id, pass]) : []);
  const known = new Map((truth?.passes ?? []).map((pass) => [pass.id, pass]));
  const rows = [...new Set([...known.keys(), ...listed.keys()])].flatMap((id) =>
    (['Apple', 'Google'] as const).map((wallet) => {
      const [ours, theirs] = [known.get(id), listed.get(id)];
      const here = ours?.wallets[wallet];
      const there = theirs?.installed[wallet];
      const agrees = (here?.status === 'Installed') === (there !== undefined);
      return [id, ours?.kind ?? theirs?.type ?? '', wallet, here ? `${here.status}${here.since ? ` ${minute(here.since)}` : ''}` : 'unknown', !walletCrew.asked ? '–' : theirs ? (there ? `installed ${minute(there)}` : 'not installed') : 'not listed', walletCrew.asked ? (agrees ? good('✓') : bad('✗')) : faint('?')];
    }),
  );
  return { title: `Passes${walletCrew.asked ? '' : ` (${walletCrew.words})`}`, head: ['pass', 'kind', 'wallet', 'we know', 'The Wallet Crew lists', ''], rows, otherwise: 'There is no pass.' };
}

function events({ events }: Explanation): Section {
  return { title: 'Last events', head: ['received', 'what', 'decision', 'answer'], rows: events.map((event) => [minute(event.receivedAt), event.name, decision(event), event.commands.map(answer).join('\n')]), otherwise: 'None is on record.' };
}

function decision({ status, code, notes }: EventLine): string {
  return [code ? `${status} ${code}` : status, ...notes.map(({ by, says }) => `${by}: ${says}`)].join('\n');
}

function answer({ lane, what, status, ledger, backfill }: SentLine): string {
  const word = ledger.findLast(({ code, words }) => code ?? words);
  const said = [word?.code, word?.words].filter(Boolean).join(': ');
  return `${lane}${what ? ` ${what}` : ''}: ${status}${backfill ? ', fired no flow' : ''}${said ? ` (${said})` : ''}`;
}

function consent({ consent }: Explanation): Section {
  return { title: 'Consent', head: ['field', 'channel', 'said', 'asked of Klaviyo', 'Klaviyo says'], rows: consent.map((line) => [line.field, line.channel, said(line), asked(line), line.klaviyo ? `${line.klaviyo.says}${line.klaviyo.at ? `\n${minute(line.klaviyo.at)}` : ''}` : '–']), otherwise: 'No consent field is configured.' };
}

function said({ statements, choice, optOut }: ConsentLine): string {
  const history = statements.slice(-3).map(({ at, given, undated }) => `${given ? 'yes' : 'no'}${undated ? ' by' : ''} ${minute(at)}`);
  const out = optOut?.since ? [`opted out ${minute(optOut.since)}`] : [];
  return [...(choice ? history : ['never answered']), ...out].join('\n');
}

function asked({ asked, sent: [last] }: ConsentLine): string {
  if (last) return `${answer(last)}${last.ledger.at(-1) ? `\n${minute(last.ledger.at(-1)!.at)}` : ''}`;
  return asked.map(({ list, what }) => `${what} ${list || '(account)'}`).join('\n') || '–';
}

function pending({ pending }: Explanation): Section {
  return { title: 'Pending', head: ['since', 'what', 'status', 'due', 'why'], rows: pending.map(({ since, lane, status, due, why }) => [minute(since), lane, status, due === undefined ? '' : minute(due), why ?? '']), otherwise: 'Nothing waits.' };
}

function others({ suspicions, firstBroken }: Explanation): Section {
  const [first] = suspicions;
  const rows = suspicions.filter((one) => one !== (firstBroken ?? first)).map(({ weight, about, says, detail }) => [weight === 'broken' ? bad('✗') : faint('·'), about, detail ? `${says}\n${detail}` : says]);
  return { title: 'What else holds, in the order of suspicion', head: ['', 'about', 'what'], rows, otherwise: 'Nothing.' };
}

const minute = (at: string) => `${at.slice(0, 16)}Z`;
const shown = (value: unknown) => (value === undefined ? '–' : typeof value === 'string' ? value : JSON.stringify(value));
