/** What a person answered for one consent field, and when. There is no "not answered": an absent field says nothing. */
export interface Statement {
  at: number;
  given: boolean;
  /** It was said by then, perhaps long before. */
  undated?: true;
}

/** The choice in force: what was said last, and since when it has been said without interruption. */
export interface Choice {
  given: boolean;
  since: number;
  /** Nobody knows since when: nothing says that it was ever chosen after an opt-out. */
  undated?: true;
}

/** An answer repeated more often than this loses its middle, so that a person does not grow without end. */
const keptStatements = 1_000;

/** What was said, with one more statement, in order of time. */
export function withStatement(statements: readonly Statement[] | undefined, said: Statement): Statement[] {
  return inOrder([...(statements ?? []), said]);
}

/**
 * Statements in order of time, each once, and only those that can still matter: the last of the opposite answer and all
 * that follow it. The repeated ones are kept too, because an opposite answer told late may split their row anywhere.
 */
export function inOrder(statements: Statement[]): Statement[] {
  const byTime = statements
    // At the same instant the "no" is read last, so it wins.
    .toSorted((a, b) => a.at - b.at || Number(b.given) - Number(a.given) || Number(a.undated ?? false) - Number(b.undated ?? false))
    .filter((said, i, all) => i === 0 || said.at !== all[i - 1]!.at || said.given !== all[i - 1]!.given);
  const opposite = byTime.findLastIndex(({ given }) => given !== byTime.at(-1)!.given);
  const row = byTime.slice(opposite + 1);
  const kept = row.length > keptStatements ? [row[0]!, ...row.slice(1 - keptStatements)] : row;
  return opposite < 0 ? kept : [byTime[opposite]!, ...kept];
}

/**
 * The newest explicit choice wins. An answer repeated with every update of the customer is not a new choice: its time is
 * that of the first of the uninterrupted row. Otherwise each profile update would out-date an opt-out made elsewhere.
 */
export function choiceInForce(statements: readonly Statement[] | undefined): Choice | undefined {
  const last = statements?.at(-1);
  if (!statements || !last) return undefined;
  const first = statements.findLastIndex(({ given }) => given !== last.given) + 1;
  const { at: since, undated } = statements[first]!;
  // After an answer to the contrary it is a new choice, whenever exactly it was made.
  return { given: last.given, since, ...(undated && first === 0 ? { undated } : {}) };
}

/** Whether a choice was made after an opt-out. One of unknown date stands against none: existing customers bring it along with every change of theirs. */
export function standsAgainst({ since, undated }: Choice, out: number | undefined): boolean {
  return out === undefined || (since > out && !undated);
}

/** The latest choices made in Klaviyo itself for a channel. Its API counts apart: what was asked for there may be our own word. */
export interface OptOut {
  at?: number;
  throughApiAt?: number;
  /** When the person was last subscribed there again. */
  endedAt?: number;
}

export function latestOptOut(a: OptOut | undefined, b: OptOut): OptOut {
  const latest: OptOut = {};
  for (const name of ['at', 'throughApiAt', 'endedAt'] as const) {
    const at = Math.max(a?.[name] ?? 0, b[name] ?? 0);
    if (at > 0) latest[name] = at;
  }
  return latest;
}

/** Klaviyo applies what it was asked for within minutes; after an outage it may be asked late. */
const echoMs = 3_600_000;

/** Since when nobody may be subscribed on an older consent, if so. `noes`: when the person's own withdrawals of the channel were said. */
export function optedOutAt({ at = 0, throughApiAt = 0, endedAt = 0 }: OptOut, noes: readonly number[]): number | undefined {
  const isEcho = noes.some((no) => throughApiAt >= no && throughApiAt <= no + echoMs);
  const out = Math.max(at, isEcho ? 0 : throughApiAt);
  return out > endedAt ? out : undefined;
}
