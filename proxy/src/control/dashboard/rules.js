// The rules of comparison: who answers for them, and what they hide.

import { byId, count, el, setText } from './dom.js';

let drawn = '';

/// Draws the rules of all routes; one for all routes is one line, with the hits of all.
export function drawRules(routes) {
  const lines = new Map();
  for (const route of routes) {
    for (const rule of route.rules) {
      const key = rule.scope === 'global' ? rule.name : `${route.name} ${rule.name}`;
      const line = lines.get(key) ?? { ...rule, hits: 0, where: rule.scope === 'global' ? 'all routes' : route.name };
      line.hits += rule.hits;
      lines.set(key, line);
    }
  }
  // Ids hide nothing by themselves, so they stand behind what does.
  const sorted = [...lines.values()].sort((a, b) => declares(a) - declares(b));
  byId('rules').hidden = lines.size === 0;
  setText(byId('rules-count'), summary(sorted));
  const now = JSON.stringify(sorted);
  if (now === drawn) return;
  drawn = now;
  byId('rules-body').replaceChildren(...sorted.map(drawRule));
}

const declares = (rule) => rule.name.startsWith('id ');
const neverHit = (rule) => !declares(rule) && !rule.expired && rule.hits === 0;

/// What can be known with the table folded.
function summary(rules) {
  const of = (part) => rules.filter(part).length;
  const [ids, expired, idle] = [of(declares), of((rule) => rule.expired), of(neverHit)];
  const parts = [`${count(rules.length - ids)} that may hide differences`, ids && `${count(ids)} that declare ids`, expired && `${count(expired)} expired`, idle && `${count(idle)} never hit`];
  return parts.filter(Boolean).join(' · ');
}

function drawRule(rule) {
  const marks = [rule.expired && ['bad', 'expired'], neverHit(rule) && ['open', 'never hit']].filter(Boolean);
  const cell = (label, text) => (text == null ? el('td', { class: 'quiet' }) : el('td', { 'data-label': label }, text));
  return el('tr', { class: (rule.expired && 'expired') || (declares(rule) && 'declared') },
    el('td', {}, el('code', {}, rule.name.replace(/ \(global\)$/, ''))),
    cell('for', rule.where),
    cell('by', rule.author),
    cell('because', rule.reason),
    cell('until', rule.expires),
    el('td', declares(rule) ? {} : { class: 'number', 'data-label': 'hits' }, declares(rule) ? '' : count(rule.hits)),
    el('td', {}, ...marks.map(([look, text]) => el('span', { class: look }, text))));
}
