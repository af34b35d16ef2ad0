/* The charts on the screen come before the figures: both are drawn by the same library, and the server composes slowly. */

/** @returns {Promise<void>} once every chart on the screen is drawn, or has said why not */
export function chartsDrawn() {
  return new Promise((resolve) => {
    const look = () => {
      if (isAnyToCome()) return;
      document.body.removeEventListener("charts:drawn", look);
      resolve();
    };
    document.body.addEventListener("charts:drawn", look);
    look();
  });
}

function isAnyToCome() {
  for (const chart of document.querySelectorAll("#charts .chart")) {
    const { top, bottom, width } = chart.getBoundingClientRect();
    if (width > 0 && top >= innerHeight) return false; // They stand in the order of the page.
    if (width > 0 && bottom > 0 && !chart.querySelector(".surface, .message")) return true;
  }
  return false;
}
