// The table of routes: dials and numbers. Rows are kept and only their texts change, so that a
// refresh never takes a button from under the pointer.

import { api, byId, confirm, count, el, note, percent, setText } from './dom.js';

const MODES = ['legacy', 'shadow', 'modern'];
const STEPS = ['0%', '1%', '5%', '10%', '25%', '50%', '75%', '100%'];
const UNVERIFIED = ['candidate_error', 'candidate_timeout', 'dropped', 'skipped', 'undecodable', 'primary_error'];

const rows = new Map();
let etag = null;
let before = null;

export const routeNames = () => [...rows.keys()];

/// Eligible requests that ended without a verdict.
const unverified = (route) => UNVERIFIED.reduce((sum, outcome) => sum + route.outcomes[outcome], 0);

/// Draws what `/api/routes` answered.
export function drawRoutes({ content: routes, etag: tag }, show) {
  etag = tag;
  const table = byId('routes');
  for (const route of routes) {
    if (!rows.has(route.name)) rows.set(route.name, makeRow(route.name, show));
    const row = rows.get(route.name);
    table.append(...(row.tr.isConnected ? [] : [row.tr]));
    drawRow(row, route, rate(route));
  }
  for (const [name, row] of rows) {
    if (routes.some((route) => route.name === name)) continue;
    row.tr.remove();
    rows.delete(name);
  }
  before = { at: performance.now(), requests: new Map(routes.map((r) => [r.name, r.requests])) };
  drawTotals(routes);
}

/// Requests a second, smoothed over some refreshes.
function rate(route) {
  const row = rows.get(route.name);
  const last = before?.requests.get(route.name);
  if (last === undefined) return row.rate ?? null;
  const seconds = (performance.now() - before.at) / 1000;
  const now = Math.max(0, route.requests - last) / Math.max(seconds, 0.2);
  row.rate = row.rate == null ? now : row.rate * 0.6 + now * 0.4;
  return row.rate;
}

function makeRow(name, show) {
  const row = { name, where: el('div', { class: 'where' }) };
  row.modes = MODES.map((mode) =>
    el('button', { type: 'button', 'data-mode': mode, on: { click: () => changeMode(row, mode) } }, mode));
  row.share = el('select', { 'aria-label': `Share of clients of ${name} that modern answers`, on: { change: () => turn(row, { modern_share: row.share.value }) } });
  row.noShare = el('span', { class: 'quiet' });
  row.guard = el('small', { class: 'bad' });
  row.plan = el('small');
  row.release = el('button', { type: 'button', class: 'link', title: 'Let the dial stand as routes.toml says', on: { click: () => release(row) } }, 'release');
  row.requests = el('span');
  row.rateText = el('small');
  row.match = el('span', { class: 'match' });
  row.compared = el('small');
  row.parts = Object.fromEntries(['matched', 'different', 'unverified', 'pending'].map((part) => [part, el('i', { class: `o-${part}` })]));
  row.bar = el('div', { class: 'outcomes', role: 'img' }, ...Object.values(row.parts));
  row.uncovered = el('small');
  row.unverified = el('span');
  row.why = el('small');
  row.ready = el('span');
  row.obstacle = el('small', { class: 'obstacle' });
  row.open = el('button', { type: 'button', class: 'link', title: 'Show them below', on: { click: () => show(name) } });
  const cell = (label, ...content) => el('td', { 'data-label': label }, ...content);
  const numbers = (label, ...content) => el('td', { 'data-label': label, class: 'number' }, ...content);
  row.tr = el('tr', {},
    el('td', {}, el('div', { class: 'name' }, name), row.where),
    cell('Mode', el('div', { class: 'choice', role: 'group', 'aria-label': `Mode of ${name}` }, ...row.modes)),
    cell('Modern answers', row.share, row.noShare, row.plan, row.guard, row.release),
    numbers('Requests', row.requests, row.rateText),
    numbers('Match', row.match, row.compared),
    numbers('Unverified', row.unverified, row.why),
    el('td', {}, row.bar, row.uncovered),
    numbers('Open', row.open),
    cell('Ready', row.ready, row.obstacle));
  return row;
}

