/* A finger on a chart: up and down it moves the page, across it zooms. Plotly would keep every touch for itself, and a
   page full of charts could not be scrolled; so it learns of those across only, as if they came from a mouse. */

const QUIETLY = { capture: true, passive: true };

/** @param {HTMLElement} plot */
export function zoomByTouch(plot) {
  /** @type {Touch | null} */
  let start = null;
  let dragging = false;

  plot.addEventListener(
    "touchstart",
    (event) => {
      if (/** @type {Element} */ (event.target).closest("button")) return;
      event.stopPropagation();
      start = event.touches.length === 1 ? event.touches[0] : null;
    },
    QUIETLY,
  );

  // With `touch-action: pan-y` the browser takes what goes up or down, and then no move arrives here.
  plot.addEventListener(
    "touchmove",
    (event) => {
      event.stopPropagation();
      if (!start) return;
      if (!dragging) sendMouse("mousedown", start.target, start);
      dragging = true;
      sendMouse("mousemove", document, event.touches[0]);
    },
    QUIETLY,
  );

  for (const end of /** @type {const} */ (["touchend", "touchcancel"])) {
    plot.addEventListener(
      end,
      (event) => {
        if (dragging) sendMouse("mouseup", document, event.changedTouches[0]);
        start = null;
        dragging = false;
      },
      QUIETLY,
    );
  }
}

/**
 * @param {string} type
 * @param {EventTarget} target
 * @param {Touch} touch
 */
function sendMouse(type, target, { clientX, clientY }) {
  const options = { bubbles: true, cancelable: true, view: window, clientX, clientY, detail: 1 };
  target.dispatchEvent(new MouseEvent(type, options));
}
