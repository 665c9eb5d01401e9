"use strict";
// Draws the charts of this page from the data embedded in it. No request is ever made.
(() => {
  const payload = JSON.parse(document.getElementById("payload").textContent);
  const tip = document.getElementById("tip");
  const views = {};
  let focus = -1;

  const records = (table) =>
    table.rows.map((row) => {
      const record = Object.fromEntries(table.columns.map((name, k) => [name, row[k]]));
      record.arm = payload.arms[record.i];
      return record;
    });

  function hint(_, event, item, value) {
    tip.hidden = value == null || value === "";
    if (tip.hidden) return;
    const lines = Object.entries(value).filter(([, v]) => v !== "" && v != null && v !== "null");
    tip.replaceChildren(
      ...lines.map(([key, v]) => {
        const line = document.createElement("div");
        const name = document.createElement("b");
        name.textContent = key;
        line.append(name, String(v));
        return line;
      }),
    );
    const { clientX: x, clientY: y } = event;
    tip.style.left = Math.max(4, Math.min(x + 14, innerWidth - tip.offsetWidth - 8)) + "px";
    tip.style.top = (y + tip.offsetHeight + 24 > innerHeight ? y - tip.offsetHeight - 12 : y + 14) + "px";
  }

  async function draw(name) {
    const figure = payload.figures[name];
    const frame = document.querySelector(`[data-figure="${name}"]`);
    const fills = {};
    for (const choice of figure.choices) {
      const input = frame.querySelector(`[data-choice="${choice.name}"]`);
      const place = !input ? 0 : input.type === "checkbox" ? Number(input.checked) : input.selectedIndex;
      Object.assign(fills, choice.fills[place]);
    }
    const spec = JSON.parse(JSON.stringify(figure.spec), (_, v) =>
      typeof v === "string" && Object.hasOwn(fills, v) ? fills[v] : v,
    );
    figure.records ??= Object.fromEntries(Object.entries(figure.tables).map(([k, t]) => [k, records(t)]));
    spec.datasets = figure.records;
    spec.params[0].value = focus;
    const parsed = vega.parse(vegaLite.compile(spec).spec, null, { ast: true });
    views[name]?.finalize();
    const plot = document.getElementById("plot-" + name);
    plot.replaceChildren();
    const options = { renderer: "svg", hover: true, tooltip: hint, expr: vegaInterpreter.expressionInterpreter };
    views[name] = new vega.View(parsed, options).initialize(plot);
    await views[name].runAsync();
    plot.dataset.drawn = "yes";
  }

  async function attempt(name) {
    try {
      await draw(name);
    } catch (error) {
      document.getElementById("plot-" + name).textContent = "This chart could not be drawn: " + error.message;
      console.error(error);
    }
  }

  function turn(arm) {
    focus = focus === arm ? -1 : arm;
    for (const chip of document.querySelectorAll(".chip")) {
      chip.setAttribute("aria-pressed", String(Number(chip.dataset.arm) === focus));
    }
    for (const view of Object.values(views)) view.signal("focus", focus).runAsync();
  }

  async function save(name) {
    const style = getComputedStyle(document.documentElement);
    const svg = (await views[name].toSVG()).replace(/var\((--[\w-]+)\)/g, (_, v) => style.getPropertyValue(v).trim());
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    link.download = `steepest-${name}.svg`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  }

  function sort(head) {
    const rising = head.getAttribute("aria-sort") !== "ascending";
    const body = head.closest("table").tBodies[0];
    const key = (row) => row.cells[head.cellIndex].dataset.sort ?? row.cells[head.cellIndex].textContent.trim();
    const value = (row) => (key(row) === "" ? Infinity : Number(key(row)));
    const order = (a, b) =>
      Number.isNaN(value(a)) || Number.isNaN(value(b)) ? key(a).localeCompare(key(b)) : value(a) - value(b);
    body.append(...[...body.rows].sort((a, b) => (rising ? order(a, b) : order(b, a))));
    for (const other of head.parentElement.cells) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", rising ? "ascending" : "descending");
  }

  for (const frame of document.querySelectorAll("[data-figure]")) {
    const name = frame.dataset.figure;
    frame.addEventListener("change", () => attempt(name));
    frame.querySelector(".save").addEventListener("click", () => save(name));
    attempt(name);
  }
  for (const chip of document.querySelectorAll(".chip")) {
    chip.addEventListener("click", () => turn(Number(chip.dataset.arm)));
  }
  for (const button of document.querySelectorAll("thead button")) {
    button.addEventListener("click", () => sort(button.closest("th")));
  }
})();
