import { tokenProperty, type Command, type Outgoing, type Vault, withToken } from '#core';

/**
 * The command as Klaviyo gets it. The token of pass links is opened here and nowhere earlier: it becomes a property like others, so it is
 * counted, sent and kept out of words like them. One that cannot be opened is left out, and its links with it, which would open nothing.
 */
export function withPassLinks<C extends Command>(outgoing: Outgoing<C>, vault: Vault): Outgoing<C> {
  const { command } = outgoing;
  if (!('token' in command) || command.token === undefined) return outgoing;
  const { token: sealed, ...bare } = command;
  const token = vault.open(sealed);
  if (token === undefined) return { ...outgoing, command: bare as C };
  const links = 'links' in command ? Object.entries(command.links ?? {}).map(([name, address]) => [name, withToken(address, token)]) : [];
  return { ...outgoing, command: { ...bare, properties: { ...command.properties, [tokenProperty]: token, ...Object.fromEntries(links) } } as unknown as C };
}
