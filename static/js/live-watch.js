/* The runs that a page watches through its socket, and how far it has each: no gap and no repeat, whatever is on its way
   while the choice changes. A run's ids are 1, 2, 3, so that a gap can be seen. */

/** @typedef {import("./live-socket.js").Message} Message */
/** @typedef {import("./chart/series.js").LiveMetrics} LiveMetrics */

export class Watched {
  constructor() {
    /** @type {Map<number, number>} the last id that the page has, by run */
    this.lasts = new Map();
  }

  /**
   * Choose the runs anew; one that is watched already goes on from where it is. Says whether the choice is another one.
   * @param {Record<number, number>} runs the last id that the page has, by run
   */
  choose(runs) {
    const former = this.lasts;
    this.lasts = new Map(
      Object.entries(runs).map(([id, last]) => [Number(id), Math.max(last, former.get(Number(id)) ?? 0)]),
    );
    return this.lasts.size !== former.size || [...this.lasts.keys()].some((id) => !former.has(id));
  }

  /** What the server is asked for, null when there is nothing to watch. */
  get question() {
    return this.lasts.size ? JSON.stringify({ type: "watch", runs: Object.fromEntries(this.lasts) }) : null;
  }

  /**
   * What a message about a watched run means for the page, null when that is nothing.
   * @param {Message} message
   * @returns {Message | null}
   */
  take(message) {
    const last = this.lasts.get(Number(message.run_id));
    if (last === undefined) return null;
    if (message.type === "refused") {
      this.lasts.delete(Number(message.run_id));
      return message;
    }
    const news = message.type === "metrics" ? after(last, /** @type {any} */ (message)) : message;
    if (news?.last_id !== undefined) this.lasts.set(Number(message.run_id), news.last_id);
    return news;
  }
}

/**
 * A message without the points that the page has, null when it has all; a resync when some before them are missing.
 * @param {number} last
 * @param {Message & LiveMetrics} message
 * @returns {Message | null}
 */
export function after(last, message) {
  const columns = Object.entries(message.series);
  const first = Math.min(...columns.map(([, { ids }]) => ids[0]));
  if (message.last_id <= last) return null;
  if (first === last + 1) return message;
  if (first > last) return { type: "resync", run_id: message.run_id, last_id: message.last_id };
  const series = columns.map(([name, column]) => {
    const from = column.ids.findIndex((id) => id > last);
    const part = Object.entries(column).map(([key, values]) => [key, from < 0 ? [] : values.slice(from)]);
    return [name, Object.fromEntries(part)];
  });
  return { ...message, series: Object.fromEntries(series.filter(([, { ids }]) => ids.length)) };
}
