// The presenter: slides over the whole window, gone through by keys, taps and swipes; the page below stays as it is.
const presenters = new WeakMap();
const BLINK = 700;  // ms: slower than three times a second, which is the limit for flashes
const SWIPE = 40;   // pixels

const element = (name, className = "", textContent = "") =>
  Object.assign(document.createElement(name), { className, textContent });

function bars(rows, kind) {
  const list = element("ul", kind);
  for (const row of rows) {
    const line = element("li"), track = element("i"), fill = element("u");
    fill.style.width = `${row.share * 100}%`;
    if (row.colour) fill.style.background = row.colour;
    track.append(fill);
    line.append(element("span", "", row.name), track, element("b", "", row.words));
    list.append(line);
  }
  return list;
}

function ribbon(parts) {
  const strip = element("div", "ribbon");
  for (const part of parts) {
    const piece = element("b", "", part.share >= 0.055 * part.name.length ? part.name : "");
    piece.style.flexBasis = `${part.share * 100}%`;
    piece.style.background = part.colour;
    piece.title = `${part.name}: ${part.words}`;
    strip.append(piece);
  }
  strip.setAttribute("role", "img");
  strip.setAttribute("aria-label", parts.map(part => `${part.name} ${part.words}`).join(", "));
  return strip;
}

function panel(presenter, one, told) {
  const face = one.faces[presenter.face % one.faces.length], made = element("section");
  made.style.setProperty("--colour", told ? one.colour : "#667085");
  made.dataset.network = one.key;
  made.dataset.face = face.name;
  made.tabIndex = 0;  // what is too long for a small window scrolls by keys, too
  const head = element("h3", "", told ? one.title : "Which class is this?");
  if (told && one.note) head.append(element("small", "", one.note));
  made.append(head);
  const covered = face.over && (presenter.covered || !told || !face.picture);
  const url = covered ? face.over : face.picture, shown = element("div", "shown");
  if (url) {
    const image = element("img");
    image.src = url;
    image.alt = told ? `${one.title}: ${covered ? presenter.slide.over : face.name || "the picture"}` : "A map";
    image.draggable = false;
    shown.append(image);
  } else if (face.problem) shown.append(element("p", "problem", face.problem));
  if (url || face.problem) made.append(shown);
  else made.classList.add("words");
  if (face.answer) {
    const answer = element("p", "answer");
    answer.append(element("b", "", told ? face.answer : "?"));
    if (told && face.verdict) answer.append(element("small", "", face.verdict));
    made.append(answer);
  }
  if (told && (presenter.bars || !url) && face.bars.length) made.append(bars(face.bars, face.bars.length < 5 ? "few" : ""));
  if (told && face.ribbon.length) made.append(ribbon(face.ribbon));
  return made;
}

function fitting(presenter) {
  const { root, slide } = presenter, wide = root.clientWidth || innerWidth;
  const room = Math.max(1, Math.floor(wide / 300)), most = presenter.columns || (presenter.data.guess ? 1 : 4);
  return Math.min(most, slide.panels.length, presenter.columns ? most : room);
}

