/* Which runs the charts draw, as the address says: the first ones of the list (`drawn`), or exactly some (`runs`), without
   those whose eye is closed (`hide`). */

/** @typedef {object} Choice
 * @property {number} first how many of the first runs
 * @property {number[] | null} named exactly these instead
 * @property {number[]} hidden */

export const FIRST = 10;
export const MOST = 100;

/**
 * @param {URLSearchParams} query
 * @returns {Choice}
 */
export function choiceFrom(query) {
  const first = Number(query.get("drawn") || FIRST);
  const named = idsFrom(query.get("runs") ?? "");
  return {
    first: Number.isInteger(first) && first >= 0 ? Math.min(first, MOST) : FIRST,
    named: named.length ? named.slice(0, MOST) : null,
    hidden: idsFrom(query.get("hide") ?? ""),
  };
}

/**
 * The address's parameters; null takes one away.
 * @param {Choice} choice
 */
export function parametersOf({ first, named, hidden }) {
  return {
    drawn: first === FIRST ? null : first,
    runs: named?.join(",") ?? null,
    hide: hidden.join(",") || null,
  };
}

/**
 * `3,7-9` as numbers.
 * @param {string} text
 */
export function idsFrom(text) {
  return text.split(",").flatMap((part) => {
    const ends = /^\s*(-?\d+)(?:-(\d+))?\s*$/.exec(part);
    if (!ends) return [];
    const [start, end] = [Number(ends[1]), Number(ends[2] ?? ends[1])];
    return Array.from({ length: Math.min(Math.max(0, end - start + 1), 1000) }, (_, index) => start + index);
  });
}

/**
 * The ids of what is drawn, in their order.
 * @param {Choice} choice
 * @param {number[]} list the ids of the list's first runs
 */
export function drawnIds({ first, named, hidden }, list) {
  return (named ?? list.slice(0, first)).filter((id) => !hidden.includes(id));
}

/**
 * Close or open the eye of a run. Opening one more than can be drawn changes nothing.
 * @param {Choice} choice
 * @param {number[]} list the ids of the list's first runs
 * @param {number} id
 * @returns {Choice}
 */
export function toggled(choice, list, id) {
  const candidates = choice.named ?? list.slice(0, choice.first);
  if (!candidates.includes(id)) {
    const named = drawnIds(choice, list);
    return named.length < MOST ? { ...choice, named: [...named, id], hidden: [] } : choice;
  }
  const others = choice.hidden.filter((one) => one !== id && candidates.includes(one));
  return { ...choice, hidden: choice.hidden.includes(id) ? others : [...others, id] };
}

/**
 * @param {Choice} choice
 * @param {number} id
 * @returns {Choice}
 */
export function alone(choice, id) {
  return { ...choice, named: [id], hidden: [] };
}

/**
 * Whether this run is all that is drawn.
 * @param {Choice} choice
 * @param {number} id
 */
export function isAlone({ named }, id) {
  return named?.length === 1 && named[0] === id;
}
