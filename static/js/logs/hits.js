/* Where a text is found: the numbers of lines, gathered look by look from the end of the log to its beginning. */

const MOST = 200_000; // Numbers that are kept; a search that finds more ends there and says so.

/** @typedef {{lines: number[], first: number, last: number}} Look */

export class Hits {
  /**
   * @param {number} total lines when the search began
   */
  constructor(total) {
    /** @type {number[]} in order */
    this.lines = [];
    this.reached = total + 1; // What is below has not been looked at.
    this.last = total;
    /** @type {number | null} the line of the hit that one is at */
    this.here = null;
  }

  get done() {
    return this.reached <= 1 || this.lines.length >= MOST;
  }

  /** @param {Look} look that ended before what was reached */
  takeEarlier(look) {
    this.lines = [...look.lines, ...this.lines];
    this.reached = look.lines.length || look.first < this.reached ? look.first : 1;
  }

  /** @param {Look} look at what came since */
  takeLater(look) {
    this.lines = [...this.lines.filter((line) => line < look.first), ...look.lines];
    this.last = Math.max(this.last, look.last);
  }

  /**
   * The next hit from where one is, around the end.
   * @param {1 | -1} direction
   * @param {number} from a line
   * @returns {number | null}
   */
  step(direction, from) {
    if (!this.lines.length) return null;
    const before = countBelow(this.lines, from);
    const at = direction > 0 ? before + (this.lines[before] === from ? 1 : 0) : before - 1;
    this.here = this.lines[(at + this.lines.length) % this.lines.length] ?? null;
    return this.here;
  }

  /** `3 of 128`, with a `+` while there may be more. */
  get words() {
    const count = this.lines.length.toLocaleString("en");
    if (!this.lines.length) return this.done ? "No hits" : "Searching…";
    const all = this.done && this.reached <= 1 ? count : `${count}+`;
    if (this.here === null) return this.lines.length === 1 && this.done ? "1 hit" : `${all} hits`;
    return `${(countBelow(this.lines, this.here) + 1).toLocaleString("en")} of ${all}`;
  }
}

/**
 * How many of the sorted numbers are below one.
 * @param {number[]} sorted
 * @param {number} number
 */
export function countBelow(sorted, number) {
  let [low, high] = [0, sorted.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (/** @type {number} */ (sorted[middle]) < number) low = middle + 1;
    else high = middle;
  }
  return low;
}