function draw(presenter) {
  const { root, data } = presenter, at = name => root.querySelector(name);
  const slide = presenter.slide = data.slides[presenter.row];
  const told = !data.guess || presenter.revealed, count = fitting(presenter);
  presenter.count = count;
  presenter.first = Math.max(0, Math.min(presenter.first, slide.panels.length - count));
  const panels = slide.panels.slice(presenter.first, presenter.first + count);
  const names = [...new Set(panels.flatMap(one => one.faces[presenter.face % one.faces.length].name || []))];
  at("h2").textContent = slide.title + (told && names.length === 1 ? ` · ${names[0]}` : "");
  at(".caption").textContent = slide.caption;
  at(".panels").style.setProperty("--columns", count);
  at(".panels").replaceChildren(...panels.map(one => panel(presenter, one, told)));
  at(".panels").hidden = presenter.room;
  at(".room").hidden = !presenter.room;
  at(".room p").textContent = data.link;
  at(".room img").hidden = !data.qr;
  if (data.qr) at(".room img").src = data.qr;
  at(".legend").hidden = !slide.legend || !told || presenter.room;
  at(".legend").classList.toggle("unused", !presenter.covered);  // its place stays: blinking must move nothing
  if (slide.legend) {
    at(".legend i").style.background = slide.legend.background;
    root.querySelectorAll(".legend span").forEach((end, at) => { end.textContent = slide.legend.ends[at]; });
  }
  const part = count < slide.panels.length ? `, ${presenter.first + 1} of ${slide.panels.length}` : "";
  at("output").textContent = `${presenter.row + 1}/${data.slides.length}${part}`;
  const button = name => at(`[data-does="${name}"]`);
  button("reveal").hidden = told;
  button("over").hidden = !told || !slide.panels.some(one => one.faces.some(face => face.over && face.picture));
  button("over").textContent = slide.over.replace(/^./, letter => letter.toUpperCase());
  button("over").setAttribute("aria-pressed", presenter.covered);
  button("blink").hidden = !told || !blinks(presenter);
  button("blink").setAttribute("aria-pressed", Boolean(presenter.blinker));
  button("bars").hidden = !told || !slide.panels.some(one => one.faces.some(face => face.bars.length && face.picture));
  button("bars").setAttribute("aria-pressed", presenter.bars);
  button("room").hidden = !data.link;
  button("room").setAttribute("aria-pressed", presenter.room);
  at(".columns").hidden = slide.panels.length < 2;
  for (const columns of [1, 2, 4]) button(columns).setAttribute("aria-pressed", presenter.columns === columns);
  root.dataset.slide = slide.key;
  root.dataset.panel = panels[0].key;
  root.dataset.columns = count;
  root.dataset.covered = presenter.covered;
  root.dataset.revealed = told;
}

function several(presenter) { return Math.max(...presenter.slide.panels.map(one => one.faces.length)) > 1; }

function blinks(presenter) {
  return several(presenter) || presenter.slide.panels.some(one => one.faces.some(face => face.over && face.picture));
}

function flip(presenter) {
  if (several(presenter)) presenter.face += 1;
  else presenter.covered = !presenter.covered;
  draw(presenter);
}

function still(presenter) {
  clearInterval(presenter.blinker);
  presenter.blinker = null;
}

function go(presenter, row) {
  const { slides } = presenter.data;
  presenter.row = (row + slides.length) % slides.length;
  presenter.slide = slides[presenter.row];
  presenter.revealed = presenter.room = false;
  presenter.face = 0;
  presenter.covered = presenter.slide.covered;
  still(presenter);
}

const ACTIONS = {
  on(presenter) {
    const rest = presenter.slide.panels.length - presenter.count - presenter.first;
    if (rest > 0) { presenter.first += Math.min(presenter.count, rest); presenter.revealed = false; }
    else { go(presenter, presenter.row + 1); presenter.first = 0; }
  },
  back(presenter) {
    if (presenter.first > 0) { presenter.first -= Math.min(presenter.count, presenter.first); presenter.revealed = false; }
    else { go(presenter, presenter.row - 1); presenter.first = presenter.slide.panels.length; }
  },
  down(presenter) { go(presenter, presenter.row + 1); },
  up(presenter) { go(presenter, presenter.row - 1); },
  reveal(presenter) { presenter.revealed = true; },
  blink(presenter) {
    if (presenter.blinker) return still(presenter);
    if (!blinks(presenter)) return;
    if (!matchMedia("(prefers-reduced-motion: reduce)").matches) {
      presenter.blinker = setInterval(() => presenter.root.isConnected ? flip(presenter) : still(presenter), BLINK);
    }
    flip(presenter);
  },
  over(presenter) { presenter.covered = !presenter.covered; },
  bars(presenter) { presenter.bars = !presenter.bars; },
  room(presenter) { presenter.room = !presenter.room && Boolean(presenter.data.link); },
  1(presenter) { presenter.columns = 1; },
  2(presenter) { presenter.columns = 2; },
  4(presenter) { presenter.columns = 4; },
  leave(presenter) {
    still(presenter);
    presenter.left = presenter.data.times;
    presenter.root.close();
    presenter.told(`${presenter.root.dataset.slide} ${presenter.root.dataset.panel}`);
  },
};

