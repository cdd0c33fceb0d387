import fc from 'fast-check';
import { SealedVault } from '#runtime';

const [first, second] = ['first-secret-of-the-vault-0123456789', 'second-secret-of-the-vault-0123456789'];
const token = 'eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJDLTQyIn0.signature';

describe('the vault', () => {
  it('gives back what it was given, whatever it is', () => {
    const vault = new SealedVault([first]);
    fc.assert(fc.property(fc.string({ unit: 'grapheme' }), (text) => vault.open(vault.seal(text)) === text));
  });

  it('seals the same text the same way in every process, and another text another way', () => {
    expect(new SealedVault([first]).seal(token)).toBe(new SealedVault([first, second]).seal(token));
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => a === b || new SealedVault([first]).seal(a) !== new SealedVault([first]).seal(b)), { numRuns: 50 });
  });

  it('shows nothing of what it seals', () => {
    const sealed = new SealedVault([first]).seal(token);
    expect(sealed).toMatch(/^[\w-]+$/);
    for (const text of [sealed, Buffer.from(sealed, 'base64url').toString('latin1')]) for (const part of token.split('.')) expect(text).not.toContain(part);
  });

  it('opens what an older key sealed as long as that key is listed, and seals with the first', () => {
    const old = new SealedVault([first]).seal(token);
    const rotated = new SealedVault([second, first]);
    expect(rotated.open(old)).toBe(token);
    expect(new SealedVault([second]).open(rotated.seal(token))).toBe(token);
    expect(new SealedVault([second]).open(old)).toBeUndefined();
  });

  it('opens nothing that was altered, cut or never sealed', () => {
    const vault = new SealedVault([first]);
    const sealed = Buffer.from(vault.seal(token), 'base64url');
    for (let at = 0; at < sealed.length; at++) {
      const altered = Buffer.from(sealed);
      altered[at]! ^= 1;
      expect(vault.open(altered.toString('base64url'))).toBeUndefined();
    }
    for (const text of ['', 'x', 'not sealed at all', sealed.subarray(0, 20).toString('base64url'), sealed.subarray(0, -1).toString('base64url')]) expect(vault.open(text)).toBeUndefined();
  });

  it('without a key opens nothing and seals nothing', () => {
    expect(new SealedVault([]).open(new SealedVault([first]).seal(token))).toBeUndefined();
    expect(() => new SealedVault([]).seal(token)).toThrow(/vault\.keys/);
  });
});
