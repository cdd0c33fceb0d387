const named: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

export const escape = (text: unknown): string => String(text ?? '').replace(/[&<>"']/g, (sign) => named[sign]!);

const style = `
:root{color-scheme:light dark;--ink:#1c1e21;--soft:#6a7078;--line:#dfe3e8;--card:#fff;--ground:#f5f6f8;--mark:#0b6e4f;--warn:#a3412a}
@media (prefers-color-scheme:dark){:root{--ink:#e8eaed;--soft:#9aa1aa;--line:#33373d;--card:#1f2226;--ground:#15171a;--mark:#5fd0a8;--warn:#f0957c}}
*{box-sizing:border-box}body{margin:0;background:var(--ground);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1100px;margin:0 auto;padding:24px 16px 64px}h1{font-size:22px;margin:0 0 4px}h2{font-size:17px;margin:28px 0 8px}
p,small,.soft{color:var(--soft)}a{color:var(--mark)}
nav{display:flex;flex-wrap:wrap;gap:4px 16px;margin:8px 0 20px}form{margin:0 0 16px}
input{font:inherit;padding:6px 10px;border:1px solid var(--line);border-radius:6px;background:var(--card);color:inherit;width:min(420px,100%)}
article{background:var(--card);border:1px solid var(--line);border-radius:10px;padding:14px 16px;margin:0 0 12px}
article h3{margin:0;font-size:16px;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%;margin:8px 0 0;font-size:14px}td,th{text-align:left;vertical-align:top;padding:4px 12px 4px 0;border-top:1px solid var(--line);overflow-wrap:anywhere}
th{color:var(--soft);font-weight:500}code{font:13px ui-monospace,monospace}
.tag{display:inline-block;border:1px solid var(--line);border-radius:999px;padding:0 10px;margin:4px 6px 0 0;font-size:13px}.yes{color:var(--mark)}.no{color:var(--warn)}
`;

/** A self-contained page: no script, no font, no request to anywhere. `body` is HTML whose data has been escaped. */
export const page = (title: string, body: string): string => `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1">
<title>${escape(title)}</title><style>${style}</style></head><body><main>${body}</main></body></html>`;
