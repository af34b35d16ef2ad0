/* A finger on a chart: up and down it moves the page, across it zooms. Plotly would keep every touch for itself, and a
   page full of charts could not be scrolled; so it is told of those across only, as if they came from a mouse. */

export function follow(plot) {
  let began = null;
  let dragging = false;

  plot.addEventListener("touchstart", (event) => {
    if (event.target.closest(".modebar, button")) return;
    event.stopPropagation();
    began = event.touches.length === 1 ? event.touches[0] : null;
  }, { capture: true, passive: true });

  // With `touch-action: pan-y` the browser takes what goes up or down, and then no move arrives here.
  plot.addEventListener("touchmove", (event) => {
    event.stopPropagation();
    if (!began) return;
    if (!dragging) tell("mousedown", began.target, began);
    dragging = true;
    tell("mousemove", document, event.touches[0]);
  }, { capture: true, passive: true });

  for (const end of ["touchend", "touchcancel"]) {
    plot.addEventListener(end, (event) => {
      if (dragging) tell("mouseup", document, event.changedTouches[0]);
      began = null;
      dragging = false;
    }, { capture: true, passive: true });
  }
}

function tell(kind, target, { clientX, clientY }) {
  target.dispatchEvent(new MouseEvent(kind, { bubbles: true, cancelable: true, view: window, clientX, clientY, detail: 1 }));
}
