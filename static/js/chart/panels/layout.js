/* How the cards of a page are laid out: what of it differs from the order in which the server sends them. A card is called
   after its first metric. */

/** `order`: by section the names that somebody moved; `size`: columns and rows; `cards`: those with several metrics.
 * @typedef {{pinned: string[], hidden: string[], order: Record<string, string[]>, size: Record<string, [number, number]>,
 *   cards: {metrics: string[]}[]}} Layout */

export const MOST_COLUMNS = 4;
export const MOST_ROWS = 3;

/** @returns {Layout} */
export function plain() {
  return { pinned: [], hidden: [], order: {}, size: {}, cards: [] };
}

/**
 * A layout that was kept somewhere; what of it makes no sense is left out.
 * @param {string | null | undefined} text JSON
 * @returns {Layout}
 */
export function layoutFrom(text) {
  const layout = plain();
  const kept = parsed(text);
  layout.pinned = namesIn(kept.pinned);
  layout.hidden = namesIn(kept.hidden);
  for (const [section, names] of Object.entries(kept.order ?? {})) layout.order[section] = namesIn(names);
  for (const [name, size] of Object.entries(kept.size ?? {})) {
    if (Array.isArray(size)) layout.size[name] = fitting(Number(size[0]) || 1, Number(size[1]) || 1);
  }
  for (const card of Array.isArray(kept.cards) ? kept.cards : []) {
    const metrics = namesIn(card?.metrics);
    if (metrics.length > 1) layout.cards.push({ metrics });
  }
  return layout;
}

/** @param {string | null | undefined} text */
function parsed(text) {
  try {
    const kept = JSON.parse(text || "{}");
    return kept && typeof kept === "object" ? kept : {};
  } catch {
    return {};
  }
}

/**
 * @param {unknown} list
 * @returns {string[]}
 */
function namesIn(list) {
  return Array.isArray(list) ? [...new Set(list.filter((name) => typeof name === "string"))] : [];
}

/**
 * @param {number} columns
 * @param {number} rows
 * @returns {[number, number]}
 */
export function fitting(columns, rows) {
  const within = (/** @type {number} */ value, /** @type {number} */ most) =>
    Math.min(Math.max(1, Math.round(value)), most);
  return [within(columns, MOST_COLUMNS), within(rows, MOST_ROWS)];
}

/** @param {Layout} layout */
export function isPlain(layout) {
  return JSON.stringify(layout) === JSON.stringify(plain());
}

/**
 * @param {Layout} layout
 * @param {string} name
 * @param {boolean} on
 * @returns {Layout}
 */
export function pinned(layout, name, on) {
  return { ...layout, pinned: [...without(layout.pinned, name), ...(on ? [name] : [])] };
}

/**
 * @param {Layout} layout
 * @param {string} name
 * @param {boolean} on
 * @returns {Layout}
 */
export function hidden(layout, name, on) {
  return { ...layout, hidden: [...without(layout.hidden, name), ...(on ? [name] : [])] };
}

/**
 * @param {Layout} layout
 * @param {string} name
 * @param {number} columns
 * @param {number} rows
 * @returns {Layout}
 */
export function sized(layout, name, columns, rows) {
  const { [name]: _, ...others } = layout.size;
  const size = fitting(columns, rows);
  return { ...layout, size: size[0] === 1 && size[1] === 1 ? others : { ...others, [name]: size } };
}

/**
 * A card before another one of its section, or at the end; of pinned cards too.
 * @param {Layout} layout
 * @param {string | null} section null is that of the pinned ones
 * @param {string[]} names of the section as they stand
 * @param {string} name
 * @param {string | null} before
 * @returns {Layout}
 */
export function moved(layout, section, names, name, before) {
  const others = without(names, name);
  const at = before === null ? others.length : others.indexOf(before);
  const order = [...others.slice(0, at), name, ...others.slice(at)];
  return section === null ? { ...layout, pinned: order } : { ...layout, order: { ...layout.order, [section]: order } };
}

/**
 * The metrics of a card in another one.
 * @param {Layout} layout
 * @param {string} into
 * @param {string} name
 * @returns {Layout}
 */
export function combined(layout, into, name) {
  const metrics = [...new Set([...metricsOf(layout, into), ...metricsOf(layout, name)])];
  const cards = layout.cards.filter(({ metrics: [first] }) => first !== into && first !== name);
  return { ...pinned(layout, name, false), cards: [...cards, { metrics }] };
}

/**
 * A metric out of its card; the card out of all but its first.
 * @param {Layout} layout
 * @param {string} name
 * @returns {Layout}
 */
export function separated(layout, name) {
  return { ...layout, cards: layout.cards.filter(({ metrics: [first] }) => first !== name) };
}

/**
 * @param {Layout} layout
 * @param {string} name of a card
 */
export function metricsOf({ cards }, name) {
  return cards.find(({ metrics: [first] }) => first === name)?.metrics ?? [name];
}

/**
 * The names of cards that have no place of their own: hidden, or their metric is in another card.
 * @param {Layout} layout
 */
export function gone({ hidden, cards }) {
  return new Set([...hidden, ...cards.flatMap(({ metrics }) => metrics.slice(1))]);
}

/**
 * The section that a card belongs to when it is not pinned, as aimanager/web/cards.py has it.
 * @param {string} name
 */
export function sectionOf(name) {
  const end = name.lastIndexOf("/");
  return end < 0 || end === name.length - 1 ? "" : name.slice(0, end);
}

/**
 * Metrics that are called alike in other sections: `val/loss` for `train/loss`.
 * @param {string} name
 * @param {string[]} all
 */
export function alike(name, all) {
  const last = name.slice(name.lastIndexOf("/") + 1);
  return name.includes("/") ? all.filter((other) => other !== name && other.endsWith(`/${last}`)) : [];
}

/**
 * Names in the order of a layout, the others as they came and behind them.
 * @param {string[]} names
 * @param {string[]} [order]
 */
export function ordered(names, order = []) {
  const place = (/** @type {string} */ name) => (order.includes(name) ? order.indexOf(name) : order.length);
  return [...names].sort((a, b) => place(a) - place(b));
}

/**
 * @param {string[]} names
 * @param {string} name
 */
function without(names, name) {
  return names.filter((other) => other !== name);
}
