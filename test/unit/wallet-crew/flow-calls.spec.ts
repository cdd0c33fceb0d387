import { ConnectorError } from '#core';
import { readNotify, readPushUpdate, readSync } from '#wallet-crew';

const json = JSON.stringify;

function complaint(read: (body: string) => unknown, body: string): string {
  try {
    read(body);
  } catch (error) {
    if (error instanceof ConnectorError && error.code === 'FLOW_BODY_UNUSABLE') return error.detail!;
    throw error;
  }
  return 'nothing to complain about';
}

describe('the body of a flow that wants to notify', () => {
  it('names the pass and the message; what a template left empty is not there', () => {
    expect(readNotify(json({ identifiers: { email: ' ana@mail.example ', customerId: '', number: 7, nothing: null }, passType: '', message: 'Hello', localizedMessage: null, other: 1 }))).toEqual({
      do: 'notify', identifiers: { email: 'ana@mail.example', number: '7' }, message: 'Hello',
    });
    expect(readNotify(json({ identifiers: { email: 'a@b.example' }, passType: 'loyalty', message: '', localizedMessage: { fr: 'Bonjour', en: '', de: null } }))).toEqual({
      do: 'notify', identifiers: { email: 'a@b.example' }, passType: 'loyalty', localizedMessage: { fr: 'Bonjour' },
    });
  });

  const identifiers = { email: 'ana@mail.example' };
  it.each([
    ['no JSON', '{"message": "say "hi""}', 'It is not JSON.'],
    ['a list', '[]', 'JSON object'],
    ['nobody', json({ identifiers: { email: ' ' }, message: 'x' }), 'names nobody'],
    ['no identifiers', json({ message: 'x' }), '`identifiers` must be an object'],
    ['an identifier that is a list', json({ identifiers: { email: [] }, message: 'x' }), 'Each of `identifiers`'],
    ['no message', json({ identifiers, message: '  ' }), 'neither'],
    ['only empty languages', json({ identifiers, localizedMessage: { fr: '' } }), 'neither'],
    ['two messages', json({ identifiers, message: 'x', localizedMessage: { fr: 'y' } }), 'both'],
    ['a message that is a number', json({ identifiers, message: 5 }), '`message` must be a text'],
    ['languages in a list', json({ identifiers, localizedMessage: ['x'] }), '`localizedMessage` must be an object'],
    ['a language that is no text', json({ identifiers, localizedMessage: { fr: {} } }), '`localizedMessage.fr` must be a text'],
    ['a type that is a number', json({ identifiers, message: 'x', passType: 5 }), '`passType` must be a text'],
  ])('is refused with %s, and its values are not repeated', (_what, body, words) => {
    expect(complaint(readNotify, body)).toContain(words);
    expect(complaint(readNotify, body)).not.toContain('ana@mail.example');
  });
});

describe('the body of a flow that wants a profile synced', () => {
  it.each([
    ['our own names', { profileId: '01ANA', email: 'ana@mail.example', phone: '+33600000000', externalId: 'X-1' }],
    ['the names of Klaviyo\'s API', { profile_id: ' 01ANA ', email: 'ana@mail.example', phone_number: '+33600000000', external_id: 'X-1' }],
    ['both, one of them empty', { profileId: '', profile_id: '01ANA', email: 'ana@mail.example', phone: null, phone_number: '+33600000000', externalId: 'X-1' }],
  ])('is read by %s', (_how, body) => {
    expect(readSync(json(body))).toEqual({ do: 'look-up', profile: { klaviyoId: '01ANA', email: 'ana@mail.example', phone: '+33600000000', externalId: 'X-1' }, by: [] });
  });

  it('needs no more than one of them, and takes a number for an id', () => {
    expect(readSync(json({ email: '', externalId: 42 }))).toEqual({ do: 'look-up', profile: { externalId: '42' }, by: [] });
  });

  it.each([
    ['nobody', json({ email: '', profileId: null }), 'names nobody'],
    ['nothing', '{}', 'names nobody'],
    ['an address that is a list', json({ email: ['a'] }), '`email` must be a text'],
    ['no JSON', '', 'It is not JSON.'],
  ])('is refused with %s', (_what, body, words) => {
    expect(complaint(readSync, body)).toContain(words);
  });
});

describe('every body', () => {
  it.each([[readPushUpdate], [readNotify]])('keeps names out that would change what they are copied into', (read) => {
    expect(read('{"identifiers":{"__proto__":"x","constructor":"y","email":"a@b.example"},"message":"m"}').identifiers).toEqual({ email: 'a@b.example' });
  });
});
