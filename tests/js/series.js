import { Series } from "../../static/js/chart/series.js";

/**
 * A series with a point of each value at the steps 0, 1, 2, as if it had come from the server.
 * @param {number[]} values
 * @param {Partial<import("../../static/js/chart/series.js").ChartHead>} fields
 */
export function seriesOf(values, fields = {}) {
  const steps = values.map((_, i) => i);
  const times = steps.map((step) => 1000 + step);
  const axis = fields.x_axis ?? "step";
  const x = axis === "time" ? times : steps;
  /** @type {Record<string, number[]>} */
  const columns = { x, last: values, min: values, max: values, counts: values.map(() => 1), steps, times };
  const exact = fields.exact ?? true;
  const names = ["x", "last", "counts", "steps", "times", ...(exact ? [] : ["min", "max"])];
  const references = Object.fromEntries(names.map((name) => [name, name]));
  const head = {
    run_id: 1,
    name: "loss",
    x_axis: axis,
    exact,
    total_points: values.length,
    last_id: values.length,
    from: x,
    bad: [],
    ...references,
    ...fields,
  };
  return new Series(head, (name) => Float64Array.from(columns[name]));
}
