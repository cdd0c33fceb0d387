/** What a person answered for one consent field, and when. There is no "not answered": an absent field says nothing. */
export interface Statement {
  at: number;
  given: boolean;
}

/** The choice in force: what was said last, and since when it has been said without interruption. */
export interface Choice {
  given: boolean;
  since: number;
}

/** More are never needed to know the choice in force; repeated equal answers in the middle are dropped first. */
const keptStatements = 40;

/** All statements in order of time, each once. */
export function withStatement(statements: readonly Statement[] | undefined, said: Statement): Statement[] {
  return inOrder([...(statements ?? []), said]);
}

export function inOrder(statements: Statement[]): Statement[] {
  const byTime = statements
    // At the same instant the "no" is read last, so it wins.
    .toSorted((a, b) => a.at - b.at || Number(b.given) - Number(a.given))
    .filter((said, i, all) => i === 0 || said.at !== all[i - 1]!.at || said.given !== all[i - 1]!.given);
  if (byTime.length <= keptStatements) return byTime;
  return byTime.filter((said, i) => byTime[i - 1]?.given !== said.given || byTime[i + 1]?.given !== said.given);
}

/**
 * The newest explicit choice wins. An answer repeated with every update of the customer is not a new choice: its time is
 * that of the first of the uninterrupted row. Otherwise each profile update would out-date an opt-out made elsewhere.
 */
export function choiceInForce(statements: readonly Statement[] | undefined): Choice | undefined {
  const last = statements?.at(-1);
  if (!statements || !last) return undefined;
  let since = last.at;
  for (let i = statements.length - 1; i >= 0 && statements[i]!.given === last.given; i--) since = statements[i]!.at;
  return { given: last.given, since };
}
