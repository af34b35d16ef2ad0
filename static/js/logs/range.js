/* What part of a run's lines is on the page, and where in the whole it stands: pure, for the window that shows it. */

export const BLOCK = 200; // Lines that are fetched at once.
export const MOST = 8 * BLOCK; // Lines in the page; those at the far end leave it.
export const LINE = 18; // Pixels, where no line is broken.
const TALLEST = 8_000_000; // Pixels: browsers draw no taller element.

/**
 * How tall a line is outside of what is on the page; less than in it where there are very many.
 * @param {number} total
 */
export function estimate(total) {
  return Math.min(LINE, TALLEST / Math.max(total, 1));
}

/**
 * The heights that stand for the lines above and below.
 * @param {{first: number, last: number, total: number}} range
 */
export function spaces({ first, last, total }) {
  const each = estimate(total);
  return { above: Math.max(0, first - 1) * each, below: Math.max(0, total - last) * each };
}

/**
 * What a place of the scroll bar asks for: nothing, the lines next to those on the page, or the line to begin with anew.
 * @param {{top: number, height: number, start: number, end: number}} view pixels: where one looks, and from where to where there
 *   are lines
 * @param {{first: number, last: number, total: number}} range
 * @returns {null | "before" | "after" | number}
 */
export function wanted({ top, height, start, end }, range) {
  const each = estimate(range.total);
  if (range.first > 1 && top + height < start) return Math.max(1, Math.floor(top / each) + 1);
  if (range.last < range.total && top > end) {
    return Math.min(range.total, range.last + Math.ceil((top + height - end) / each));
  }
  if (range.first > 1 && top - start < height) return "before";
  if (range.last < range.total && end - (top + height) < height) return "after";
  return null;
}

/** The line that an address names, `#L120`.
 * @param {string} hash
 * @returns {number | null} */
export function lineOf(hash) {
  const found = /^#L(\d{1,15})$/.exec(hash);
  return found && Number(found[1]) > 0 ? Number(found[1]) : null;
}
