/* Plotly comes after the first paint, once, and only to pages that draw. */

/** What we use of it.
 * @typedef {object} Plotly
 * @property {(element: HTMLElement, traces: object[], layout: object, config: object) => Promise<unknown>} react
 * @property {(element: HTMLElement) => void} purge
 * @property {{hover: (element: HTMLElement, at: {xval: number}) => void, unhover: (element: HTMLElement) => void}} Fx */

/** An element that Plotly draws into.
 * @typedef {HTMLElement & {data?: object[], on?: (event: string, listener: (event: any) => void) => void}} Canvas */

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
