/* An empty project becomes its first run: when the table of runs replaces the first steps, open the run. */

/** @param {HTMLElement} element */
export function start(element) {
  const openFirstRun = () => {
    if (element.isConnected) return;
    document.removeEventListener("htmx:after:settle", openFirstRun);
    const link = /** @type {HTMLAnchorElement | null} */ (document.querySelector("#runs a[data-row]"));
    if (link) location.assign(link.href);
  };
  document.addEventListener("htmx:after:settle", openFirstRun);
}
