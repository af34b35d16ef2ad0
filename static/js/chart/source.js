/* Where the charts' data come from. */

import { Series } from "./data.js";
import { unpack } from "./frame.js";

const KIND = "application/vnd.ai-manager.chart";

export class Source {
  constructor(address) {
    this.address = address;
  }

  /* Charts of several metrics in one request, by name: a series each, or {error}. `range` null is the whole run. */
  async fetch(names, axis, range, points, signal) {
    const query = new URLSearchParams({ x: axis, points });
    if (range) {
      query.set("min", range[0]);
      query.set("max", range[1]);
    }
    for (const name of names) query.append("name", name);
    const answer = await fetch(`${this.address}?${query}`, { signal, headers: { Accept: `${KIND}, application/json` } });
    if (!answer.ok) throw failure(answer.status);
    const { head, column } = unpack(await answer.arrayBuffer());
    return new Map(head.charts.map((chart) => [chart.name, chart.error ? chart : new Series(chart, column, range)]));
  }
}

/* A refusal lasts; a server that is away or busy may be asked again. */
function failure(status) {
  return Object.assign(new Error(`the server answered ${status}`), { lasts: status < 500 && status !== 429 });
}
