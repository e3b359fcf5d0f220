// Theme, sorting, filtering, copying. Everything is readable without it.
"use strict";

const root = document.documentElement;
root.classList.add("js"); // shows what only works with a script

const stored = {
  get(key) {
    try { return localStorage.getItem(key); } catch { return null; }
  },
  set(key, value) {
    try { localStorage.setItem(key, value); } catch { /* a browser may forbid it */ }
  },
};

// Theme: that of the system until a reader chooses.

const THEME = "structlab-theme";
const systemDark = matchMedia("(prefers-color-scheme: dark)");
const chosen = stored.get(THEME);
if (chosen === "dark" || chosen === "light") root.dataset.theme = chosen;

function isDark() {
  return root.dataset.theme ? root.dataset.theme === "dark" : systemDark.matches;
}

function startTheme(button) {
  const show = () => button.setAttribute("aria-pressed", String(isDark()));
  button.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    stored.set(THEME, root.dataset.theme);
    show();
  });
  systemDark.addEventListener("change", show);
  show();
}

// The address: what follows # holds the state of the tables, unless it names a place on the page.

function readState() {
  const text = location.hash.slice(1);
  return new URLSearchParams(text.includes("=") ? text : "");
}

function writeState(changes) {
  const state = readState();
  for (const [key, value] of Object.entries(changes)) {
    if (value) state.set(key, value);
    else state.delete(key);
  }
  const text = state.toString();
  if (text === readState().toString()) return;
  const here = location.href.split("#")[0];
  history.replaceState(null, "", text ? `${here}#${text}` : here);
}

// Sorting: numbers as numbers and before texts, texts with the numbers in them as numbers.

const collator = new Intl.Collator("en", { numeric: true, sensitivity: "base" });

function sortKey(row, column) {
  const cell = row.cells[column];
  return cell.dataset.sort === undefined ? cell.textContent.trim() : Number(cell.dataset.sort);
}

function compare(a, b) {
  const numbers = [typeof a === "number", typeof b === "number"];
  if (numbers[0] && numbers[1]) return a - b;
  if (numbers[0] !== numbers[1]) return 0;
  return collator.compare(a, b);
}

function startSorting(table) {
  const body = table.tBodies[0];
  const rows = [...body.rows]; // in the order of the page
  const heads = [...table.tHead.rows[0].cells];
  const key = `sort-${table.dataset.name}`;

  function sort(column, direction) {
    heads.forEach((head, i) => head.setAttribute("aria-sort", i === column ? direction : "none"));
    if (column < 0) return body.append(...rows);
    const sign = direction === "descending" ? -1 : 1;
    const keyed = rows.map((row) => ({ row, key: sortKey(row, column) }));
    keyed.sort((a, b) => {
      // Texts stay below numbers in either direction: most often they say that there is none.
      const text = Number(typeof a.key !== "number") - Number(typeof b.key !== "number");
      return text || sign * compare(a.key, b.key);
    });
    body.append(...keyed.map((entry) => entry.row));
  }

  function apply() {
    const [name, direction] = (readState().get(key) || "").split(".");
    const column = heads.findIndex((head) => head.dataset.key === name);
    sort(column, direction === "down" ? "descending" : "ascending");
  }

  heads.forEach((head) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      writeState({ [key]: `${head.dataset.key}.${down ? "down" : "up"}` });
      apply();
    });
  });
  return apply;
}

// Filtering the claims.

function startFilter(form, table) {
  const search = form.querySelector("[type=search]");
  const scale = form.querySelector("select");
  const buttons = [...form.querySelectorAll("[data-verdict]")];
  const shown = form.querySelector("[role=status]");
  const usual = scale.querySelector("[selected]")?.value ?? "all";
  const rows = [...table.tBodies[0].rows].map((row) => ({
    row,
    text: row.textContent.toLowerCase().replace(/\s+/g, " "),
    verdict: row.dataset.verdict,
    scale: row.dataset.scale,
  }));

  const pressed = () =>
    buttons.filter((b) => b.getAttribute("aria-pressed") === "true").map((b) => b.dataset.verdict);

  function filter() {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    const verdicts = pressed();
    const counts = {};
    let count = 0;
    for (const one of rows) {
      const matches =
        (scale.value === "all" || one.scale === undefined || one.scale === scale.value) &&
        words.every((word) => one.text.includes(word));
      if (matches) counts[one.verdict] = (counts[one.verdict] || 0) + 1;
      const visible = matches && (!verdicts.length || verdicts.includes(one.verdict));
      one.row.hidden = !visible;
      count += visible;
    }
    for (const button of buttons) {
      button.querySelector(".count").textContent = counts[button.dataset.verdict] || 0;
    }
    shown.textContent = `${count} of ${rows.length} rows shown`;
  }

  function save() {
    filter();
    writeState({
      q: search.value.trim(),
      verdict: pressed().join(","),
      scale: scale.value === usual ? "" : scale.value,
    });
  }

  function apply() {
    const state = readState();
    const verdicts = (state.get("verdict") || "").split(",");
    // Not while it is typed in: a space at its end would be lost.
    if (state.get("q") !== search.value.trim()) search.value = state.get("q") || "";
    const wanted = state.get("scale");
    scale.value = [...scale.options].some((o) => o.value === wanted) ? wanted : usual;
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(verdicts.includes(button.dataset.verdict)));
    }
    filter();
  }

  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", (event) => {
    event.preventDefault();
    search.value = "";
    scale.value = "all";
    for (const button of buttons) button.setAttribute("aria-pressed", "false");
    save();
  });
  search.addEventListener("input", save);
  scale.addEventListener("change", save);
  for (const button of buttons) {
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
      save();
    });
  }
  return apply;
}

// Copying commands.

async function copy(text, from) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without permission, or without a secure address: select it, as a reader would.
    getSelection().selectAllChildren(from);
    document.execCommand("copy");
  }
}

function startCopy(button) {
  const code = button.parentElement.querySelector("code");
  const label = button.getAttribute("aria-label");
  button.addEventListener("click", async () => {
    await copy(code.textContent, code);
    button.textContent = "Copied";
    button.setAttribute("aria-label", label.replace("Copy", "Copied"));
    setTimeout(() => {
      button.textContent = "Copy";
      button.setAttribute("aria-label", label);
    }, 1500);
  });
}

document.addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll("button.theme").forEach(startTheme);
  document.querySelectorAll("button.copy").forEach(startCopy);
  const tables = [...document.querySelectorAll("table.sortable")];
  const appliers = tables.map(startSorting);
  const form = document.querySelector("form.controls");
  if (form) appliers.push(startFilter(form, document.querySelector("table.claims")));
  const apply = () => appliers.forEach((one) => one());
  addEventListener("hashchange", apply);
  apply();
  const state = readState();
  if (form && ["q", "verdict", "scale"].some((key) => state.has(key))) form.scrollIntoView();
});
