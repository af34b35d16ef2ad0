/* The data of the first charts: the page names them in its head, so that they come while the scripts are still on their
   way. Which charts they are of and how finely, the address says. */

/** @typedef {import("./line.js").Line} Line */
/** @typedef {import("./api.js").Window} Window */

export class FirstData {
  /** @param {string} address */
  constructor(address) {
    const query = new URL(address, "http://page").searchParams;
    this.address = address;
    /** @type {Window} */
    this.window = {
      axis: /** @type {import("./series.js").Axis} */ (query.get("x") ?? "step"),
      range: null,
      points: Number(query.get("points")),
    };
    this.request = { runs: (query.get("runs") ?? "").split(",").map(Number), metrics: query.getAll("name") };
    /** @type {Set<Line>} that have had theirs: the next time they want newer ones */
    this.taken = new Set();
  }

  /** Those that the page names, if it names any. */
  static ofPage() {
    const link = /** @type {HTMLLinkElement | null} */ (document.getElementById("first-charts"));
    return link && new FirstData(link.href);
  }

  /**
   * Whether what a line needs is here.
   * @param {Line} line
   * @param {Window} window
   */
  has(line, { axis, range, points }) {
    const { runs, metrics } = this.request;
    return (
      axis === this.window.axis &&
      range === null &&
      points <= this.window.points &&
      runs.includes(line.run.id) &&
      metrics.includes(line.metric) &&
      !this.taken.has(line)
    );
  }
}
