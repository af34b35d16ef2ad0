/* The empty project turns into its first run: when the table comes instead of the first steps, go and watch. */

export function start(element) {
  const look = () => {
    if (element.isConnected) return;
    document.removeEventListener("htmx:after:settle", look);
    const run = document.querySelector("#runs a[data-row]");
    if (run) location.assign(run.href);
  };
  document.addEventListener("htmx:after:settle", look);
}
