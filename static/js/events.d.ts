/* The events by which htmx and our own modules speak to each other. */

import type { DrawnRun } from "./chart/line.js";
import type { LiveMetrics } from "./chart/series.js";
import type { RequestContext } from "./requests.js";
import type { Message } from "./toast.js";

declare global {
  interface DocumentEventMap {
    "htmx:after:process": CustomEvent;
    "htmx:after:settle": CustomEvent;
    "htmx:before:swap": CustomEvent<{ tasks: { fragment?: DocumentFragment }[] }>;
    "htmx:config:request": CustomEvent<{ ctx: RequestContext }>;
    "htmx:response:error": CustomEvent<{ ctx: RequestContext }>;
    "htmx:error": CustomEvent<{ ctx?: RequestContext; error: unknown }>;
    /** A parameter of the address was changed in place. */
    "address:change": CustomEvent;
    /** A view is about to be saved: who lays something out puts it into the detail. */
    "view:saving": CustomEvent<{ layout: Record<string, unknown> | null }>;
    /** Rows of the table of runs were loaded or brought up to date. */
    "rows:loaded": CustomEvent;
    /** Something to say in a corner of the page. */
    toast: CustomEvent<Message>;
    /** The colours of the page changed. */
    "theme:change": CustomEvent;
  }
  interface Window {
    htmx: {
      ajax(
        method: string,
        url: string,
        how: { source?: string; target?: string; swap?: string; push?: string },
      ): Promise<void>;
      process(element: Element): void;
    };
  }
  interface HTMLElementEventMap {
    /** New points of a run that is open or watched. */
    "live:metrics": CustomEvent<LiveMetrics>;
    /** The facts of a run changed. */
    "live:run": CustomEvent<{ run_id: number }>;
    /** The marks in a run's charts changed. */
    "live:marks": CustomEvent<{ run_id: number }>;
    /** A run's console has more lines, or its last ones were written over. */
    "live:logs": CustomEvent<{ run_id: number; last_line: number }>;
    /** There is a new alert of the run or of the project. */
    "live:alerts": CustomEvent<{ run_id?: number; project_id?: number }>;
    /** A run cannot be watched any more. */
    "live:refused": CustomEvent<{ run_id: number }>;
    /** Too many points were missed: what is drawn has to be fetched again. */
    "live:resync": CustomEvent<{ run_id?: number } | undefined>;
    /** Charts that had to be drawn are, for now. */
    "charts:drawn": CustomEvent;
    /** The charts can be told which runs to draw. */
    "charts:started": CustomEvent<undefined>;
    /** These runs are to be drawn in all charts, and no others. */
    "runs:drawn": CustomEvent<{ runs: DrawnRun[] }>;
    /** This run is to be in front, in the charts and in the list. */
    "runs:lit": CustomEvent<{ id: number | null }>;
    /** Draw one run alone, or all again: from the charts to the list. */
    "runs:alone": CustomEvent<{ id: number }>;
    /** Hide a run: from the charts to the list. */
    "runs:hide": CustomEvent<{ id: number }>;
  }
}
