/* Figures come from the server without colours of a theme: `var(--ink)`, `var(--ink/0.5)` with an opacity and
   `var(--scale@0.3)`, a place on the scale of colours, are filled in here. */

const TOKEN = /^var\((--[a-z0-9-]+)(?:\/([\d.]+))?(?:@([\d.]+))?\)$/;
const STOPS = ["--scale-low", "--scale-middle", "--scale-high"];

/** @typedef {(property: string, alpha?: number) => string} ColourOf gives a property of the page as rgba() */

/**
 * A copy of a part of a figure with the colours of the page.
 * @param {any} part
 * @param {ColourOf} colourOf
 * @returns {any}
 */
export function themed(part, colourOf) {
  if (typeof part === "string") return colourIn(part, colourOf) ?? part;
  if (Array.isArray(part)) return part.map((inner) => themed(inner, colourOf));
  if (part === null || typeof part !== "object") return part;
  return Object.fromEntries(Object.entries(part).map(([name, inner]) => [name, themed(inner, colourOf)]));
}

/**
 * @param {string} text
 * @param {ColourOf} colourOf
 */
function colourIn(text, colourOf) {
  const token = TOKEN.exec(text);
  if (!token) return null;
  const [, property, alpha, place] = token;
  if (place !== undefined) return onScale(Number(place), colourOf);
  return colourOf(property, alpha === undefined ? 1 : Number(alpha));
}

/**
 * Between the stops of the scale.
 * @param {number} place from 0 to 1
 * @param {ColourOf} colourOf
 */
export function onScale(place, colourOf) {
  const at = Math.min(Math.max(place, 0), 1) * (STOPS.length - 1);
  const from = Math.min(Math.floor(at), STOPS.length - 2);
  const [a, b] = [from, from + 1].map((stop) => channels(colourOf(STOPS[stop])));
  const mixed = a.map((channel, i) => Math.round(channel + (b[i] - channel) * (at - from)));
  return `rgb(${mixed.join(", ")})`;
}

/** @param {string} rgba */
function channels(rgba) {
  return (rgba.match(/[\d.]+/g) ?? []).slice(0, 3).map(Number);
}
