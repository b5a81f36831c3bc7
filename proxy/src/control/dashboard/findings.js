// The list of findings: discrepancies, or exchanges that could not be compared.

import { ago, api, byId, count, el, setText } from './dom.js';
import { drawDetail } from './detail.js';

const PAGE = 50;
const STATES = ['open', 'regressed', 'allowed', 'fixed'];
const view = { what: 'discrepancies', sort: 'frequent', route: '', state: '', id: null, limit: PAGE, drawn: '' };

/// Sets up the controls; `changed` is called when something else is to be shown.
export function startFindings(changed) {
  readAddress();
  choice('what', { discrepancies: 'discrepancies', failures: 'not compared' }, changed);
  choice('order', { frequent: 'frequent', recent: 'recent' }, changed, 'sort');
  byId('filter').addEventListener('change', (event) => choose({ route: event.target.value, limit: PAGE }, changed));
  byId('state').append(el('option', { value: '' }, 'any state'), ...STATES.map((state) => el('option', { value: state }, state)));
  byId('state').addEventListener('change', (event) => choose({ state: event.target.value, limit: PAGE }, changed));
  byId('more').addEventListener('click', () => choose({ limit: view.limit + PAGE }, changed));
  window.addEventListener('hashchange', () => { readAddress(); changed(); });
}

/// Shows the discrepancies of one route.
export function showRoute(route, changed) {
  choose({ route, what: 'discrepancies', limit: PAGE }, changed);
  byId('list-title').scrollIntoView({ behavior: 'smooth', block: 'start' });
}

function choice(id, options, changed, key = id) {
  byId(id).append(...Object.entries(options).map(([value, label]) =>
    el('button', { type: 'button', 'data-value': value, on: { click: () => choose({ [key]: value, limit: PAGE }, changed) } }, label)));
}

function choose(change, changed) {
  Object.assign(view, change);
  const kept = Object.entries(view).filter(([key, value]) => ['what', 'sort', 'route', 'state', 'id'].includes(key) && value);
  // The address has the whole view, so that a finding can be sent to a colleague.
  history.replaceState(null, '', `#${new URLSearchParams(kept)}`);
  changed();
}

function readAddress() {
  const address = new URLSearchParams(location.hash.slice(1));
  if (['discrepancies', 'failures'].includes(address.get('what'))) view.what = address.get('what');
  if (['frequent', 'recent'].includes(address.get('sort'))) view.sort = address.get('sort');
  view.route = address.get('route') ?? '';
  view.state = STATES.includes(address.get('state')) ? address.get('state') : '';
  view.id = address.get('id');
}

/// Fetches and draws the list and the finding that is chosen.
export async function drawFindings(routes, changed) {
  drawControls(routes);
  const query = new URLSearchParams({ sort: view.sort, limit: Math.min(view.limit, 500) });
  if (view.route) query.set('route', view.route);
  if (view.state) query.set('state', view.state);
  const asked = view.what;
  const { content } = await api('GET', `/api/${asked}?${query}`);
  if (asked !== view.what) return;
  const findings = content[asked];
  drawList(findings, content.next, changed);
  if (!view.id && findings.length && matchMedia('(min-width: 1081px)').matches) view.id = findings[0].id;
  await drawChosen(findings, changed);
}

function drawControls(routes) {
  for (const [id, value] of [['what', view.what], ['order', view.sort]]) {
    for (const button of byId(id).children) button.setAttribute('aria-pressed', button.dataset.value === value);
  }
  const filter = byId('filter');
  const names = [...new Set([...routes, ...(view.route ? [view.route] : [])])];
  if (filter.options.length !== names.length + 1) {
    filter.replaceChildren(el('option', { value: '' }, 'all routes'), ...names.map((name) => el('option', { value: name }, name)));
  }
  filter.value = view.route;
  byId('state').value = view.state;
}

function drawList(findings, next, changed) {
  const list = byId('list');
  const rows = new Map([...list.children].map((row) => [row.dataset.id, row]));
  const wanted = findings.map((finding) => {
    const row = rows.get(finding.id) ?? makeItem(finding, changed);
    const button = row.firstChild;
    button.setAttribute('aria-current', finding.id === view.id);
    setText(button.querySelector('.count'), count(finding.count));
    setText(button.querySelector('.when'), ago(finding.last_seen));
    const state = button.querySelector('.state');
    setText(state, finding.state);
    state.className = `state ${finding.state}`;
    return row;
  });
  const moved = wanted.length !== list.children.length || wanted.some((row, i) => row !== list.children[i]);
  // While the keyboard is in the list, its order stays as it is.
  if (moved && !(list.contains(document.activeElement) && wanted.length === list.children.length)) list.replaceChildren(...wanted);
  byId('more').hidden = !next || view.limit >= 500;
  const nothing = view.what === 'failures' ? 'Every exchange could be compared.' : 'No difference was found.';
  const chosen = view.route || view.state ? 'Nothing that fits the filter.' : nothing;
  setText(byId('empty'), findings.length ? '' : chosen);
}

function makeItem(finding, changed) {
  const failure = finding.outcome !== 'different';
  const where = failure ? finding.outcome.replaceAll('_', ' ') : finding.path || '(whole body)';
  return el('li', { 'data-id': finding.id }, el('button', { type: 'button', on: { click: () => pick(finding.id, changed) } },
    el('span', { class: 'path' }, where),
    el('span', { class: 'count number' }),
    el('span', { class: 'what' },
      el('span', { class: failure ? 'kind failure' : 'kind' }, finding.kind.replaceAll('_', ' ')), ' ',
      el('span', { class: 'state' }), finding.imported && el('span', { class: 'state imported' }, 'imported'), ' ', finding.route,
      failure ? '' : ` · ${finding.explanation}`),
    el('span', { class: 'when number' })));
}

function pick(id, changed) {
  choose({ id }, changed);
  if (!matchMedia('(min-width: 1081px)').matches) byId('detail').scrollIntoView({ behavior: 'smooth' });
}

/// The finding is fetched again only when it was seen again.
async function drawChosen(findings, changed) {
  const listed = findings.find((finding) => finding.id === view.id);
  const state = `${view.id} ${listed?.count} ${listed?.state}`;
  if (state === view.drawn) return;
  if (!view.id) {
    drawDetail(null, changed);
  } else {
    const { content } = await api('GET', `/api/discrepancies/${encodeURIComponent(view.id)}`).catch((error) => {
      if (error.status !== 404) throw error;
      return { content: null };
    });
    drawDetail(content, changed);
  }
  view.drawn = state;
}
