"use strict";
// Sorting and filtering of what the page already has: nothing is loaded.
const form = document.querySelector("form");
const table = document.querySelector("#rows");
const rows = [...table.tBodies[0].rows];
const filtered = [...rows, ...document.querySelectorAll("figure")];

function shown(element) {
  for (const [name, wanted] of new FormData(form)) {
    if (name === "search") {
      const text = (element.dataset.title || "").toLowerCase();
      if (!text.includes(wanted.trim().toLowerCase())) return false;
    } else if (name === "verdict") {
      if (wanted && element.dataset.verdict && element.dataset.verdict !== wanted) return false;
    } else if (wanted && element.dataset[name] !== wanted) {
      return false;
    }
  }
  return true;
}

function summarize() {
  const visible = rows.filter((row) => !row.hidden);
  const ratios = visible.filter((row) => row.dataset.verdict === "won" || row.dataset.verdict === "lost")
    .map((row) => Number(row.dataset.ratio));
  let text = `${visible.length} of ${rows.length} rows`;
  if (ratios.length) {
    const mean = Math.exp(ratios.reduce((sum, ratio) => sum + Math.log(ratio), 0) / ratios.length);
    const won = ratios.filter((ratio) => ratio >= 1).length;
    text += `; of ${ratios.length} with equal work imgconv is at least as fast in ${won}; `
      + `the geometric mean of the ratios is ${mean.toFixed(2)}`;
  }
  document.querySelector("#count").textContent = text;
}

function filter() {
  for (const element of filtered) element.hidden = !shown(element);
  summarize();
}

// The order of the page itself: the losses first.
const losses = [...rows];
const choice = document.querySelector("#sort");
const headers = [...table.tHead.rows[0].cells];

function sort(name, up) {
  const index = headers.findIndex((header) => header.textContent === name);
  for (const each of headers) each.removeAttribute("aria-sort");
  choice.value = name;
  if (index < 0) {
    table.tBodies[0].append(...(up ? losses : [...losses].reverse()));
    return;
  }
  headers[index].setAttribute("aria-sort", up ? "ascending" : "descending");
  const key = (row) => row.cells[index].dataset.value;
  const numeric = headers[index].dataset.kind === "number";
  const order = (a, b) => {
    const [x, y] = [key(a), key(b)];
    if (x === "" || y === "") return (x === "") - (y === "");  // what is unknown comes last
    const difference = numeric ? Number(x) - Number(y) : x.localeCompare(y, "en", { numeric: true });
    return up ? difference : -difference;
  };
  table.tBodies[0].append(...rows.sort(order));
}

let up = true;
for (const header of headers) {
  const button = header.querySelector("button");
  if (!button) continue;
  button.addEventListener("click", () => {
    up = header.getAttribute("aria-sort") !== "ascending";
    sort(header.textContent, up);
  });
}
choice.addEventListener("change", () => sort(choice.value, (up = true)));
document.querySelector("#reverse").addEventListener("click", () => sort(choice.value, (up = !up)));
form.addEventListener("input", filter);
form.addEventListener("reset", () => setTimeout(filter));
form.addEventListener("submit", (event) => event.preventDefault());
filter();