function drawRow(row, route, rate) {
  row.route = route;
  const methods = route.methods.join(' ') || 'any method';
  setText(row.where, `${methods} ${route.host ?? ''}${route.path || '(everything else)'}`);
  const lacking = { legacy: !route.legacy && 'legacy', shadow: (!route.legacy && 'legacy') || (!route.modern && 'modern'), modern: !route.modern && 'modern' };
  for (const button of row.modes) {
    const { mode } = button.dataset;
    button.setAttribute('aria-pressed', mode === route.mode);
    button.disabled = row.busy || Boolean(lacking[mode]);
    button.title = lacking[mode] ? `routes.toml names no ${lacking[mode]} upstream for this route` : '';
  }
  row.share.disabled = Boolean(row.busy);
  drawShare(row, route);
  drawPlan(row, route);
  drawGuard(row, route.guard);
  setText(row.requests, count(route.requests));
  setText(row.rateText, rate == null ? '' : `${rate < 9.95 ? rate.toFixed(1) : Math.round(rate)}/s`);
  drawVerdicts(row, route);
  setText(row.open, route.discrepancies == null ? '?' : count(route.discrepancies));
  row.open.classList.toggle('bad', route.discrepancies > 0);
  drawReadiness(row, route.readiness);
}

const LOOKS = { ready: 'good', not_ready: 'bad', unknown: 'quiet' };

/// The verdict with its first reason; the others are a pointer away.
function drawReadiness(row, { verdict, why }) {
  setText(row.ready, verdict.replace('_', ' '));
  row.ready.className = `match ${LOOKS[verdict]}`;
  // What is cut off at the end must not be how many there are.
  const first = why.length > 1 ? `1 of ${why.length}: ` : '';
  setText(row.obstacle, why.length ? first + why[0] : '');
  const all = why.join('\n');
  if (row.obstacle.title !== all) row.obstacle.title = all;
}

function drawShare(row, route) {
  const shadow = route.mode === 'shadow';
  row.share.hidden = !shadow;
  row.noShare.hidden = shadow;
  setText(row.noShare, route.mode === 'modern' ? 'every client' : 'nobody');
  if (!shadow || document.activeElement === row.share) return;
  const steps = STEPS.includes(route.modern_share) ? STEPS : [...STEPS, route.modern_share];
  if (row.share.options.length !== steps.length) row.share.replaceChildren(...steps.map((step) => el('option', {}, step)));
  row.share.value = route.modern_share;
}

/// The routes that move along, and where the dial goes by itself.
function drawPlan(row, { group, plan }) {
  const next = plan?.stopped ? 'plan stopped: turned down by hand' : plan?.next ? `plan: next ${plan.next}` : '';
  setText(row.plan, [group ? `group ${group}` : '', next].filter(Boolean).join(', '));
  const why = plan?.obstacle ?? '';
  if (row.plan.title !== why) row.plan.title = why;
}

/// A dial that the guard holds: until when, why, and whether the file says so too.
function drawGuard(row, { phase, until, why, not_in_file: obstacle }) {
  const held = phase !== 'watching';
  row.guard.hidden = row.release.hidden = !held;
  if (!held) return;
  const time = new Date(until).toLocaleTimeString();
  setText(row.guard, obstacle ? `held at 0%, not in routes.toml: ${obstacle}` : `held at 0% until ${time}`);
  if (row.guard.title !== why) row.guard.title = why;
}

