/* Plotly comes after the first paint, once, and only to pages that draw. */

/** What we use of it.
 * @typedef {object} Plotly
 * @property {(element: HTMLElement, traces: object[], layout: object, config: object) => Promise<unknown>} react
 * @property {(element: HTMLElement) => void} purge */

/** An element that Plotly draws into.
 * @typedef {HTMLElement & {data?: object[]}} Canvas */

/**
 * Where charts are on the screen it comes at once, but not before the page has been painted.
 * @param {string} address
 */
export function loadPlotlyEarly(address) {
  if (document.getElementById("drawing")) requestAnimationFrame(() => setTimeout(() => loadPlotly(address)));
}

/** @type {Promise<Plotly> | null} */
let loading = null;

/**
 * @param {string} address
 * @returns {Promise<Plotly>}
 */
export function loadPlotly(address) {
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = address;
    script.onload = () => resolve(/** @type {any} */ (window).Plotly);
    script.onerror = () => {
      loading = null;
      script.remove();
      reject(new Error("the drawing library could not be loaded"));
    };
    document.head.append(script);
  });
  return loading;
}
