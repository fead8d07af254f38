// Comfort only: without it the page says all the same.
"use strict";
const all = (selector) => [...document.querySelectorAll(selector)];

const rows = document.querySelector(".rows");
const zoom = document.querySelector(".zoom");
zoom.hidden = false;
zoom.querySelector("input").addEventListener("input", (event) => {
  rows.style.setProperty("--zoom", event.target.value);
});

const tools = document.querySelector(".tools");
const [search, button] = [tools.querySelector("input"), tools.querySelector("button")];
tools.hidden = false;
search.addEventListener("input", () => {
  const wanted = search.value.toLowerCase();
  for (const step of all("details.step")) {
    step.hidden = !step.querySelector("summary").textContent.toLowerCase().includes(wanted);
  }
  for (const phase of all("section.phase")) {
    phase.hidden = !phase.querySelector("details:not([hidden])");
  }
});
button.addEventListener("click", () => {
  const open = button.textContent === "Open all";
  for (const step of all("details.step")) step.open = open;
  button.textContent = open ? "Close all" : "Open all";
});

// A bar leads to its step: open it, and let the keyboard go on from there.
const follow = () => {
  const body = document.getElementById(location.hash.slice(1));
  const step = body?.closest("details.step");
  if (!step) return;
  step.hidden = step.closest("section.phase").hidden = false;
  step.open = true;
  step.querySelector("summary").focus({ preventScroll: true });
  step.scrollIntoView({ block: "center" });
};
addEventListener("hashchange", follow);
follow();
