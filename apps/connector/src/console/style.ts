export const style = `
:root {
  color-scheme: light dark;
  --ground: #f6f6f4; --card: #fff; --ink: #1c2024; --soft: #646d76; --line: #e3e5e8; --hover: #f3f4f5; --mark: #2459b8;
  --no: #17724a; --no-ground: #e9f5ee; --look: #8f5200; --look-ground: #fdf3e1; --yes: #ad2119; --yes-ground: #fcebe9;
  --series-1: #2f6bd8; --series-2: #dd7a2f; --series-3: #3f9f7d; --series-4: #a557bd; --series-5: #bb9318; --series-6: #8b939c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #111316; --card: #1a1d21; --ink: #e8eaed; --soft: #9ba4ae; --line: #2d3238; --hover: #22262b; --mark: #86b0fa;
    --no: #62cc97; --no-ground: #13271d; --look: #f0b660; --look-ground: #2a2113; --yes: #ff9389; --yes-ground: #321917;
    --series-1: #6e9ff2; --series-2: #ee9a59; --series-3: #65c3a1; --series-4: #c484d8; --series-5: #d8b44a; --series-6: #858e98;
  }
}
* { box-sizing: border-box; }
[hidden] { display: none !important; }
body { margin: 0; background: var(--ground); color: var(--ink); font: 15px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1, h2, h3, p { margin: 0; }
h1 { font-size: 17px; font-weight: 600; }
h1 span { color: var(--soft); font-weight: 400; margin-left: 6px; }
h2 { font-size: 17px; font-weight: 600; }
.top { display: flex; justify-content: space-between; align-items: center; max-width: 1080px; margin: 0 auto; padding: 20px 24px 12px; min-height: 68px; }
main { max-width: 1080px; margin: 0 auto; padding: 8px 24px 96px; }
main, #report { display: grid; gap: 20px; }
main > *, #report > * { min-width: 0; }
#plots { display: flex; flex-wrap: wrap; gap: 20px; }
#plots .card { flex: 1 1 420px; }
#plots .wide { flex-basis: 100%; }
.card, form { background: var(--card); border: 1px solid var(--line); border-radius: 14px; padding: 24px; min-width: 0; }
.soft { color: var(--soft); }
.small { font-size: 13px; }
code { font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.head { display: flex; flex-wrap: wrap; gap: 4px 16px; justify-content: space-between; align-items: baseline; margin-bottom: 12px; }

form { max-width: 460px; margin: 6vh auto; width: 100%; display: grid; gap: 18px; }
label { display: grid; gap: 6px; font-weight: 500; }
input { font: inherit; color: inherit; background: var(--ground); border: 1px solid var(--line); border-radius: 9px; padding: 10px 12px; width: 100%; }
button, .button { font: inherit; font-weight: 500; cursor: pointer; border-radius: 9px; border: 1px solid var(--mark); background: var(--mark); color: var(--card); padding: 9px 16px; text-decoration: none; }
button.quiet, .button.quiet { background: none; color: var(--mark); border-color: var(--line); padding: 6px 13px; font-size: 14px; }
button.plain { background: none; border: 0; padding: 0; color: inherit; font: inherit; text-align: left; border-radius: 4px; }
button.link { background: none; border: 0; padding: 0; color: var(--mark); font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; text-decoration: underline; text-underline-offset: 3px; overflow-wrap: anywhere; text-align: left; border-radius: 4px; }
button:disabled { opacity: .5; cursor: default; }
:focus-visible { outline: 3px solid var(--mark); outline-offset: 2px; }
.problem { background: var(--yes-ground); color: var(--yes); border-radius: 12px; padding: 14px 18px; overflow-wrap: anywhere; }
main > .problem { max-width: 460px; width: 100%; margin: 0 auto; }

.verdict { display: grid; grid-template-columns: auto 1fr; gap: 4px 20px; align-items: center; border: 0; padding: 28px; }
.verdict.no { background: var(--no-ground); --tone: var(--no); }
.verdict.look { background: var(--look-ground); --tone: var(--look); }
.verdict.yes { background: var(--yes-ground); --tone: var(--yes); }
.verdict .sign { grid-row: span 2; align-self: start; width: 56px; height: 56px; border-radius: 50%; display: grid; place-items: center; background: var(--tone); color: var(--card); font-size: 28px; font-weight: 700; line-height: 1; }
.verdict .word { font-size: 28px; line-height: 1.2; font-weight: 650; letter-spacing: -.01em; color: var(--tone); }
.verdict .says { font-size: 18px; line-height: 1.45; overflow-wrap: anywhere; }
.verdict .meta { grid-column: 2; color: var(--soft); font-size: 14px; margin-top: 8px; }

.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 1px; background: var(--line); border: 1px solid var(--line); border-radius: 14px; overflow: hidden; margin: 0; }
.facts div { background: var(--card); padding: 16px 20px; }
.facts dt { color: var(--soft); font-size: 13px; }
.facts dd { margin: 0; font-size: 24px; font-weight: 600; letter-spacing: -.01em; font-variant-numeric: tabular-nums; }
.facts dd small { display: block; font-size: 13px; font-weight: 400; letter-spacing: 0; color: var(--soft); }

table { border-collapse: collapse; width: 100%; }
caption { text-align: left; }
thead th { color: var(--soft); font-size: 13px; font-weight: 500; text-align: left; padding: 0 0 8px 16px; vertical-align: bottom; }
tbody th, td { text-align: left; vertical-align: baseline; padding: 12px 0 12px 16px; border-top: 1px solid var(--line); font-weight: 400; overflow-wrap: anywhere; }
tr > :first-child { padding-left: 0; }
td.number, th.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; width: 84px; }
td.left-over { font-weight: 650; color: var(--look); }
.zero { color: var(--soft); }
.kind { font-weight: 550; }
.kind .turn { display: inline-block; width: 16px; color: var(--soft); }
button[aria-expanded="true"] .turn { transform: rotate(90deg) translate(2px, 3px); }
.kind-says { display: block; color: var(--soft); font-size: 14px; padding-left: 16px; }
tr.samples > td { border-top: 0; padding: 0 0 16px 16px; }
.samples ul, .names { list-style: none; margin: 0; padding: 0; }
.samples li { background: var(--hover); border-radius: 8px; padding: 10px 14px; margin-top: 6px; display: flex; flex-wrap: wrap; gap: 2px 18px; }
.samples .answer { flex-basis: 100%; margin-top: 4px; }
.quote { border-left: 3px solid var(--line); padding-left: 14px; display: block; }
.names { display: flex; flex-wrap: wrap; gap: 6px; margin-top: 16px; }
.names li { border: 1px solid var(--line); color: var(--soft); border-radius: 999px; padding: 1px 11px; font-size: 13px; }

progress { display: block; width: 100%; height: 10px; margin: 14px 0 10px; appearance: none; border: 0; border-radius: 999px; overflow: hidden; background: var(--line); }
progress::-webkit-progress-bar { background: var(--line); border-radius: 999px; }
progress::-webkit-progress-value { background: var(--mark); border-radius: 999px; }
progress::-moz-progress-bar { background: var(--mark); border-radius: 999px; }
.more { margin-top: 16px; }
.judged.yes { color: var(--yes); font-weight: 600; } .judged.look { color: var(--look); font-weight: 600; } .judged.no { color: var(--no); }
tr[aria-current] { background: var(--hover); }

.switch { display: inline-flex; border: 1px solid var(--line); border-radius: 9px; overflow: hidden; }
.switch button { border: 0; border-radius: 0; background: none; color: var(--soft); padding: 4px 12px; font-size: 13px; }
.switch button:focus-visible { outline-offset: -3px; }
.switch button[aria-pressed="true"] { background: var(--hover); color: var(--ink); font-weight: 600; }
.uplot { font-family: inherit; }
.u-legend { display: flex; flex-wrap: wrap; justify-content: flex-start; text-align: left; font-size: 13px; color: var(--soft); margin-top: 8px; }
.u-legend th, .u-legend td { padding: 2px 4px; border: 0; font-size: 13px; color: inherit; vertical-align: middle; }
.u-legend td { font-variant-numeric: tabular-nums; color: var(--ink); min-width: 3ch; }
.u-series { padding-right: 10px; }
.u-legend .u-marker { border-radius: 3px; width: 12px; height: 12px; }
.u-select { background: transparent; }

@media (max-width: 720px) {
  .top { padding: 14px 16px 8px; }
  main { padding: 4px 16px 64px; }
  main, #report, #plots { gap: 14px; }
  #plots .card { flex-basis: 100%; }
  .card, form { padding: 18px 16px; border-radius: 12px; }
  .verdict { grid-template-columns: 1fr; padding: 20px; }
  .verdict .sign { width: 44px; height: 44px; font-size: 22px; grid-row: auto; margin-bottom: 8px; }
  .verdict .word { font-size: 24px; } .verdict .says { font-size: 16px; } .verdict .meta { grid-column: 1; }
  .facts { grid-template-columns: 1fr 1fr; } .facts div { padding: 12px 16px; } .facts dd { font-size: 20px; }
  .facts div:last-child:nth-child(odd) { grid-column: 1 / -1; }
  /* Each row becomes a small card: its name over the whole width, its numbers below with their names. */
  table.stacks thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  table.stacks tr { display: grid; grid-template-columns: repeat(4, 1fr); border-top: 1px solid var(--line); padding: 10px 0; }
  table.stacks tbody th, table.stacks td { border: 0; padding: 2px 0; width: auto; }
  table.stacks tbody th, table.stacks tr.samples td, table.stacks td.whole { grid-column: 1 / -1; }
  table.stacks tr.samples { border: 0; padding-top: 0; }
  table.stacks td.number { text-align: left; }
  table.stacks td.number::before { content: attr(data-name); display: block; color: var(--soft); font-size: 12px; font-weight: 400; }
}
@media (prefers-reduced-motion: no-preference) { progress::-webkit-progress-value { transition: inline-size .4s; } }
`;
