import { isSignedBy } from '#wallet-crew';

/*
 * Computed with another program, so that our reading of the algorithm is not compared with itself:
 * printf '%s' '<body>' | openssl dgst -sha256 -hmac '<secret>'
 */
const secret = 's3cret-with-ümlaut';
const body = Buffer.from('{"event":"Pass:Installed","name":"Zoë"}');
const hex = 'd739a2ad9299aea54aa7a7875af00910298155d11f535099fdb1abcc73f76a64';
const base64 = '1zmirZKZrqVKp6eHWvAJECmBVdEfU1CZ/bGrzHP3amQ=';
const base64url = base64.replaceAll('+', '-').replaceAll('/', '_');

describe('the signature of a webhook', () => {
  it.each([
    ['hex', hex],
    ['upper-case hex', hex.toUpperCase()],
    ['base64', base64],
    ['base64 without padding', base64.replace('=', '')],
    ['base64url', base64url],
    ['base64url without padding', base64url.replace('=', '')],
    ['hex with a prefix', `sha256=${hex}`],
    ['hex with an upper-case prefix', `SHA256=${hex}`],
    ['base64 with a prefix', `sha256=${base64}`],
    ['hex with white space around it', ` ${hex}\r\n`],
  ])('is accepted as %s', (_spelling, signature) => {
    expect(isSignedBy(secret, body, signature)).toBe(true);
  });

  const oneBit = (text: string) => `${text[0] === '0' ? '1' : '0'}${text.slice(1)}`;

  it.each([
    ['absent', undefined],
    ['empty', ''],
    ['only the prefix', 'sha256='],
    ['wrong in one digit', oneBit(hex)],
    ['wrong in one base64 character', `${base64[0] === 'A' ? 'B' : 'A'}${base64.slice(1)}`],
    ['cut short', hex.slice(0, 62)],
    ['too long', `${hex}00`],
    ['short base64', base64.slice(0, 40)],
    ['no encoding at all', 'x'.repeat(64)],
    ['of another algorithm', `sha1=${hex.slice(0, 40)}`],
    ['twice the same', `${hex},${hex}`],
    ['a very long text', 'a'.repeat(1_000_000)],
  ])('is refused when it is %s', (_how, signature) => {
    expect(isSignedBy(secret, body, signature)).toBe(false);
  });

  it('covers every byte of the body and depends on the secret', () => {
    expect(isSignedBy(secret, Buffer.concat([body, Buffer.from(' ')]), hex)).toBe(false);
    expect(isSignedBy(secret, Buffer.from(body.toString().replace('Zoë', 'Zoe')), hex)).toBe(false);
    expect(isSignedBy(secret, Buffer.alloc(0), hex)).toBe(false);
    expect(isSignedBy(`${secret} `, body, hex)).toBe(false);
  });
});
