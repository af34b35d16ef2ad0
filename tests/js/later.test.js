import assert from "node:assert/strict";
import { test } from "node:test";
import { idOf } from "../../static/js/chart/later.js";

test("a chart that comes as data has the id that the server would give it", () => {
  const ids = {
    "train/loss": "chart-train%2Floss",
    "é 1 <b>\"&'": "chart-%C3%A9%201%20%3Cb%3E%22%26'",
    "-_.!~*'()": "chart--_.!~*'()",
  };
  for (const [name, id] of Object.entries(ids)) assert.equal(idOf(name), id);
});
