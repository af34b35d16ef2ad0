/* Says so while the browser has no network. Pages with a live connection have their own mark for a server that is away. */

/** @param {HTMLElement} mark */
export function start(mark) {
  const show = () => {
    mark.textContent = navigator.onLine ? "" : "Offline";
    mark.title = navigator.onLine ? "" : "This page shows what it had. It goes on by itself when the network is back.";
  };
  addEventListener("online", show);
  addEventListener("offline", show);
  show();
}