const KEYS = {
  ArrowRight: "on", PageDown: "on", ArrowLeft: "back", PageUp: "back", ArrowDown: "down", ArrowUp: "up", b: "blink", o: "over",
  p: "bars", q: "room", 1: "1", 2: "2", 4: "4", Escape: "leave",
};

function act(presenter, name) {
  ACTIONS[name](presenter);
  if (name !== "leave") draw(presenter);
}

function pressed(presenter, event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const hidden = presenter.data.guess && !presenter.revealed;
  const onButton = event.target.tagName === "BUTTON" && event.target.matches(":focus-visible");
  const name = KEYS[event.key.length === 1 ? event.key.toLowerCase() : event.key];
  if ((event.key === " " || event.key === "Enter") && hidden && !onButton) act(presenter, "reveal");
  else if (name && !(hidden && ["blink", "over", "bars"].includes(name))) act(presenter, name);
  else return;
  event.preventDefault();
  event.stopPropagation();
}

function listen(presenter) {
  const { root } = presenter, panels = root.querySelector(".panels");
  let from = null;
  root.addEventListener("keydown", event => pressed(presenter, event));
  root.addEventListener("cancel", event => { event.preventDefault(); act(presenter, "leave"); });
  root.querySelector("nav").addEventListener("click", event => {
    const button = event.target.closest("button");
    if (button) act(presenter, button.dataset.does);
  });
  panels.addEventListener("pointerdown", event => { from = event; });
  panels.addEventListener("pointerup", event => {
    if (!from || from.pointerId !== event.pointerId) return;
    const across = event.clientX - from.clientX, down = event.clientY - from.clientY;
    const away = Math.max(Math.abs(across), Math.abs(down));
    from = null;
    if (away >= SWIPE && Math.abs(across) > Math.abs(down)) act(presenter, across < 0 ? "on" : "back");
    else if (away < SWIPE / 4 && event.target.tagName === "IMG") {
      if (presenter.data.guess && !presenter.revealed) act(presenter, "reveal");
      else if (blinks(presenter)) { still(presenter); flip(presenter); }
    }
  });
  panels.addEventListener("pointercancel", () => { from = null; });
  presenter.resized = () => { if (root.isConnected && root.open) draw(presenter); };
}

function begin(presenter) {
  const [slide, network] = presenter.data.start;
  presenter.columns = 0;
  presenter.bars = true;
  go(presenter, Math.max(0, presenter.data.slides.findIndex(one => one.key === slide)));
  presenter.first = Math.max(0, presenter.slide.panels.findIndex(one => one.key === network));
}

export default function({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".presenter");
  let presenter = presenters.get(root);
  if (!presenter) {
    presenter = { root };
    presenters.set(root, presenter);
    listen(presenter);
  }
  const again = presenter.data === undefined || (!root.open && presenter.left !== data.times);
  presenter.data = data;
  presenter.told = last => setTriggerValue("leave", last);
  if (again) begin(presenter);
  else { presenter.row = Math.min(presenter.row, data.slides.length - 1); presenter.slide = data.slides[presenter.row]; }
  if (!root.open && presenter.left !== data.times) {
    root.showModal();
    root.focus();
  }
  if (root.open) draw(presenter);
  addEventListener("resize", presenter.resized);
  return () => {
    removeEventListener("resize", presenter.resized);
    still(presenter);
  };
}
