// The player: draws the frames it was sent, and moves pictures, differences and curves together.
const players = new WeakMap();
const MODES = [["three", "side by side"], ["beside", "side by side"], ["wipe", "wipe"], ["blink", "blink"], ["change", "difference"]];
const PICTURES = { three: ["now", "reference", "change"], beside: ["now", "beside"], wipe: ["wipe"], blink: ["blink"], change: ["change"] };
const SIDE = 384, ZOOMS = [1, 2, 4, 8], PLAY_MS = 110, BLINK_MS = 450, SVG = "http://www.w3.org/2000/svg";

function element(kind, name, text) {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function drawn(kind, attributes) {
  const made = document.createElementNS(SVG, kind);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

function named(player, track, kind) {
  const [start, now] = player.data.ends;
  return { beside: track.besideName, reference: start, now, change: "difference", wipe: `${start} | ${now}`, blink: `${start}, ${now}` }[kind];
}

// What a step is called: "Step 3 of 35", or "Decay 0.25".
function place(player, step) {
  const { step: name, places } = player.data;
  return places.length ? `${name} ${places[step]}` : `${name} ${step} of ${last(player)}`;
}

function last(player) { return Math.max(0, ...player.data.tracks.map(track => track.count - 1)); }

// ------------------------------------------------------------------------------------------------ pictures

// All strips that were sent, with how many frames each has.
function strips(player) {
  return player.data.tracks.flatMap(({ strip, beside, count }) => [strip, beside].filter(Boolean).map(url => ({ url, count })));
}

function ready(player) { return strips(player).every(({ url, count }) => decode(player, url, count).ready); }

// The pixels of all frames of a strip, once they have arrived.
function decode(player, url, count) {
  let kept = player.strips.get(url);
  if (kept) return kept;
  kept = { ready: false };
  player.strips.set(url, kept);
  const image = new Image();
  image.onload = () => {
    const canvas = element("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(image, 0, 0);
    kept.pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    kept.total = canvas.width;
    kept.width = canvas.width / count;
    kept.height = canvas.height;
    kept.ready = true;
    player.root.dataset.ready = ready(player);
    draw(player);
  };
  image.src = url;
  return kept;
}

function value(strip, frame, x, y, channel) {
  return strip.pixels[4 * (y * strip.total + frame * strip.width + x) + channel];
}

// One frame, or its difference from another around grey, at its own size.
function frame(player, strip, index, other, factor) {
  const { width, height } = strip, canvas = player.scratch;
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  const context = canvas.getContext("2d"), image = context.createImageData(width, height);
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at += 4) {
      for (let channel = 0; channel < 3; channel++) {
        const here = value(strip, index, x, y, channel);
        image.data[at + channel] = other === null ? here : 127.5 + factor * (here - value(strip, other, x, y, channel));
      }
      image.data[at + 3] = 255;
    }
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

function show(player, canvas, source, part) {
  const factor = Math.max(1, Math.round(SIDE / source.width)), context = canvas.getContext("2d");
  const width = source.width * factor, height = source.height * factor;
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  context.imageSmoothingEnabled = false;
  const seen = 1 / player.zoom, left = player.left * source.width, top = player.top * source.height;
  context.save();
  if (part) { context.beginPath(); context.rect(part * width, 0, width, height); context.clip(); }
  context.drawImage(source, left, top, source.width * seen, source.height * seen, 0, 0, width, height);
  context.restore();
}

function paint(player, view, track, strip, index) {
  const { kind, canvas } = view;
  if (kind === "change") show(player, canvas, frame(player, strip, index, track.reference, player.factor));
  else if (kind === "reference") show(player, canvas, frame(player, strip, track.reference, null));
  else if (kind === "beside") {
    const beside = decode(player, track.beside, track.count);
    if (beside.ready) show(player, canvas, frame(player, beside, index, null));
  } else if (kind === "now") show(player, canvas, frame(player, strip, index, null));
  else if (kind === "blink") show(player, canvas, frame(player, strip, player.lit ? index : track.reference, null));
  else {
    show(player, canvas, frame(player, strip, track.reference, null));
    show(player, canvas, frame(player, strip, index, null), player.divider || 1e-6);
    const context = canvas.getContext("2d"), at = player.divider * canvas.width;
    context.fillStyle = "#fff";
    context.fillRect(at - 2.5, 0, 5, canvas.height);
    context.fillStyle = "#000";
    context.fillRect(at - 1, 0, 2, canvas.height);
  }
}

function buildTracks(player) {
  const kinds = PICTURES[player.mode];
  const shape = JSON.stringify([player.mode, player.data.ends, player.data.tracks.map(track => [track.name, track.colour, track.captions.length > 0, track.besideName])]);
  if (shape === player.shape) return;
  player.shape = shape;
  const place = player.root.querySelector(".tracks");
  place.style.setProperty("--tracks", player.data.tracks.length);
  place.dataset.tracks = player.data.tracks.length;
  player.views = player.data.tracks.map(track => {
    const box = element("section", "track"), head = element("div", "head", track.name), row = element("div", "views");
    head.style.setProperty("--colour", track.colour);
    const views = kinds.map(kind => {
      const figure = element("figure"), canvas = element("canvas");
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", track.name + ": " + named(player, track, kind));
      canvas.dataset.kind = kind;
      hold(player, canvas, kind);
      figure.append(canvas, element("figcaption", "", named(player, track, kind)));
      row.append(figure);
      return { kind, canvas };
    });
    const caption = element("p", "caption"), pixel = element("p", "pixel", "");
    box.append(head, row, ...(track.captions.length ? [caption] : []), pixel);
    place.append(box);
    return { box, views, caption, pixel };
  });
  place.replaceChildren(...player.views.map(one => one.box));
}

// Dragging moves the divider of a wipe, or the part that is seen when zoomed in; a tap or hover reads a pixel.
function hold(player, canvas, kind) {
  const spot = event => {
    const box = canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  };
  let from = null;
  canvas.onpointerdown = event => {
    if (event.button) return;
    read(player, ...spot(event));
    player.root.querySelector(".tracks").focus({ preventScroll: true });
    if (kind !== "wipe" && player.zoom === 1) return;
    canvas.setPointerCapture(event.pointerId);
    from = [...spot(event), player.left, player.top];
    if (kind === "wipe") divide(player, from[0]);
  };
  canvas.onpointermove = event => {
    const [x, y] = spot(event);
    read(player, x, y);
    if (!from) return;
    if (kind === "wipe") divide(player, x);
    else look(player, from[2] - (x - from[0]) / player.zoom, from[3] - (y - from[1]) / player.zoom);
  };
  canvas.onpointerup = canvas.onpointercancel = () => { from = null; };
  canvas.onpointerleave = event => { if (!from && event.pointerType === "mouse") player.views.forEach(one => { one.pixel.textContent = ""; }); };
  canvas.ondblclick = event => {
    const [x, y] = spot(event);
    zoom(player, player.zoom === ZOOMS.at(-1) ? 1 : player.zoom * 2, x, y);
  };
}

function divide(player, x) {
  player.divider = Math.min(1, Math.max(0, x));
  player.wipe.value = Math.round(100 * player.divider);
  draw(player);
}

function look(player, left, top) {
  const most = 1 - 1 / player.zoom;
  player.left = Math.min(most, Math.max(0, left));
  player.top = Math.min(most, Math.max(0, top));
  draw(player);
}

function zoom(player, factor, x = 0.5, y = 0.5) {
  const seen = 1 / player.zoom;
  const [atX, atY] = [player.left + x * seen, player.top + y * seen];
  player.zoom = factor;
  player.root.dataset.zoom = factor;
  player.root.querySelector(".zoom output").textContent = factor + " ×";
  player.root.querySelector("[data-zoom=out]").disabled = factor === 1;
  player.root.querySelector("[data-zoom=in]").disabled = factor === ZOOMS.at(-1);
  look(player, atX - x / factor, atY - y / factor);
}

function read(player, x, y) {
  player.data.tracks.forEach((track, number) => {
    const strip = decode(player, track.strip, track.count);
    if (!strip.ready) return;
    const column = Math.min(strip.width - 1, Math.max(0, Math.floor((player.left + x / player.zoom) * strip.width)));
    const row = Math.min(strip.height - 1, Math.max(0, Math.floor((player.top + y / player.zoom) * strip.height)));
    const index = Math.min(player.position, track.count - 1);
    const values = at => [0, 1, 2].map(channel => value(strip, at, column, row, channel));
    const text = rgb => rgb[0] === rgb[1] && rgb[1] === rgb[2] ? String(rgb[0]) : rgb.join(" ");
    player.views[number].pixel.textContent =
      `pixel (${column}, ${row}): ${text(values(track.reference))} → ${text(values(index))} of 255`;
  });
}

// -------------------------------------------------------------------------------------------------- charts

const BOX = { left: 46, right: 10, top: 10, bottom: 24, height: 168 };

function written(number, unit) {
  if (number === null || number === undefined) return "–";
  if (unit === "percent") return (100 * number).toFixed(1) + " %";
  const size = Math.abs(number);
  return size >= 100 ? number.toFixed(0) : size >= 10 ? number.toFixed(1) : size >= 1 ? number.toFixed(2) : number.toFixed(3);
}

// Steps of 1, 2 or 5 times a power of ten, about three of them.
function marks(low, high) {
  const raw = (high - low) / 3, power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map(one => one * power).find(one => one >= raw * 0.999);
  const found = [];
  for (let at = Math.ceil(low / step - 1e-9) * step; at <= high + 1e-9 * step; at += step) found.push(at);
  return found;
}

function buildCharts(player) {
  const place = player.root.querySelector(".charts");
  const shape = JSON.stringify(player.data.series);
  const width = place.clientWidth;
  if (shape === player.drawn && width === player.width) return;
  player.drawn = shape;
  player.width = width;
  place.replaceChildren();
  player.charts = player.data.series.map(series => {
    const box = element("section", "chart"), title = element("div", "title", series.title + (series.mark === null ? "" : ", dotted: " + series.markName));
    box.append(title);
    place.append(box);
    return { series, box };
  });
  player.charts.forEach(chart => plot(player, chart));
}

function plot(player, chart) {
  const { series, box } = chart, wide = Math.max(160, box.clientWidth), end = Math.max(1, last(player));
  const all = series.lines.flatMap(line => line.values).filter(one => one !== null);
  if (series.mark !== null) all.push(series.mark);
  let [low, high] = series.unit === "percent" ? [0, 1] : [Math.min(0, ...all), Math.max(...all, 1e-6)];
  if (series.unit !== "percent") high += 0.06 * (high - low);
  const x = step => BOX.left + (wide - BOX.left - BOX.right) * step / end;
  const y = one => BOX.top + (BOX.height - BOX.top - BOX.bottom) * (1 - (one - low) / (high - low));
  const svg = drawn("svg", { width: wide, height: BOX.height, role: "img" });
  svg.setAttribute("aria-label", series.title);
  for (const mark of series.unit === "percent" ? [0, 0.5, 1] : marks(low, high)) {
    svg.append(drawn("line", { x1: BOX.left, x2: wide - BOX.right, y1: y(mark), y2: y(mark), class: "rule" }));
    const text = drawn("text", { x: BOX.left - 6, y: y(mark) + 5, "text-anchor": "end" });
    text.textContent = series.unit === "percent" ? 100 * mark + " %" : Number(mark.toPrecision(3)).toString();
    svg.append(text);
  }
  for (const [step, anchor] of [[0, "start"], [end, "end"]]) {
    const text = drawn("text", { x: x(step), y: BOX.height - 5, "text-anchor": anchor });
    const { step: name, places } = player.data;
    text.textContent = (step === 0 && !places.length ? name + " " : "") + (places[step] ?? step);
    svg.append(text);
  }
  if (series.mark !== null) {
    svg.append(drawn("line", { x1: BOX.left, x2: wide - BOX.right, y1: y(series.mark), y2: y(series.mark), class: "mark" }));
  }
  for (const line of [...series.lines].sort((one, other) => other.faint - one.faint)) {
    let path = "", pen = false;
    line.values.forEach((one, step) => {
      if (one === null) { pen = false; return; }
      path += (pen ? "L" : "M") + x(step).toFixed(1) + " " + y(one).toFixed(1);
      pen = true;
    });
    svg.append(drawn("path", { d: path, stroke: line.colour, class: line.faint ? "line faint" : "line" }));
  }
  chart.cursor = drawn("line", { y1: BOX.top, y2: BOX.height - BOX.bottom, class: "cursor" });
  svg.append(chart.cursor);
  chart.dots = series.lines.map(line => drawn("circle", { r: line.faint ? 3.5 : 5, fill: line.colour }));
  svg.append(...chart.dots);
  chart.x = x;
  chart.y = y;
  const legend = element("ul", "legend");
  chart.said = series.lines.map(line => {
    const item = element("li"), swatch = element("i", line.faint ? "faint" : ""), told = element("b");
    swatch.style.setProperty("--colour", line.colour);
    item.append(swatch, element("span", "", line.name), told);
    legend.append(item);
    return told;
  });
  const scrub = event => {
    const at = (event.clientX - svg.getBoundingClientRect().left - BOX.left) / (wide - BOX.left - BOX.right);
    go(player, Math.round(at * end));
  };
  svg.onpointerdown = event => { svg.setPointerCapture(event.pointerId); scrub(event); };
  svg.onpointermove = event => { if (event.buttons) scrub(event); };
  box.append(svg, legend);
}

// ------------------------------------------------------------------------------------------------- moving

function draw(player) {
  const { tracks } = player.data, end = last(player);
  player.position = Math.min(end, Math.max(0, player.position));
  player.scrub.max = end;
  player.scrub.value = player.position;
  player.scrub.setAttribute("aria-label", player.data.step);
  player.scrub.setAttribute("aria-valuetext", place(player, player.position));
  tracks.forEach((track, number) => {
    const index = Math.min(player.position, track.count - 1), strip = decode(player, track.strip, track.count), one = player.views[number];
    if (strip.ready) one.views.forEach(view => paint(player, view, track, strip, index));
    one.caption.textContent = track.captions[index] ?? "";
  });
  player.charts.forEach(chart => {
    const at = chart.x(player.position);
    chart.cursor.setAttribute("x1", at);
    chart.cursor.setAttribute("x2", at);
    chart.series.lines.forEach((line, number) => {
      const index = Math.min(player.position, line.values.length - 1), one = line.values[index];
      const dot = chart.dots[number];
      dot.style.display = one === null || one === undefined ? "none" : "";
      if (one !== null && one !== undefined) { dot.setAttribute("cx", chart.x(index)); dot.setAttribute("cy", chart.y(one)); }
      chart.said[number].textContent = written(one, chart.series.unit);
    });
  });
  player.said.textContent = place(player, player.position);
  player.play.textContent = player.timer ? "❚❚" : "▶";
  player.play.setAttribute("aria-label", player.timer ? "Pause" : "Play");
  player.root.dataset.position = player.position;
  player.root.dataset.last = end;
}

function halt(player) { clearInterval(player.timer); player.timer = null; }

function go(player, step) { halt(player); player.position = step; draw(player); }

function play(player) {
  if (player.timer) { go(player, player.position); return; }
  if (player.position >= last(player)) player.position = 0;
  player.timer = setInterval(() => {
    if (!player.root.isConnected) { halt(player); return; }
    player.position += 1;
    if (player.position >= last(player)) halt(player);
    draw(player);
  }, PLAY_MS);
  draw(player);
}

function change(player, mode) {
  player.mode = mode;
  player.root.dataset.mode = mode;
  player.root.querySelector(".amplify").hidden = mode !== "three" && mode !== "change";
  player.root.querySelector(".wipe").hidden = mode !== "wipe";
  clearInterval(player.blinker);
  player.lit = true;
  if (mode === "blink") {
    player.blinker = setInterval(() => {
      if (!player.root.isConnected) { clearInterval(player.blinker); return; }
      player.lit = !player.lit;
      player.root.dataset.lit = player.lit;
      draw(player);
    }, BLINK_MS);
  }
  buildTracks(player);
  draw(player);
}

function keys(player, event) {
  const kind = event.target.type;
  if (event.altKey || event.ctrlKey || event.metaKey || kind === "radio") return;
  if (kind === "range" && event.target !== player.scrub) return;
  if (event.key === " " && event.target.tagName === "BUTTON") return;
  const moves = { ArrowLeft: player.position - 1, ArrowRight: player.position + 1, Home: 0, End: last(player) };
  if (event.key in moves) go(player, moves[event.key]);
  else if (event.key === " ") play(player);
  else return;
  event.preventDefault();
}

function begin(root) {
  const player = {
    root, strips: new Map(), scratch: element("canvas"), mode: "three", position: null, timer: null, blinker: null,
    zoom: 1, left: 0, top: 0, divider: 0.5, lit: true, factor: 4, views: [], charts: [],
    scrub: root.querySelector(".scrub"), said: root.querySelector(".said"), play: root.querySelector(".play"),
    wipe: root.querySelector(".wipe input"),
  };
  const modes = root.querySelector(".modes"), group = "mode" + Math.random().toString(36).slice(2);
  for (const [key, name] of MODES) {
    const label = element("label"), input = element("input");
    Object.assign(input, { type: "radio", name: group, value: key });
    input.onchange = () => change(player, key);
    label.append(input, element("span", "", name));
    modes.append(label);
  }
  const amplify = root.querySelector(".amplify input"), told = root.querySelector(".amplify output");
  Object.assign(amplify, { min: 1, max: 20, step: 1, value: player.factor });
  told.textContent = player.factor;
  amplify.oninput = () => { player.factor = Number(amplify.value); told.textContent = amplify.value; draw(player); };
  player.wipe.oninput = () => divide(player, player.wipe.value / 100);
  root.querySelector("[data-zoom=in]").onclick = () => zoom(player, Math.min(ZOOMS.at(-1), player.zoom * 2));
  root.querySelector("[data-zoom=out]").onclick = () => zoom(player, Math.max(1, player.zoom / 2));
  player.scrub.oninput = () => go(player, Number(player.scrub.value));
  player.play.onclick = () => play(player);
  root.onkeydown = event => keys(player, event);
  new ResizeObserver(() => { if (player.data) { buildCharts(player); draw(player); } }).observe(root.querySelector(".charts"));
  return player;
}

export default function(component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".player");
  let player = players.get(root);
  if (!player) players.set(root, player = begin(root));
  const fresh = player.data === undefined;
  player.data = data;
  const used = new Set(strips(player).map(one => one.url));
  for (const strip of player.strips.keys()) if (!used.has(strip)) player.strips.delete(strip);
  if (player.position === null) player.position = data.start ?? last(player);
  root.dataset.ready = ready(player);
  buildTracks(player);
  buildCharts(player);
  if (fresh) {
    for (const input of root.querySelectorAll(".modes input")) {
      input.parentElement.hidden = !data.modes.includes(input.value);
      input.checked = input.value === data.modes[0];
    }
    root.querySelector(".bar").hidden = !data.modes.some(mode => mode === "three" || mode === "beside");  // two frames to wipe and blink are no film
    change(player, data.modes[0]);
    zoom(player, 1);
  }
  draw(player);
}
