// Traffic without a route of its own: endpoints that would be forgotten.

import { byId, count, el, percent, setText } from './dom.js';

let drawn = '';

/// Draws what `/api/unrouted` answered.
export function drawUnrouted({ total, default: route, suggestions, other }) {
  byId('unrouted').hidden = total === 0;
  const answered = route ? `only the default route (${route}) takes` : 'no route takes, and which are answered 404';
  setText(byId('unrouted-count'), `${count(total)} requests that ${answered}, since the proxy started`);
  const now = JSON.stringify([suggestions, other]);
  if (now === drawn) return;
  drawn = now;
  const rows = suggestions.map((suggestion) => el('tr', {},
    el('td', {}, el('code', {}, suggestion.path)),
    el('td', { 'data-label': 'methods' }, Object.entries(suggestion.methods).map(([method, n]) => `${method} ${count(n)}`).join(', ')),
    el('td', { class: 'number', 'data-label': 'requests' }, count(suggestion.count)),
    el('td', { class: 'number', 'data-label': 'share' }, percent(suggestion.count, total, 1))));
  if (other) rows.push(el('tr', {}, el('td', { class: 'quiet' }, 'other paths, too many to be told apart'), el('td'), el('td', { class: 'number' }, count(other)), el('td', { class: 'number' }, percent(other, total, 1))));
  byId('unrouted-body').replaceChildren(...rows);
}
