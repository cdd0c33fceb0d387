import fc from 'fast-check';
import { choiceInForce, inOrder, withStatement, type Statement } from '#core';
import { aCustomer, commandsOf, live, onlyPerson, permutations, start } from '../../support/stories.js';

const yes = (at: number): Statement => ({ at, given: true });
const no = (at: number): Statement => ({ at, given: false });
const heard = (statements: readonly Statement[]) => statements.reduce<Statement[] | undefined>((known, said) => withStatement(known, said), undefined);

/** The rule in the plainest words, over everything ever said: what was said last, and since when without interruption. */
function byTheBook(statements: readonly Statement[]) {
  const sorted = statements.toSorted((a, b) => a.at - b.at || (a.given === b.given ? 0 : a.given ? -1 : 1));
  const last = sorted.at(-1);
  if (!last) return undefined;
  const opposite = sorted.findLastIndex(({ given }) => given !== last.given);
  return { given: last.given, since: sorted[opposite + 1]!.at };
}

describe('the choice in force', () => {
  it.each<[string, Statement[], ReturnType<typeof choiceInForce>]>([
    ['nobody who was never asked has chosen', [], undefined],
    ['a yes is a yes since it was said', [yes(5)], { given: true, since: 5 }],
    ['a no is a no since it was said', [no(5)], { given: false, since: 5 }],
    ['a later no takes a yes back', [yes(1), no(2)], { given: false, since: 2 }],
    ['a later yes takes a no back', [no(1), yes(2)], { given: true, since: 2 }],
    ['a yes repeated is no new choice', [yes(1), yes(2), yes(9)], { given: true, since: 1 }],
    ['a no repeated is no new choice', [yes(1), no(2), no(9)], { given: false, since: 2 }],
    ['a yes after a withdrawal counts from its own time', [yes(1), no(2), yes(3), yes(4)], { given: true, since: 3 }],
    ['at one instant the no counts', [yes(3), no(3)], { given: false, since: 3 }],
  ])('%s', (_title, statements, choice) => {
    for (const order of permutations(statements)) expect(choiceInForce(heard(order))).toEqual(choice);
  });

  const statements = fc.array(fc.record({ at: fc.integer({ min: 0, max: 60 }), given: fc.boolean() }), { maxLength: 12 });

  it('is the same in whatever order and however often the statements arrive', () => {
    fc.assert(
      fc.property(
        statements.chain((said) => fc.tuple(fc.constant(said), fc.shuffledSubarray([...said, ...said], { minLength: said.length * 2 }))),
        ([said, told]) => expect(choiceInForce(heard(told))).toEqual(byTheBook(said)),
      ),
    );
  });

  it('stays the same over hundreds of statements: forgetting what cannot matter any more changes neither choice nor date', () => {
    // Mostly one answer, as a form gives that repeats the consents with every update, and now and then the other.
    const many = fc.array(fc.record({ at: fc.integer({ min: 0, max: 100_000 }), given: fc.oneof({ weight: 30, arbitrary: fc.constant(true) }, { weight: 1, arbitrary: fc.constant(false) }) }), { minLength: 41, maxLength: 300, size: 'max' });
    fc.assert(
      fc.property(many, (said) => {
        let known: Statement[] | undefined;
        said.forEach((statement, i) => {
          known = withStatement(known, statement);
          expect(choiceInForce(known)).toEqual(byTheBook(said.slice(0, i + 1)));
        });
        expect(heard(said.toReversed())).toEqual(known);
      }),
      { numRuns: 60 },
    );
  });

  it('a withdrawal told late splits a long row of repeated answers where it was said', () => {
    const repeated = Array.from({ length: 60 }, (_, i) => yes(i * 10));
    expect(choiceInForce(withStatement(heard(repeated), no(255)))).toEqual({ given: true, since: 260 });
  });

  it('is the same when two halves of what was said are put together', () => {
    fc.assert(
      fc.property(statements, statements, (one, other) => {
        expect(choiceInForce(inOrder([...(heard(one) ?? []), ...(heard(other) ?? [])]))).toEqual(byTheBook([...one, ...other]));
      }),
    );
  });

  it('a customer whose answer is repeated ten thousand times does not grow without end', () => {
    let known: Statement[] | undefined;
    for (let i = 0; i < 10_000; i++) known = withStatement(known, yes(i));
    expect(known!.length).toBeLessThan(1_010);
    expect(choiceInForce(known)).toEqual({ given: true, since: 0 });
    expect(choiceInForce(withStatement(known, no(9_900)))).toEqual({ given: true, since: 9_901 });
  });
});

describe('consent of a customer', () => {
  it('an answer that is absent is neither yes nor no', () => {
    const person = onlyPerson(live(aCustomer('C-42').enrolled({ email: 'ana@example.com', consents: { consents_email: true } }).updated().updated({ attributes: { firstName: 'Ana' } }).events));
    expect(person.consents).toEqual({ consents_email: [yes(start + 60_000)] });
  });

  it('only the fields the tenant calls consents are consents', () => {
    const person = onlyPerson(live(aCustomer('C-42').enrolled({ consents: { consents_email: false, updateMetadata: true, toString: true } as Record<string, boolean> }).events));
    expect(Object.keys(person.consents)).toEqual(['consents_email']);
  });

  it('a withdrawn consent is never given back by an old webhook', () => {
    const events = aCustomer('C-42').enrolled({ email: 'ana@example.com', consents: { consents_email: true } }).answered({ consents_email: false }).events;
    const [given, withdrawn] = [events[0]!, events[1]!];
    expect(commandsOf(live([withdrawn, given]), 'subscribe')).toEqual([]);
    const lived = live([given, withdrawn, given, given]);
    expect(lived.commands.filter((command) => command.do.endsWith('subscribe')).map((command) => command.do)).toEqual(['subscribe', 'unsubscribe']);
    expect([...lived.members.values()].flatMap((lists) => [...lists])).toEqual([]);
  });
});
