/* What a chart knows of its metric: columns from the server, and the live points that came after them. */

import { number } from "./format.js";

export class Series {
  /* `lastId`: every point up to this id is in the columns. `range`: the stretch of x that was asked for, or null. */
  constructor(chart, axis, lastId, range = null) {
    Object.assign(this, chart, { axis, lastId, range });
    this.min = chart.exact ? this.last : chart.min;
    this.max = chart.exact ? this.last : chart.max;
    this.fresh = 0;
    this.outOfOrder = false;
  }

  /* Take in the columns of a live message and say how many points were new. */
  append(live) {
    let taken = 0;
    const origin = this.origin ?? live.timestamps[0] * 1000;
    for (let i = 0; i < live.ids.length; i++) {
      if (live.ids[i] <= this.lastId) continue;
      this.lastId = live.ids[i];
      const milliseconds = live.timestamps[i] * 1000;
      const x = { step: live.steps[i], time: milliseconds, relative: (milliseconds - origin) / 1000 }[this.axis];
      if (this.range && (x < this.range[0] || x > this.range[1])) continue;
      if (this.x.length && x < this.x[this.x.length - 1]) this.outOfOrder = true;
      this.push(x, number(live.values[i]), live.steps[i], milliseconds);
      taken += 1;
    }
    this.total += taken;
    this.fresh += taken;
    return taken;
  }

  /* Where relative time begins, in milliseconds: the run's first point, read off any point that is known. */
  get origin() {
    return this.axis === "relative" && this.x.length ? this.times[0] - this.x[0] * 1000 : null;
  }

  push(x, value, step, time) {
    const finite = Number.isFinite(value);
    if (!finite) {
      this.bad_x.push(x);
      this.bad.push(String(value));
    }
    this.x.push(x);
    if (!this.from.length) this.from.push(x);
    this.last.push(finite ? value : null);
    if (!this.exact) {
      this.min.push(finite ? value : null);
      this.max.push(finite ? value : null);
    }
    this.steps.push(step);
    this.times.push(time);
  }

  /* The points within a range and one on either side, so that the line goes on to the edges. Only if all are here. */
  within([low, high]) {
    let from = this.x.findIndex((x) => x >= low);
    if (from < 0) from = this.x.length;
    let to = from;
    while (to < this.x.length && this.x[to] <= high) to += 1;
    const inside = to - from;
    [from, to] = [Math.max(0, from - 1), to + 1];
    const cut = { name: this.name, exact: true, total: inside, from: [low], bad_x: [], bad: [] };
    for (const column of ["x", "last", "steps", "times"]) cut[column] = this[column].slice(from, to);
    this.bad_x.forEach((x, i) => {
      if (x < low || x > high) return;
      cut.bad_x.push(x);
      cut.bad.push(this.bad[i]);
    });
    return new Series(cut, this.axis, this.lastId, [low, high]);
  }

  /* Whether the server should draw it anew: the tail is long, or points came that belong in the middle. */
  get worn() {
    return this.outOfOrder || this.fresh > 1500;
  }
}

export class Source {
  constructor(address) {
    this.address = address;
  }

  /* Charts of several metrics in one request; `view` is {axis, range}. */
  async fetch(names, view, points, signal) {
    const query = new URLSearchParams({ x: view.axis, points });
    for (const name of names) query.append("name", name);
    if (view.range) {
      query.set("min", view.range[0]);
      query.set("max", view.range[1]);
    }
    const answer = await fetch(`${this.address}?${query}`, { signal, headers: { Accept: "application/json" } });
    if (!answer.ok) throw Object.assign(new Error(`the server answered ${answer.status}`), { status: answer.status });
    const body = await answer.json();
    return body.charts.map((chart) => new Series(chart, view.axis, body.last_id, view.range));
  }
}
