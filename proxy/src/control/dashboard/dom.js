// Building the page. Everything that comes from outside goes through here, as text and never as
// markup: bodies are written by clients and candidates.

/// An element with attributes and children; strings become text nodes.
export function el(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'on') for (const [event, listener] of Object.entries(value)) node.addEventListener(event, listener);
    else if (value === true) node.setAttribute(name, '');
    else if (value !== false && value != null) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child != null && child !== false));
  return node;
}

/// Sets a text only where it differs, so that selections and screen readers are left in peace.
export function setText(node, text) {
  if (node.textContent !== String(text)) node.textContent = text;
}

export const byId = (id) => document.getElementById(id);

/// Shows a line for a while.
export function note(text) {
  const line = el('p', {}, text);
  byId('notes').append(line);
  setTimeout(() => line.remove(), 8000);
}

/// Asks before something that clients will notice.
export function confirm(question, yes) {
  const dialog = byId('confirm');
  setText(byId('question'), question);
  setText(byId('yes'), yes);
  dialog.returnValue = 'no';
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => resolve(dialog.returnValue === 'yes'), { once: true });
  });
}

/// A request to the control API; an error is one sentence, with every problem.
export async function api(method, path, body, headers = {}) {
  const json = method === 'GET' ? {} : { 'Content-Type': 'application/json' };
  const answer = await fetch(path, {
    method,
    headers: { ...json, ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(10_000),
  });
  const content = await answer.json().catch(() => ({}));
  if (!answer.ok && path !== '/readyz') {
    const error = content.error ?? { message: `${path} answered ${answer.status}` };
    const problems = (error.problems ?? []).map((p) => (p.line ? `line ${p.line}: ${p.message}` : p.message));
    throw Object.assign(new Error([error.message, ...problems].join('\n')), { status: answer.status });
  }
  return { content, etag: answer.headers.get('etag') };
}

const number = new Intl.NumberFormat('en-US');
export const count = (n) => number.format(n);

/// A share as a percentage. It is rounded down: 99.999 % is not 100 %.
export function percent(part, whole, digits = 2) {
  if (!whole) return '–';
  const scale = 10 ** digits;
  return `${(Math.floor((part / whole) * 100 * scale) / scale).toFixed(part === whole ? 0 : digits)} %`;
}

/// How long ago, in the largest unit that fits.
export function ago(time) {
  const seconds = Math.max(0, (Date.now() - Date.parse(time)) / 1000);
  for (const [unit, length] of [['d', 86400], ['h', 3600], ['min', 60]]) {
    if (seconds >= length) return `${Math.floor(seconds / length)} ${unit} ago`;
  }
  return seconds < 2 ? 'now' : `${Math.floor(seconds)} s ago`;
}
