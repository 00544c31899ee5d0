"use strict";
// Everything works without this script. It puts times into the reader's zone, lets curves follow the pointer,
// copies command lines, and listens to the keyboard.
(() => {
  const page = document.documentElement;
  const language = page.lang;
  const short = new Intl.DateTimeFormat(language, { year: "numeric", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
  const exact = new Intl.DateTimeFormat(language, { dateStyle: "full", timeStyle: "long" });

  function tellTimes(root) {
    for (const each of root.querySelectorAll("time[datetime]:not([data-told])")) {
      const moment = new Date(each.dateTime);
      each.textContent = short.format(moment);
      each.title = `${exact.format(moment)} (${each.dateTime})`;
      each.dataset.told = "";
    }
  }

  function written(value, unit) {
    if (value == null) return "–";
    if (unit === "share") return new Intl.NumberFormat(language, { style: "percent", maximumSignificantDigits: 4 }).format(value);
    if (unit === "time") return value < 1 ? `${new Intl.NumberFormat(language, { maximumSignificantDigits: 3 }).format(value * 1000)} ms`
      : `${new Intl.NumberFormat(language, { maximumSignificantDigits: 3 }).format(value)} s`;
    return new Intl.NumberFormat(language, { maximumSignificantDigits: 5 }).format(value);
  }

  function clock(seconds, step) {
    const part = step < 60 ? { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" }
      : step < 86400 ? { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }
      : step < 28 * 86400 ? { day: "numeric", month: "short" } : { month: "short", year: "numeric" };
    return new Intl.DateTimeFormat(language, part).format(new Date(seconds * 1000));
  }

  const tones = ["--accent", "--second", "--third", "--fourth", "--good", "--warn"];
  function drawCurves(root) {
    if (typeof uPlot === "undefined") return;
    for (const figure of root.querySelectorAll("figure.curves:not([data-drawn])")) {
      if (figure.closest("[hx-sse\\:connect]")) continue;  // drawn anew each second: it stays as it came
      figure.dataset.drawn = "";
      const told = JSON.parse(figure.querySelector("script").textContent);
      const still = figure.querySelector("svg");
      const style = getComputedStyle(page);
      const colour = (name) => style.getPropertyValue(name).trim();
      const axis = { stroke: colour("--soft"), grid: { stroke: colour("--line"), width: 1 }, ticks: { stroke: colour("--line") }, font: "11px system-ui" };
      const isTime = told.over === "time";
      const place = document.createElement("div");
      if (isTime) place.className = "over-time";
      const plot = new uPlot({
        width: Math.max(200, figure.clientWidth), height: Math.max(170, still.clientHeight), legend: { live: true },
        scales: { x: { time: isTime, ...(told.xs.length === 1 && { range: [told.xs[0] - (isTime ? 300 : 1), told.xs[0] + (isTime ? 300 : 1)] }) }, ...(told.unit && { y: { range: (_, low, high) => [Math.min(0, low), high > 0 ? high * 1.05 : 1] } }) },
        axes: [isTime ? { ...axis, values: (_, all) => all.map((each) => clock(each, all[1] - all[0])) } : axis, { ...axis, size: 62, values: (_, all) => all.map((each) => written(each, told.unit)) }],
        series: [isTime ? { label: "\u00a0", value: (_, each) => each === null ? "" : short.format(new Date(each * 1000)) } : { label: told.over }, ...told.series.map((each, index) => ({
          label: each.name, stroke: colour(tones[index % tones.length]), width: 1.8, spanGaps: false,
          points: { show: told.xs.length < 40, fill: colour(tones[index % tones.length]) }, value: (_, value) => written(value, told.unit) }))],
      }, [told.xs, ...told.series.map((each) => each.values)], place);
      plot.root.setAttribute("role", "img");
      plot.root.setAttribute("aria-label", told.label);
      requestAnimationFrame(() => plot.setLegend({ idx: told.xs.length - 1 }));  // after its first drawing, which empties it
      still.replaceWith(place);
      figure.querySelector(".legend")?.remove();
      new ResizeObserver(() => plot.setSize({ width: Math.max(200, figure.clientWidth), height: plot.height })).observe(figure);
    }
  }

  function settle(root) {
    tellTimes(root);
    drawCurves(root);
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    if (!button) return;
    const text = button.dataset.copy || button.parentElement.querySelector("code, pre").textContent;
    try { await navigator.clipboard.writeText(text); button.textContent = button.dataset.copied; }
    catch { getSelection().selectAllChildren(button.parentElement.querySelector("code, pre")); }
  });
  document.addEventListener("change", (event) => { if (event.target.matches("[data-submits]")) event.target.form.requestSubmit(); });
  document.addEventListener("submit", (event) => {  // asked twice, an action would be done twice
    if (event.target.method === "post") for (const each of event.target.querySelectorAll("button:not([type=button])")) setTimeout(() => { each.disabled = true; });
  });
  addEventListener("pageshow", (event) => { if (event.persisted) for (const each of document.querySelectorAll("button:disabled")) each.disabled = false; });

  let before = "";
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (event.key === "/") { event.preventDefault(); document.querySelector("#find")?.focus(); }
    else if (event.key === "?") document.querySelector("#keys")?.togglePopover();
    else if (before === "g") document.querySelector(`[data-key="${CSS.escape(event.key)}"]`)?.click();
    before = before === "g" ? "" : event.key;
  });

  new MutationObserver(() => settle(document))
    .observe(document.querySelector("#live"), { childList: true, subtree: true, characterData: true, attributeFilter: ["data-told"] });
  settle(document);
  const here = document.querySelector(".side nav [aria-current]");
  if (here) here.closest("nav").scrollLeft = here.offsetLeft - 40;
})();
