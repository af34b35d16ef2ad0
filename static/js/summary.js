/* The table of all values follows the charts, at most every two seconds, as long as it is open. */

const EVERY = 2000; // Milliseconds.

/** @param {HTMLElement} root what holds the table, which is fetched anew */
export function start(root) {
  let isOld = Boolean(root.querySelector("#summary[data-later]"));
  let renewedAt = -EVERY;
  /** @type {ReturnType<typeof setTimeout> | null} */
  let timer = null;

  const renew = () => {
    isOld = true;
    if (timer !== null || !root.querySelector("#summary")?.checkVisibility()) return;
    const wait = Math.max(200, EVERY - (performance.now() - renewedAt));
    timer = setTimeout(() => {
      timer = null;
      isOld = false;
      renewedAt = performance.now();
      document.body.dispatchEvent(new CustomEvent("charts:summary", { bubbles: true }));
    }, wait);
  };
  document.body.addEventListener("live:metrics", renew);
  document.body.addEventListener("live:run", () => isOld && renew());
  root.closest("details")?.addEventListener("toggle", () => isOld && renew());
}
