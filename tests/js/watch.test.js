/* What a page makes of the messages about the runs that it watches. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { after, Watched } from "../../static/js/live-watch.js";

/**
 * @param {number} run
 * @param {Record<string, number[]>} ids
 */
function metrics(run, ids) {
  const last_id = Math.max(...Object.values(ids).flat());
  /** @param {number[]} list */
  const columns = (list) => ({ ids: list, steps: list, values: list, timestamps: list });
  const series = Object.fromEntries(Object.entries(ids).map(([name, list]) => [name, columns(list)]));
  return { type: "metrics", run_id: run, last_id, series };
}

test("points that come next are taken as they are", () => {
  const message = metrics(7, { loss: [5, 7], lr: [6] });
  assert.equal(after(4, message), message);
});

test("points that the page has are left out, and a message of nothing else is nothing", () => {
  const message = metrics(7, { loss: [5, 7], lr: [6] });
  assert.equal(after(7, message), null);
  assert.deepEqual(after(6, message), metrics(7, { loss: [7] }));
  assert.deepEqual(after(5, message), metrics(7, { loss: [7], lr: [6] }));
});

test("a gap is no silent one: what is drawn is fetched again", () => {
  assert.deepEqual(after(3, metrics(7, { loss: [5, 7], lr: [6] })), { type: "resync", run_id: 7, last_id: 7 });
});

test("each run goes on from its own last id after a reconnect", () => {
  const watched = new Watched();
  assert.equal(watched.question, null);
  assert.ok(watched.choose({ 7: 4, 9: 0 }));
  watched.take(metrics(7, { loss: [5, 6] }));
  watched.take({ type: "resync", run_id: 9, last_id: 90_000 });
  watched.take({ type: "run", run_id: 7 });
  assert.deepEqual(JSON.parse(watched.question ?? ""), { type: "watch", runs: { 7: 6, 9: 90_000 } });
});

test("the same runs are not asked for twice, and go on from where they are", () => {
  const watched = new Watched();
  watched.choose({ 7: 4 });
  watched.take(metrics(7, { loss: [5, 6] }));
  assert.ok(!watched.choose({ 7: 4 }));
  assert.deepEqual(watched.lasts, new Map([[7, 6]]));
  assert.ok(watched.choose({ 7: 4, 8: 0 }));
  assert.ok(watched.choose({ 8: 0 }));
});

test("what is on its way of a run that was left is nothing, and a refused run is left", () => {
  const watched = new Watched();
  watched.choose({ 7: 4 });
  assert.equal(watched.take(metrics(8, { loss: [1] })), null);
  assert.deepEqual(watched.take({ type: "refused", run_id: 7 }), { type: "refused", run_id: 7 });
  assert.equal(watched.take(metrics(7, { loss: [5] })), null);
});
