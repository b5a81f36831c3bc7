// One finding: its samples, both answers side by side, and what differs.

import { ago, api, byId, count, el, note, setText } from './dom.js';
import { align, parse, pretty } from './json.js';

/// Equal rows around a difference that stay in sight.
const CONTEXT = 4;
const shown = { id: null, request: null, open: new Set() };

/// Draws a finding. The sample in sight stays while the finding's numbers change.
export function drawDetail(finding, changed) {
  const box = byId('detail');
  if (!finding) {
    box.replaceChildren(el('p', { class: 'quiet' }, 'Choose a finding to see both sides.'));
    shown.id = null;
    return;
  }
  const again = shown.id === finding.id;
  if (again && finding.samples.some((s) => s.exchange.request_id === shown.request)) {
    setText(box.querySelector('.facts'), facts(finding));
    box.querySelector('.advice').replaceWith(advice(finding));
    box.querySelector('.decisions').replaceWith(decisions(finding, changed));
    box.querySelector('.behind').replaceWith(rows(finding, changed));
    return;
  }
  if (!again) shown.open.clear();
  shown.id = finding.id;
  const body = el('div');
  const failure = finding.outcome !== 'different';
  const tabs = finding.samples.map((sample) =>
    el('button', { type: 'button', title: sample.exchange.at, on: { click: () => choose(sample) } }, sample.smallest ? 'smallest' : ago(sample.exchange.at)));
  const choose = (sample) => {
    shown.request = sample.exchange.request_id;
    tabs.forEach((tab, i) => tab.setAttribute('aria-pressed', finding.samples[i] === sample));
    body.replaceChildren(...drawSample(sample));
  };
  box.replaceChildren(
    el('div', { class: 'title' },
      el('span', { class: failure ? 'kind failure' : 'kind' }, finding.kind.replaceAll('_', ' ')),
      el('code', {}, failure ? finding.outcome.replaceAll('_', ' ') : finding.path || '(whole body)'),
      el('span', { class: 'quiet' }, finding.route)),
    el('p', { class: 'facts' }, facts(finding)),
    advice(finding),
    decisions(finding, changed),
    rows(finding, changed),
    el('div', { class: 'samples' }, el('h3', {}, tabs.length ? 'Samples' : 'No samples are kept'), el('div', { class: 'choice' }, ...tabs)),
    body);
  if (finding.samples.length) choose(finding.samples[0]);
}

/// How often the primary differs from itself there, if it was ever asked twice.
function noise(rate) {
  if (!rate?.checked) return '';
  const share = (part) => `${(100 * part).toFixed(1)} %`;
  return ` Verdict: ${rate.verdict.replaceAll('_', ' ')}; asked twice, the primary differs from itself here in ${share(rate.rate)} (${share(rate.low)} to ${share(rate.high)}) of ${count(rate.checked)}.`;
}

function facts(finding) {
  const times = finding.count === 1 ? 'one exchange' : `${count(finding.count)} exchanges`;
  const here = finding.count ? `Seen in ${times}, first` : 'Imported and not seen here; elsewhere first';
  return `${finding.explanation}. ${here} ${ago(finding.first_seen)}, last ${ago(finding.last_seen)}. State: ${finding.state}.${noise(finding.noise)}`;
}

/// What the samples have in common, and the rule that would allow it.
function advice({ pattern, allowing_rule: allowing }) {
  return el('div', { class: 'advice' },
    pattern && el('p', {}, `In all samples: ${pattern}.`),
    allowing && el('p', { class: 'quiet' }, allowing.of ? `This rule hides it in ${allowing.hides} of ${allowing.of} samples; put it into the route's rules, with your name:` : 'This rule would allow it; its samples can\'t tell:'),
    allowing && el('pre', {}, allowing.rule));
}

