/* A chart as a file: a picture with its title and the names of its lines, or all its points. */

import { colour } from "../colours.js";
import { lineStyle } from "../draw.js";

/** @typedef {import("../card.js").Card} Card */

const [WIDTH, HEIGHT] = [960, 540]; // Pixels of the title and the plot; what stands below comes to it.
const [ABOVE, BESIDE, LINE, IN_LINE] = [48, 16, 20, 3];
const MOST_NAMES = 20; // Lines that are named in a picture.

/**
 * @param {Card} card
 * @param {"png" | "svg"} format
 */
export async function savePicture(card, format) {
  const { Plotly } = /** @type {any} */ (window);
  const { data, layout } = /** @type {any} */ (card.canvas);
  const named =
    card.shown.length > 1 && card.shown.length <= MOST_NAMES
      ? card.shown.map(({ line }) => namedTrace(line, card))
      : [];
  const below = layout.margin.b + (named.length ? BESIDE + LINE * Math.ceil(named.length / IN_LINE) : 0);
  const height = HEIGHT + below;
  const figure = {
    data: [...data.map((/** @type {object} */ trace) => ({ ...trace, showlegend: false })), ...named],
    layout: {
      ...layout,
      title: { text: escaped(titleOf(card)), x: 0.02, xanchor: "left", font: { size: 16, color: colour("--ink") } },
      margin: { ...layout.margin, t: ABOVE, b: below },
      showlegend: named.length > 0,
      legend: {
        orientation: "h",
        yanchor: "top",
        y: -(layout.margin.b + BESIDE / 2) / (HEIGHT - ABOVE),
        font: { size: 12 },
      },
      width: WIDTH,
      height,
    },
  };
  const address = await Plotly.toImage(figure, { format, width: WIDTH, height, scale: format === "png" ? 2 : 1 });
  const link = document.createElement("a");
  link.href = address;
  link.download = `${fileName(card)}.${format}`;
  link.click();
}

/**
 * The address of all points of a card.
 * @param {Card} card
 * @param {string} source the charts' own address
 */
export function csvAddress(card, source) {
  const runs = new Set(card.lines.flatMap(({ run }) => run.members ?? [run.id]));
  const query = new URLSearchParams({ runs: [...runs].join() });
  for (const metric of card.spec.metrics) query.append("name", metric);
  return `${source}.csv?${query}`;
}

/** @param {Card} card */
export function titleOf({ spec }) {
  return spec.metrics.join(", ");
}

/** @param {Card} card */
function fileName(card) {
  return titleOf(card).replace(/[^\w.-]+/g, "_");
}

/**
 * A trace without points, for the legend.
 * @param {import("../line.js").Line} line
 * @param {Card} card
 */
function namedTrace(line, card) {
  const { hue, dash } = lineStyle(line);
  const isOneRun = card.lines.length === card.spec.metrics.length;
  const name = isOneRun ? line.metric : card.isOfMany ? `${line.run.name} · ${line.metric}` : line.run.name;
  const style = { color: colour(hue), width: 2, dash: dash ? dash.replace(/\d+/g, "$&px") : "solid" };
  return { type: "scatter", mode: "lines", x: [null], y: [null], name: escaped(name), line: style, showlegend: true };
}

/** Plotly reads some HTML in its texts. @param {string} text */
function escaped(text) {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}
