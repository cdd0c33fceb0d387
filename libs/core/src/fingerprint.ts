/**
 * A short, stable name for a text: 106 bits in base 36. For ids that must come out the same on every machine and every
 * retry; it hides nothing and proves nothing. (cyrb53 twice with different seeds; core may not import `node:crypto`.)
 */
export function fingerprint(text: string): string {
  return half(text, 0x2545f491) + half(text, 0x9e3779b9);
}

function half(text: string, seed: number): string {
  let a = 0xdeadbeef ^ seed;
  let b = 0x41c6ce57 ^ seed;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    a = Math.imul(a ^ code, 2654435761);
    b = Math.imul(b ^ code, 1597334677);
  }
  a = Math.imul(a ^ (a >>> 16), 2246822507) ^ Math.imul(b ^ (b >>> 13), 3266489909);
  b = Math.imul(b ^ (b >>> 16), 2246822507) ^ Math.imul(a ^ (a >>> 13), 3266489909);
  return (4294967296 * (2097151 & b) + (a >>> 0)).toString(36).padStart(11, '0');
}