/// Whether a row behind it drifted; nothing where nobody is asked for rows.
function rows(finding, changed) {
  const found = finding.rows;
  return el('div', { class: 'behind decisions' },
    found && el('span', { class: 'state', title: `compared ${found.checked_at}` }, found.explanation),
    found && el('button', { type: 'button', title: 'The rows that the samples name are compared on both sides now', on: { click: () => compareRows(finding, changed) } }, 'Compare rows'));
}

async function compareRows(finding, changed) {
  try {
    const { content } = await api('POST', `/api/discrepancies/${encodeURIComponent(finding.id)}/rows`, {});
    note(content.explanation);
  } catch (error) {
    note(`The rows were not compared: ${error.message}`);
  }
  changed();
}

/// What an operator may say of it.
function decisions(finding, changed) {
  const to = (state, label, title) => el('button', { type: 'button', title, on: { click: () => decide(finding, state, changed) } }, label);
  const choices = {
    open: [to('fixed', 'Mark as fixed', 'When it is seen again, it is regressed')],
    regressed: [to('fixed', 'Mark as fixed again', 'When it is seen again, it is regressed')],
    fixed: [to('open', 'Open again', 'It counts against the route again')],
  };
  return el('div', { class: 'decisions' }, el('span', { class: `state ${finding.state}` }, finding.state), ...(choices[finding.state] ?? []),
    finding.outcome === 'different' && el('a', { class: 'export', href: `/api/discrepancies/${encodeURIComponent(finding.id)}/export`, download: '', title: `A redacted file that cutover verify runs as a test; also: cutover findings export ${finding.id}` }, 'Export as a test'));
}

async function decide(finding, state, changed) {
  try {
    await api('PATCH', `/api/discrepancies/${encodeURIComponent(finding.id)}`, { state });
    note(`${finding.path || finding.kind} is ${state}`);
  } catch (error) {
    note(`Nothing was decided: ${error.message}`);
  }
  changed();
}

function drawSample({ path, exchange }) {
  const { request, legacy, modern } = exchange;
  const places = exchange.discrepancies.map((d) => d.path);
  return [
    el('div', { class: 'exchange' },
      el('code', { class: 'target' }, `${request.method} ${request.target}`),
      el('span', { class: 'quiet' }, `${exchange.answered_by} answered the client · request ${exchange.request_id}`)),
    exchange.discrepancies.length ? drawFound(exchange, path) : null,
    drawBodies(legacy, modern, places, path),
    fold('headers', 'Headers of the answers', () => drawHeaders(legacy, modern, places)),
    fold('request', 'Request', () => drawRequest(request)),
  ].filter(Boolean);
}

function fold(name, title, content) {
  const details = el('details', { open: shown.open.has(name) }, el('summary', {}, title), content());
  details.addEventListener('toggle', () => shown.open[details.open ? 'add' : 'delete'](name));
  return details;
}

/// Every difference of the exchange, the chosen one marked.
function drawFound({ discrepancies, unreported }, path) {
  const rows = discrepancies.map((d) => el('tr', { class: d.path === path && 'this' },
    el('td', {}, d.path || '(whole body)'), el('td', {}, d.legacy ?? '(nothing)'), el('td', {}, d.modern ?? '(nothing)')));
  if (unreported) rows.push(el('tr', {}, el('td', { colspan: 3 }, `and ${count(unreported)} more`)));
  return el('table', { class: 'found' }, head('Difference at', 'Legacy', 'Modern'), el('tbody', {}, ...rows));
}

const head = (...titles) => el('thead', {}, el('tr', {}, ...titles.map((title) => el('th', { scope: 'col' }, title))));

function drawBodies(legacy, modern, places, path) {
  const [left, right] = [legacy?.body, modern?.body];
  const trees = [left, right].map((body) => (body?.text == null ? null : parse(body.text)));
  const structured = Boolean(trees[0] && trees[1]);
  const texts = [left, right].map((body, i) => (trees[i] ? pretty(trees[i]) : body?.text));
  const rows = structured ? align(...trees) : byLine(...texts);
  if (legacy && modern) mark(rows, places, path, structured);
  const notes = [left, right].map((body) => body?.note);
  return el('table', { class: 'diff' },
    el('thead', {}, el('tr', {}, title('Legacy', legacy), title('Modern', modern))),
    el('tbody', {},
      ...withFolds(rows),
      notes.some(Boolean) ? el('tr', {}, ...notes.map((note) => el('td', { class: 'quiet' }, note ?? ''))) : null));
}

