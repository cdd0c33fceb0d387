export const icon = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="8" fill="#2f6bd8"/><path d="M8 12h12m-4-4 4 4-4 4M24 20H12m4-4-4 4 4 4" fill="none" stroke="#fff" stroke-width="2.5" stroke-linecap="round" stroke-linejoin="round"/></svg>`;

/** The frame of the page; the scripts fill it. Addresses are relative, so that it also works behind a proxy that adds a path. */
export const page = `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Reconciliation</title>
<link rel="icon" href="console/icon.svg">
<link rel="stylesheet" href="console/plot.css">
<link rel="stylesheet" href="console/style.css">
<script type="module" src="console/locale.js"></script>
<script defer src="console/plot.js"></script>
<script type="module" src="console/main.js"></script>
</head>
<body>
<header class="top">
  <h1>Reconciliation <span id="tenant"></span></h1>
  <button type="button" class="quiet" id="leave" hidden>Leave</button>
</header>
<main>
  <form id="enter" hidden>
    <h2>Whose report?</h2>
    <label>Tenant <input name="tenant" required autocomplete="off" autocapitalize="none" spellcheck="false"></label>
    <label>Operator token <input name="token" type="password" required autocomplete="off"></label>
    <p class="soft">The token is <code>operations.token</code> of the configuration. It stays in this tab and goes nowhere but to this connector.</p>
    <button type="submit">Open</button>
  </form>
  <p id="problem" class="problem" role="alert" hidden></p>
  <section id="running" class="card" aria-label="The run at work" hidden></section>
  <div id="report" hidden></div>
  <section id="plots" aria-label="Over time" hidden></section>
  <section id="runs" class="card" aria-labelledby="runs-title" hidden></section>
</main>
<noscript><p class="problem">This page needs JavaScript. The same report is at <code>GET /api/{tenantId}/operations/runs</code> and on the terminal.</p></noscript>
</body>
</html>
`;
