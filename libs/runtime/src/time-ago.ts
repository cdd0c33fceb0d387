const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `30m`, `12h`, `7d`, `2w` before now, or a time such as 2026-03-01, as epoch ms. Undefined: it is no time in the past. */
export function timeAgo(text: string, now: number): number | undefined {
  const [, count, unit] = /^(\d+)([mhdw])$/.exec(text) ?? [];
  const at = count ? now - Number(count) * unitMs[unit as keyof typeof unitMs] : Date.parse(text);
  return Number.isNaN(at) || at > now ? undefined : at;
}