/// What was compared, and next to it, in a colour of its own, what was not.
function drawVerdicts(row, route) {
  const { matched } = route.outcomes;
  const different = route.outcomes.different - route.noise;
  const [compared, missing] = [matched + different, unverified(route)];
  setText(row.match, percent(matched, compared));
  row.match.className = `match ${compared === 0 ? 'quiet' : different > 0 ? 'bad' : missing > 0 ? '' : 'good'}`;
  setText(row.compared, compared === 0 ? 'nothing compared' : `of ${count(compared)} compared`);
  const parts = { matched, different: route.outcomes.different, unverified: missing, pending: route.pending };
  for (const [part, n] of Object.entries(parts)) {
    row.parts[part].style.width = route.eligible ? `${Math.max((n / route.eligible) * 100, n ? 1.2 : 0)}%` : '0';
  }
  const label = Object.entries(parts).map(([part, n]) => `${part} ${count(n)}`).join(', ');
  row.bar.title = label;
  row.bar.setAttribute('aria-label', label);
  const passedOver = [];
  if (route.unsampled) passedOver.push(`${count(route.unsampled)} not sampled`);
  if (route.excluded) passedOver.push(`${count(route.excluded)} not mirrored by policy`);
  if (route.noise) passedOver.push(`${count(route.noise)} differ by noise alone`);
  if (route.fallbacks) passedOver.push(`${count(route.fallbacks)} fell back to legacy`);
  setText(row.uncovered, passedOver.join(', '));
  row.bar.hidden = route.eligible === 0;
  setText(row.unverified, missing === 0 ? (route.eligible ? '0' : '–') : `${count(missing)} · ${percent(missing, route.eligible, 1)}`);
  row.unverified.className = missing > 0 ? 'warn' : 'quiet';
  const reasons = UNVERIFIED.filter((outcome) => route.outcomes[outcome] > 0);
  setText(row.why, reasons.map((outcome) => `${outcome.replace('_', ' ')} ${count(route.outcomes[outcome])}`).join(', '));
}

function drawTotals(routes) {
  const sum = (of) => routes.reduce((total, route) => total + of(route), 0);
  const rates = [...rows.values()].reduce((total, row) => total + (row.rate ?? 0), 0);
  const missing = sum(unverified);
  const totals = [
    ['requests/s', rates.toFixed(rates < 9.95 ? 1 : 0), ''],
    ['verified', percent(sum((r) => r.outcomes.matched + r.outcomes.different), sum((r) => r.eligible - r.pending), 1), missing > 0 ? 'open' : ''],
    ['open discrepancies', count(sum((r) => r.discrepancies ?? 0)), sum((r) => r.discrepancies ?? 0) > 0 ? 'bad' : 'good'],
  ];
  const box = byId('totals');
  if (!box.children.length) box.append(...totals.map(([name]) => el('div', {}, el('dt', {}, name), el('dd'))));
  totals.forEach(([, value, look], i) => {
    setText(box.children[i].lastChild, value);
    box.children[i].lastChild.className = look;
  });
}

async function changeMode(row, mode) {
  if (row.route.mode === mode) return;
  const question = `${row.name}: modern will answer every client, and legacy is no longer asked or compared.`;
  if (mode === 'modern' && !(await confirm(question, 'Move to modern'))) return;
  await turn(row, { mode });
}

/// Edits the file through the API; the tag says which version of it was looked at.
async function turn(row, edit) {
  row.busy = true;
  for (const control of [...row.modes, row.share]) control.disabled = true;
  try {
    const { etag: tag } = await api('PATCH', `/api/routes/${encodeURIComponent(row.name)}`, edit, { 'If-Match': etag });
    etag = tag;
    note(`${row.name}: ${Object.entries(edit).map(([key, value]) => `${key.replace('_', ' ')} is ${value}`).join(', ')}`);
  } catch (error) {
    note(error.status === 412 ? `${row.name} is as it was: the routes changed a moment ago. Look again and repeat.` : `${row.name} is as it was: ${error.message}`);
  } finally {
    // The next refresh gives the controls back, with what the file says by then.
    row.busy = false;
    row.share.blur();
  }
}

/// Ends what the guard holds, by an operator's word.
async function release(row) {
  const question = `${row.name}: its dial will stand as routes.toml says, though the guard holds it: ${row.route.guard.why}`;
  if (!(await confirm(question, 'Release'))) return;
  try {
    await api('DELETE', `/api/routes/${encodeURIComponent(row.name)}/hold`);
    note(`${row.name}: released`);
  } catch (error) {
    note(`${row.name} is as it was: ${error.message}`);
  }
}

/// Every route to legacy, whatever else is going on.
export async function stop() {
  if (!(await confirm('Every route goes to legacy at once. Comparing stops.', 'All to legacy'))) return;
  try {
    const { content } = await api('POST', '/api/stop', {});
    if (content.not_in_file) note(`To legacy, though routes.toml still says otherwise: ${content.not_in_file}`);
    else note(content.changed.length ? `To legacy: ${content.changed.join(', ')}` : 'Every route was at legacy already.');
  } catch (error) {
    note(`Not stopped: ${error.message}`);
  }
}