function title(side, answer) {
  if (!answer) return el('th', { scope: 'col' }, side, ' · no answer');
  return el('th', { scope: 'col' }, `${side} `, el('span', { class: 'status' }, answer.status), ` · ${answer.took_ms.toFixed(1)} ms · ${count(answer.body.bytes)} bytes`);
}

function byLine(left, right) {
  const sides = [left, right].map((text) => (text == null ? [] : text.split('\n')));
  const length = Math.max(...sides.map((lines) => lines.length));
  return Array.from({ length }, (_, i) => ({ path: null, legacy: sides[0][i] ?? null, modern: sides[1][i] ?? null }));
}

/// Says of each row whether a discrepancy is there, and whether it is the chosen one.
function mark(rows, places, path, structured) {
  const within = (row, place) => row.path === place || row.path?.startsWith(`${place}/`);
  const json = places.filter((place) => place.startsWith('/') || place === '');
  for (const row of rows) {
    const differs = row.legacy !== row.modern;
    if (!structured) {
      row.look = differs ? 'found-here' : '';
    } else if (differs || !row.frame) {
      if ((path.startsWith('/') || path === '') && within(row, path) && (differs || row.path === path)) row.look = 'this';
      else if (json.some((place) => within(row, place)) && differs) row.look = 'found-here';
      else if (differs) row.look = 'ignored';
    }
    row.keep = differs || row.look === 'this';
  }
}

/// The rows of a table; long runs of equal rows are folded.
function withFolds(rows) {
  const near = rows.map((_, i) => rows.slice(Math.max(0, i - CONTEXT), i + CONTEXT + 1).some((row) => row.keep));
  const drawn = [];
  for (let i = 0; i < rows.length; i += 1) {
    let end = i;
    while (end < rows.length && !near[end]) end += 1;
    if (end - i <= 2) {
      drawn.push(drawRow(rows[i]));
    } else {
      drawn.push(drawFold(rows.slice(i, end)));
      i = end - 1;
    }
  }
  return drawn;
}

function drawFold(rows) {
  const fold = el('tr', { class: 'fold' }, el('td', { colspan: 2 }, el('button', {
    type: 'button', on: { click: () => fold.replaceWith(...rows.map(drawRow)) },
  }, `${count(rows.length)} equal lines`)));
  return fold;
}

function drawRow(row) {
  const hint = row.look === 'ignored' ? 'written differently, equal under the rules' : null;
  const side = (text) => el('td', { class: text == null && 'nothing', title: hint }, text ?? '');
  return el('tr', { class: row.look || null }, side(row.legacy), side(row.modern));
}

function drawHeaders(legacy, modern, places) {
  const value = (answer, name) => answer?.headers.filter(([n]) => n === name).map(([, v]) => v).join(', ');
  const names = [...new Set([...(legacy?.headers ?? []), ...(modern?.headers ?? [])].map(([name]) => name))].sort();
  const rows = names.map((name) => el('tr', { class: places.includes(`headers/${name}`) && 'this' },
    el('td', {}, name), el('td', {}, value(legacy, name) || '(nothing)'), el('td', {}, value(modern, name) || '(nothing)')));
  return el('table', { class: 'found' }, head('Header', 'Legacy', 'Modern'), el('tbody', {}, ...rows));
}

function drawRequest({ headers, body, method, target }) {
  const lines = [`${method} ${target}`, ...headers.map(([name, value]) => `${name}: ${value}`), ''];
  return el('pre', {}, [...lines, body.text ?? '', body.note ? `(${body.note})` : ''].join('\n').trimEnd());
}
