// JSON as it was written, line by line and side by side. JSON.parse would round numbers and lose
// duplicate keys, so values keep their text here.

const MAX_DEPTH = 200;
const TOKEN = /\s*(?:([{}[\],:])|("(?:[^"\\\u0000-\u001f]|\\.)*")|(-?[0-9][0-9.eE+-]*|true|false|null))/y;

/// A tree of `{text}` leaves and `{members: [[key, segment, node]], open, close}`, or null when
/// the text is no JSON.
export function parse(text) {
  TOKEN.lastIndex = 0;
  const next = () => {
    const match = TOKEN.exec(text);
    if (!match) throw new SyntaxError('no JSON');
    return match;
  };
  const value = (match, depth) => {
    if (depth > MAX_DEPTH) throw new SyntaxError('too deep');
    if (match[1] === '{' || match[1] === '[') return container(match[1], depth);
    if (match[1]) throw new SyntaxError('no JSON');
    return { text: match[2] ?? match[3] };
  };
  const container = (open, depth) => {
    const close = open === '{' ? '}' : ']';
    const members = [];
    let match = next();
    while (match[1] !== close) {
      let [key, segment] = ['', String(members.length)];
      if (open === '{') {
        if (!match[2] || next()[1] !== ':') throw new SyntaxError('no JSON');
        key = match[2];
        segment = JSON.parse(key).replaceAll('~', '~0').replaceAll('/', '~1');
        match = next();
      }
      members.push([key, segment, value(match, depth + 1)]);
      match = next();
      if (match[1] === ',') {
        match = next();
        if (match[1] === close) throw new SyntaxError('no JSON');
      } else if (match[1] !== close) throw new SyntaxError('no JSON');
    }
    return { members, open, close };
  };
  try {
    const tree = value(next(), 0);
    return /^\s*$/.test(text.slice(TOKEN.lastIndex)) ? tree : null;
  } catch {
    return null;
  }
}

/// Rows `{path, legacy, modern}` of two trees; a side that has nothing there is null. Objects are
/// unordered, so members meet by key, in the order of legacy.
export function align(legacy, modern) {
  const rows = [];
  both(legacy, modern, '', '', '', rows);
  return rows;
}

function both(legacy, modern, path, indent, key, rows) {
  const label = key ? `${indent}${key}: ` : indent;
  const same = legacy && modern && legacy.members && modern.members && legacy.open === modern.open;
  if (!same) {
    const [left, right] = [lines(legacy, path, indent, label), lines(modern, path, indent, label)];
    for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
      const row = left[i] ?? right[i];
      rows.push({ path: row.path, legacy: left[i]?.text ?? null, modern: right[i]?.text ?? null });
    }
    return;
  }
  rows.push({ path, legacy: label + legacy.open, modern: label + modern.open, frame: true });
  const rest = new Map();
  for (const [, segment, node] of modern.members) rest.set(segment, [...(rest.get(segment) ?? []), node]);
  for (const [name, segment, node] of legacy.members) {
    both(node, rest.get(segment)?.shift(), `${path}/${segment}`, `${indent}  `, name, rows);
  }
  for (const [name, segment] of modern.members) {
    const node = rest.get(segment)?.shift();
    if (node) both(undefined, node, `${path}/${segment}`, `${indent}  `, name, rows);
  }
  rows.push({ path, legacy: indent + legacy.close, modern: indent + modern.close, frame: true });
}

/// A tree as indented text.
export const pretty = (tree) => lines(tree, '', '', '').map((line) => line.text).join('\n');

/// The lines of one side alone.
function lines(node, path, indent, label) {
  if (!node) return [];
  if (!node.members) return [{ path, text: label + node.text }];
  if (!node.members.length) return [{ path, text: label + node.open + node.close }];
  const inner = node.members.flatMap(([key, segment, member]) => {
    const deeper = `${indent}  `;
    return lines(member, `${path}/${segment}`, deeper, key ? `${deeper}${key}: ` : deeper);
  });
  return [{ path, text: label + node.open }, ...inner, { path, text: indent + node.close }];
}
