/**
 * All that runs in the browser; every page works without it. Sorts tables whose rows are all there, filters long lists while one types,
 * and shows the live hour as the server sends it. One file without imports, JavaScript with types in comments: it is embedded as it stands.
 * Invariant: text of the page is only moved, never made: markup comes escaped from the server, over the same origin.
 */

/**
 * @param {HTMLTableElement} table
 * @param {number} column
 * @param {boolean} numeric
 * @param {boolean} descending
 */
function sortRows(table, column, numeric, descending) {
  const body = table.tBodies[0];
  if (body === undefined) return;
  /** @param {HTMLTableRowElement} row */
  const key = (row) => row.cells[column]?.textContent?.trim().toLowerCase() ?? "";
  /** @param {HTMLTableRowElement} row */
  const amount = (row) => Number(row.cells[column]?.dataset["bytes"] ?? 0);
  const sorted = [...body.rows].sort((a, b) =>
    numeric ? amount(a) - amount(b) : key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0,
  );
  body.append(...(descending ? sorted.reverse() : sorted));
}

/**
 * The order that a reader chose for a table of the live hour, by the table's id: kept when the table is drawn anew.
 * @type {Map<string, { column: number, numeric: boolean, descending: boolean }>}
 */
const chosenOrders = new Map();

/**
 * @param {HTMLTableElement} table
 * @param {number} column
 * @param {boolean} numeric
 * @param {boolean} descending
 */
function applyOrder(table, column, numeric, descending) {
  const headers = [...(table.tHead?.rows[0]?.cells ?? [])];
  for (const header of headers) header.removeAttribute("aria-sort");
  headers[column]?.setAttribute("aria-sort", descending ? "descending" : "ascending");
  sortRows(table, column, numeric, descending);
}

/**
 * Headers become buttons; those of a table that shows only a part stay links to the whole list.
 * @param {HTMLTableElement} table
 */
function makeSortable(table) {
  for (const [column, header] of [...(table.tHead?.rows[0]?.cells ?? [])].entries()) {
    const title = header.textContent ?? "";
    const numeric = header.classList.contains("number");
    if (title === "" || title === "Share") continue;
    const button = document.createElement("button");
    button.textContent = title;
    button.addEventListener("click", () => {
      const current = header.getAttribute("aria-sort");
      const descending = current === null ? numeric : current === "ascending";
      applyOrder(table, column, numeric, descending);
      if (table.id !== "") chosenOrders.set(table.id, { column, numeric, descending });
    });
    header.replaceChildren(button);
  }
  const chosen = chosenOrders.get(table.id);
  if (chosen !== undefined) applyOrder(table, chosen.column, chosen.numeric, chosen.descending);
}

/** @param {HTMLElement} live */
function makeLiveSortable(live) {
  for (const table of live.querySelectorAll("table")) makeSortable(table);
}

/**
 * Whether the reader has selected text in the live hour: drawing anew would drop it.
 * @param {HTMLElement} live
 */
function hasSelection(live) {
  const selection = document.getSelection();
  return selection !== null && !selection.isCollapsed && live.contains(selection.anchorNode);
}

/**
 * Hides what does not match while one types; Enter asks the server, which knows the other pages of the list too.
 * @param {HTMLInputElement} input
 */
function makeFilter(input) {
  const rows = [...document.querySelectorAll("main table tbody tr")].filter(
    (row) => row instanceof HTMLTableRowElement,
  );
  const shown = document.querySelector("[data-shown]");
  const all = shown?.textContent ?? "";
  // Bytes of what the server sent: of a part of the rows they are not known here.
  const bytes = document.querySelector("[data-all-shown]");
  input.addEventListener("input", () => {
    const wanted = input.value.trim().toLowerCase();
    for (const row of rows) row.hidden = !(row.cells[0]?.textContent ?? "").toLowerCase().includes(wanted);
    const left = rows.filter((row) => !row.hidden).length;
    const isAll = left === rows.length;
    if (shown !== null) shown.textContent = isAll ? all : String(left);
    if (bytes instanceof HTMLElement) bytes.hidden = !isAll;
  });
}

/**
 * @param {HTMLElement} live
 * @param {string} url
 */
function follow(live, url) {
  const state = document.querySelector("[data-live-state]");
  /** @param {string} text */
  const say = (text) => {
    if (state !== null && state.textContent !== text) state.textContent = text;
  };
  const pause = document.querySelector("[data-pause]");
  let isPaused = false;
  if (pause instanceof HTMLButtonElement) {
    pause.hidden = false;
    pause.addEventListener("click", () => {
      isPaused = !isPaused;
      pause.setAttribute("aria-pressed", String(isPaused));
      say(isPaused ? "Paused." : "Follows the traffic.");
    });
  }
  makeLiveSortable(live);
  const events = new EventSource(url);
  events.addEventListener("error", () => say("Connection lost; trying again …"));
  events.addEventListener("hour", (event) => {
    if (isPaused || hasSelection(live)) return;
    const active = document.activeElement;
    const focused = active?.closest("#live a")?.getAttribute("href");
    const focusedHeader = active?.closest("#live th button");
    const focusedTable = focusedHeader?.closest("table")?.id;
    const fresh = new DOMParser().parseFromString(String(event.data), "text/html");
    const paused = fresh.querySelector("[data-paused]")?.getAttribute("data-paused");
    say(paused ?? "Follows the traffic.");
    live.replaceChildren(...fresh.body.childNodes);
    makeLiveSortable(live);
    for (const button of live.querySelectorAll("th button"))
      if (button instanceof HTMLButtonElement && button.textContent === focusedHeader?.textContent)
        if (button.closest("table")?.id === focusedTable) button.focus();
    for (const link of live.querySelectorAll("a")) if (link.getAttribute("href") === focused) link.focus();
  });
  // A page in the background costs nothing: the browser closes and reopens with the tab.
  window.addEventListener("pagehide", () => events.close());
}

for (const table of document.querySelectorAll("table[data-complete]"))
  if (table instanceof HTMLTableElement) makeSortable(table);
for (const input of document.querySelectorAll("input[data-filter]"))
  if (input instanceof HTMLInputElement) makeFilter(input);
for (const live of document.querySelectorAll("[data-live]"))
  if (live instanceof HTMLElement) follow(live, live.dataset["live"] ?? "");
