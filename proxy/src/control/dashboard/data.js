// What comparisons of both databases found, table by table.

import { ago, byId, count, el, setText } from './dom.js';

const SHOWN = 5;
let drawn = '';

/// Draws what `/api/reconciliation` answered.
export function drawData({ tables }) {
  byId('data').hidden = tables.length === 0;
  const differ = tables.filter((table) => table.verdict === 'different').length;
  const unsure = tables.filter((table) => table.verdict === 'not_verified').length;
  setText(byId('data-count'), `${count(tables.length)} tables were compared: ${count(differ)} differ, ${count(unsure)} are not verified`);
  const now = JSON.stringify(tables.map((table) => [table, ago(table.began_at)]));
  if (now === drawn) return;
  drawn = now;
  byId('data-body').replaceChildren(...tables.map((table) => {
    const more = table.ids.length > SHOWN ? ' …' : '';
    return el('tr', {},
      el('td', {}, el('code', {}, table.table)),
      el('td', {}, table.entity ?? ''),
      el('td', {}, table.verdict.replaceAll('_', ' ')),
      el('td', { class: 'number' }, count(table.compared)),
      el('td', { class: 'number' }, count(table.different)),
      el('td', { class: 'number' }, count(table.not_verified)),
      el('td', {}, table.ids.slice(0, SHOWN).join(', ') + more),
      el('td', { title: table.began_at }, ago(table.began_at)));
  }));
}
