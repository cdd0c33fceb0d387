import type { Command, Lane, Notify } from '../command.js';
import { identifiersOf, keysOf } from '../person/identity.js';
import type { Person } from '../person/person.js';
import { question, type PluginHost, type Question } from '../plugin/host.js';
import { personView, whoIs } from '../plugin/person-view.js';
import type { Answer, Outgoing } from '../ports/marketing.js';
import type { Store } from '../ports/store.js';
import type { Clock } from '../ports/system.js';
import type { Rules } from '../rules.js';
import { bareEvent, type WalletEvent } from '../wallet/event.js';

/**
 * Asks plugins whether notifications may be sent, at the moment they would be: one that waited out an outage must not arrive at night.
 * All other commands are not asked about.
 */
export class AllowNotifications {
  constructor(
    private readonly plugins: PluginHost,
    private readonly store: Pick<Store, 'personByIdentifier'>,
    private readonly rulesOf: (tenant: string) => Rules | undefined,
    private readonly clock: Clock,
  ) {}

  async check(tenant: string, lane: Lane, commands: Outgoing[]): Promise<{ allowed: Outgoing[]; answers: Answer[] }> {
    const rules = this.rulesOf(tenant);
    if (lane !== 'notify' || !rules || !this.plugins.has(tenant, 'allowNotification')) return { allowed: commands, answers: [] };
    const asked = await Promise.all(commands.map(async (outgoing) => ({ outgoing, q: await this.questionAbout(outgoing as Outgoing<Notify>, rules) })));
    await this.plugins.ask(tenant, 'allowNotification', asked.map(({ q }) => q));
    const answers = asked.flatMap(({ outgoing, q }): Answer[] => this.answer(outgoing as Outgoing<Notify>, q));
    const answered = new Set(answers.map(({ id }) => id));
    return { allowed: commands.filter(({ id }) => !answered.has(id)), answers };
  }

  private async questionAbout({ command }: Outgoing<Notify>, rules: Rules): Promise<Question<'allowNotification'>> {
    const person = await this.personOf(command, rules);
    const view = person && personView(person);
    const { message, localizedMessage, passType } = command;
    const notification = { ...(passType ? { passType } : {}), ...(message ? { message } : {}), ...(localizedMessage ? { localizedMessage } : {}) };
    const who = view ? whoIs(view) : { key: JSON.stringify(command.identifiers), facts: {} };
    return question(who, { ...(view ? { person: view } : {}), notification, now: this.clock.now() });
  }

  private async personOf(command: Notify, rules: Rules): Promise<Person | undefined> {
    const { identifiers } = identifiersOf(aboutPass(command, 0), rules);
    for (const key of keysOf(identifiers, {})) {
      const person = await this.store.personByIdentifier(rules.tenant, key);
      if (person) return person;
    }
    return undefined;
  }

  private answer({ id, command }: Outgoing<Notify>, { output, lastBy, held }: Question<'allowNotification'>): Answer[] {
    // Rather late than at the wrong time: a plugin that holds is asked again.
    if (held) return [{ id, outcome: 'later', code: held.code, words: `Plugin "${held.plugin}".`, waitMs: askAgainMs }];
    if (output === undefined || output === true) return [];
    const now = this.clock.now();
    if ('at' in output) return output.at <= now ? [] : [{ id, outcome: 'later', code: 'NOTIFICATION_NOT_ALLOWED', words: `Plugin "${lastBy}" puts it off.`, waitMs: output.at - now }];
    return [{ id, outcome: 'skipped', code: 'NOTIFICATION_NOT_ALLOWED', words: `Plugin "${lastBy}": ${output.skip}`, told: { ...aboutPass(command, now), kind: 'notification-not-sent', reason: 'not-allowed' } }];
  }
}

const askAgainMs = 60_000;

const aboutPass = ({ identifiers }: Extract<Command, { do: 'notify' }>, at: number): WalletEvent => bareEvent({ kind: 'notification-not-sent', name: 'passes/notify', at, identifiers });
