// The stage: shows one map of the grid it was sent, and steps through them by keys or taps.
const stages = new WeakMap();

function draw(stage) {
  const { root, data } = stage, at = name => root.querySelector(name);
  stage.row = Math.min(stage.row, data.slides.length - 1);
  stage.column = Math.min(stage.column, data.slides[0].length - 1);
  const slide = data.slides[stage.row][stage.column], told = !data.guess || stage.revealed;
  root.style.setProperty("--colour", told ? slide.colour : "#667085");
  at(".shown img").hidden = !slide.url;
  if (slide.url) at(".shown img").src = slide.url;
  at(".shown img").alt = told ? `${slide.method} of ${slide.model}` : "A map";
  at(".problem").textContent = slide.problem;
  at(".model").textContent = told ? slide.model : "Which class is this?";
  at(".method").textContent = slide.method;
  at(".sentence").textContent = slide.sentence;
  at(".answer").textContent = told ? slide.answer : "?";
  at(".votes").innerHTML = told ? slide.votes : "";
  at(".picture").hidden = !told || !data.picture;
  if (told && data.picture) at(".picture").src = data.picture;
  else at(".picture").removeAttribute("src");
  at(".keys").textContent = (data.guess ? "Space: reveal. " : "") + "← →: methods. ↑ ↓: networks. Esc: back.";
  root.dataset.key = slide.key;
  root.dataset.revealed = told;
}

function step(stage, down, across) {
  const rows = stage.data.slides.length, columns = stage.data.slides[0].length;
  stage.row = (stage.row + down + rows) % rows;
  stage.column = (stage.column + across + columns) % columns;
  stage.revealed = false;
  draw(stage);
}

function pressed(stage, event) {
  if (!stage.root.isConnected || event.altKey || event.ctrlKey || event.metaKey) return;
  const inside = event.composedPath().find(one => one.tagName === "BUTTON");
  if (inside && (event.key === " " || event.key === "Enter")) return;
  const moves = { ArrowRight: [1, 0], PageDown: [1, 0], ArrowLeft: [-1, 0], PageUp: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1] };
  if (event.key in moves) step(stage, ...moves[event.key]);
  else if (event.key === " " || event.key === "Enter") { stage.revealed = true; draw(stage); }
  else if (event.key === "Escape") stage.leave();
  else return;
  event.preventDefault();
}

export default function({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".stage");
  let stage = stages.get(root);
  if (!stage) {
    stage = { root, row: data.row, column: data.column, revealed: false };
    stages.set(root, stage);
    root.querySelector(".shown").onclick = () => {
      if (stage.data.guess && !stage.revealed) { stage.revealed = true; draw(stage); }
      else step(stage, 1, 0);
    };
    root.querySelector(".leave").onclick = () => stage.leave();
  }
  stage.data = data;
  stage.leave = () => setTriggerValue("leave", root.dataset.key);
  const listen = event => pressed(stage, event);
  document.addEventListener("keydown", listen);
  draw(stage);
  return () => document.removeEventListener("keydown", listen);
}
