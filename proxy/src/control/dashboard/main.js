// The dashboard's heartbeat: every second it asks the control API and draws what changed.

import { drawData } from './data.js';
import { api, byId, el, setText } from './dom.js';
import { drawFindings, showRoute, startFindings } from './findings.js';
import { drawRoutes, routeNames, stop } from './routes.js';
import { drawRules } from './rules.js';
import { drawUnrouted } from './unrouted.js';

const EVERY = 1000;
let timer = null;
let running = false;
let again = false;
let seen = null;

/// Asks and draws. Only one refresh runs at a time; a wish for another one is remembered.
async function refresh() {
  if (running) {
    again = true;
    return;
  }
  running = true;
  clearTimeout(timer);
  try {
    const [routes, readiness, unrouted, data] = await Promise.all(['/api/routes', '/readyz', '/api/unrouted', '/api/reconciliation'].map((path) => api('GET', path)));
    drawRoutes(routes, (route) => showRoute(route, refresh));
    drawRules(routes.content);
    drawUnrouted(unrouted.content);
    drawData(data.content);
    drawWarnings(readiness.content);
    seen = Date.now();
    await drawFindings(routeNames(), refresh);
    drawLive();
  } catch (error) {
    drawLive(error);
  } finally {
    running = false;
    timer = setTimeout(refresh, again ? 0 : EVERY);
    again = false;
  }
}

/// Numbers that stand still must not look like numbers that are well.
function drawLive(error) {
  document.body.classList.toggle('stale', Boolean(error));
  const reason = error?.status ? error.message : 'no connection';
  const since = seen ? `; numbers are from ${new Date(seen).toLocaleTimeString()}` : '';
  setText(byId('live'), error ? reason + since : 'live');
  document.title = error ? 'Cutover (stale)' : 'Cutover';
}

function drawWarnings({ not_ready: notReady = [], warnings = [] }) {
  const lines = [...notReady, ...warnings];
  const box = byId('warnings');
  if ([...box.children].map((p) => p.textContent).join() === lines.join()) return;
  box.replaceChildren(...lines.map((line) => el('p', {}, line)));
}

const LEGEND = { matched: 'matched', different: 'different', unverified: 'not verified: failed, dropped, skipped, undecodable', pending: 'pending' };
byId('legend').append(...Object.entries(LEGEND).map(([part, text]) => el('span', {}, el('i', { class: `o-${part}` }), text)));
byId('stop').addEventListener('click', async () => { await stop(); refresh(); });
document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
startFindings(refresh);
refresh();
