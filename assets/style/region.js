// Linked panels: a box drawn on one stands on all, as do the pixel under the pointer, the zoom and the part that is seen.
// Shares are summed here while the box moves; the server is told once it rests.
const WAIT = 400, CLICK = 4, MOST_ZOOM = 16, MOST_COLUMNS = 5;
const seen = { zoom: 1, left: 0, top: 0, pixel: null, size: "" };  // of the whole visit, so that it outlives what is drawn anew
const pickers = new WeakMap(), pictures = new Map();

function element(kind, name, text) {
  const made = document.createElement(kind);
  if (name) made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function between(low, value, high) { return Math.min(high, Math.max(low, value)); }

function percent(share) { return Number.isFinite(share) ? (100 * share).toFixed(share < 0.0995 ? 1 : 0) + " %" : "–"; }

function three(value) { return (value < 0 ? "−" : "+") + Number(Math.abs(value).toPrecision(3)).toString(); }

// ------------------------------------------------------------------------------------------------ what was sent

// A map's values, and for each pixel the sum of |value| over all that lie above and left of it.
function decode(panel, { height, width }) {
  const bytes = Uint8Array.from(atob(panel.values), letter => letter.charCodeAt(0));
  const values = new Int16Array(bytes.buffer), sums = new Float64Array((height + 1) * (width + 1));
  for (let row = 0; row < height; row++) {
    for (let column = 0, line = 0; column < width; column++) {
      line += Math.abs(values[row * width + column]);
      sums[(row + 1) * (width + 1) + column + 1] = sums[row * (width + 1) + column + 1] + line;
    }
  }
  return { values, sums };
}

function share({ sums }, [top, left, rows, columns], width) {
  const at = (row, column) => sums[row * (width + 1) + column], whole = sums[sums.length - 1];
  const inside = at(top + rows, left + columns) - at(top, left + columns) - at(top + rows, left) + at(top, left);
  return whole > 0 ? inside / whole : NaN;
}

function picture(picker, source) {
  let one = pictures.get(source);
  if (!one) {
    one = { image: new Image(), pixels: null };
    pictures.set(source, one);
    one.image.onload = () => {
      const canvas = element("canvas");
      canvas.width = one.image.naturalWidth;
      canvas.height = one.image.naturalHeight;
      const context = canvas.getContext("2d", { willReadFrequently: true });
      context.drawImage(one.image, 0, 0);
      one.pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
      redraw(picker);
    };
    one.image.src = source;
  }
  return one;
}

// ------------------------------------------------------------------------------------------------------ drawing

function build(picker) {
  const { groups } = picker.data, place = picker.place;
  const shape = JSON.stringify(groups);
  if (shape === picker.shape) return;
  picker.shape = shape;
  picker.views = [];
  place.style.setProperty("--most", Math.min(MOST_COLUMNS, Math.max(...groups.map(group => group.panels.length))));
  place.replaceChildren(...groups.map(group => {
    const box = element("section", "group"), row = element("div", "row");
    if (group.title) box.append(element("h3", "", group.title));
    for (const panel of group.panels) row.append(figure(picker, panel));
    box.append(row);
    return box;
  }));
  for (const view of picker.views) picker.watched.observe(view.canvas);
  const used = new Set(groups.flatMap(group => group.panels.map(panel => panel.source)));
  for (const source of pictures.keys()) if (!used.has(source)) pictures.delete(source);
}

function figure(picker, panel) {
  const made = element("figure"), head = element("div", "head", panel.name), canvas = element("canvas");
  if (panel.colour) made.style.setProperty("--colour", panel.colour);
  head.append(element("small", "", panel.note));
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `${panel.name}: ${panel.note}`);
  canvas.style.aspectRatio = `${picker.data.width} / ${picker.data.height}`;
  const value = element("div", "value"), view = { panel, canvas, value, map: panel.values ? decode(panel, picker.data) : null };
  made.dataset.panel = panel.key;
  made.append(head, canvas);
  if (view.map) {
    view.share = element("div", "share");
    made.append(view.share);
  }
  made.append(value);
  if (panel.answers.length) made.append(answers(panel.answers));
  hold(picker, canvas);
  picker.views.push(view);
  return made;
}

function answers(lines) {
  const list = element("ul", "answers");
  for (const line of lines) {
    const item = element("li", line.changed ? "changed" : "");
    item.style.setProperty("--colour", line.colour);
    item.append(element("i"), element("b", "", line.answer), element("span", "", line.share), element("small", "", line.name));
    list.append(item);
  }
  return list;
}

function redraw(picker) {
  picker.frame ??= requestAnimationFrame(() => { picker.frame = null; draw(picker); });
}

function draw(picker) {
  const { data, root, box } = picker, pixel = picker.hover ?? seen.pixel;
  for (const view of picker.views) {
    paint(picker, view, pixel);
    view.value.textContent = pixel ? read(view, pixel, data) : "";
    if (view.share) tell(view, box, data);
  }
  picker.said.replaceChildren(...words(picker));
  picker.place.setAttribute("aria-label", `${picker.said.textContent} Arrows move the box, Shift and arrows resize it, Escape clears it, plus and minus zoom.`);
  root.querySelector(".of-bars").hidden = !box || !picker.views.some(view => view.map);
  picker.clear.disabled = !box && !seen.pixel;
  root.dataset.box = box ? box.join() : "";
  root.dataset.zoom = seen.zoom;
  root.querySelector(".zoom output").textContent = Number(seen.zoom.toFixed(1)) + " ×";
  root.querySelector("[data-zoom=out]").disabled = seen.zoom === 1;
  root.querySelector("[data-zoom=in]").disabled = seen.zoom >= most(data);
  root.dataset.ready = picker.views.every(view => pictures.get(view.panel.source)?.pixels);
}

function words({ box, data }) {
  if (!box) return [document.createTextNode("Draw a box on any panel; a click marks one pixel.")];
  const [top, left, rows, columns] = box, area = rows * columns / (data.height * data.width);
  const bold = element("b", "", `${percent(area)} of the picture`);
  return [bold, document.createTextNode(`: rows ${top} to ${top + rows - 1}, columns ${left} to ${left + columns - 1}.`)];
}

function tell(view, box, { height, width }) {
  if (!box) { view.share.replaceChildren(); return; }
  const inside = share(view.map, box, width), area = box[2] * box[3] / (height * width);
  const bar = element("i"), filled = element("u"), mark = element("s");
  filled.style.width = 100 * (inside || 0) + "%";
  mark.style.left = 100 * area + "%";
  bar.append(filled, mark);
  const times = Number.isFinite(inside) ? `, ${(inside / area).toFixed(1)} × its area` : "";
  view.share.replaceChildren(element("b", "", percent(inside)), document.createTextNode(` of the map${times}`), bar);
  view.share.dataset.share = inside;
}

function read(view, [row, column], { width }) {
  const at = `(${column}, ${row}): `;
  if (view.map) return at + three(view.map.values[row * width + column] / 32767 * view.panel.scale);
  const { pixels } = pictures.get(view.panel.source) ?? {};
  if (!pixels) return "";
  const rgb = [...pixels.slice(4 * (row * width + column), 4 * (row * width + column) + 3)];
  return at + (rgb[0] === rgb[1] && rgb[1] === rgb[2] ? rgb[0] : rgb.join(" ")) + " of 255";
}

function paint(picker, view, pixel) {
  const { canvas } = view, { height, width } = picker.data, ratio = window.devicePixelRatio || 1;
  const wide = Math.max(1, Math.round(canvas.clientWidth * ratio)), tall = Math.max(1, Math.round(wide * height / width));
  if (canvas.width !== wide || canvas.height !== tall) { canvas.width = wide; canvas.height = tall; }
  const context = canvas.getContext("2d"), { image, pixels } = picture(picker, view.panel.source);
  context.clearRect(0, 0, wide, tall);
  if (!pixels) return;
  context.imageSmoothingEnabled = false;
  const part = 1 / seen.zoom;
  context.drawImage(image, seen.left * width, seen.top * height, width * part, height * part, 0, 0, wide, tall);
  const x = column => (column / width - seen.left) * seen.zoom * wide, y = row => (row / height - seen.top) * seen.zoom * tall;
  if (picker.box) {
    const [top, left, rows, columns] = picker.box, corner = [x(left), y(top), x(left + columns) - x(left), y(top + rows) - y(top)];
    context.fillStyle = "rgb(0 0 0 / 0.16)";
    context.beginPath();
    context.rect(0, 0, wide, tall);
    context.rect(...corner);
    context.fill("evenodd");
    lines(context, ratio, () => context.strokeRect(...corner));
  }
  if (pixel) {
    const [row, column] = pixel, middle = [x(column + 0.5), y(row + 0.5)], half = [x(column + 1) - x(column), y(row + 1) - y(row)];
    lines(context, ratio / 2, () => {
      context.strokeRect(x(column), y(row), ...half);
      context.beginPath();
      for (const [from, to] of [[0, middle[0] - half[0]], [middle[0] + half[0], wide]]) { context.moveTo(from, middle[1]); context.lineTo(to, middle[1]); }
      for (const [from, to] of [[0, middle[1] - half[1]], [middle[1] + half[1], tall]]) { context.moveTo(middle[0], from); context.lineTo(middle[0], to); }
      context.stroke();
    });
  }
}

// White on black, so that it shows on every ground.
function lines(context, ratio, stroke) {
  for (const [colour, size] of [["#000", 4], ["#fff", 2]]) {
    context.strokeStyle = colour;
    context.lineWidth = size * ratio;
    stroke();
  }
}

// ------------------------------------------------------------------------------------------------------- moving

function most({ height, width }) { return between(1, Math.min(height, width) / 4, MOST_ZOOM); }

function look(picker, left, top) {
  const rest = 1 - 1 / seen.zoom;
  seen.left = between(0, left, rest);
  seen.top = between(0, top, rest);
  redraw(picker);
}

// Zoom so that what is at a spot, in shares of the panel, stays there.
function zoom(picker, factor, x = 0.5, y = 0.5) {
  const [atX, atY] = [seen.left + x / seen.zoom, seen.top + y / seen.zoom];
  seen.zoom = between(1, factor, most(picker.data));
  look(picker, atX - x / seen.zoom, atY - y / seen.zoom);
}

function spot(canvas, event) {
  const frame = canvas.getBoundingClientRect();
  return [(event.clientX - frame.left) / frame.width, (event.clientY - frame.top) / frame.height];
}

function pixelAt({ data }, [x, y]) {
  const column = Math.floor((seen.left + x / seen.zoom) * data.width), row = Math.floor((seen.top + y / seen.zoom) * data.height);
  return [between(0, row, data.height - 1), between(0, column, data.width - 1)];
}

function spanned([top, left], [bottom, right]) {
  return [Math.min(top, bottom), Math.min(left, right), Math.abs(bottom - top) + 1, Math.abs(right - left) + 1];
}

// A drag draws a box, or moves what is seen; two fingers zoom; a click marks a pixel.
function hold(picker, canvas) {
  const fingers = new Map();
  let held = null;
  canvas.onpointerdown = event => {
    if (event.button > 1) return;
    picker.place.focus({ preventScroll: true });
    canvas.setPointerCapture(event.pointerId);
    fingers.set(event.pointerId, spot(canvas, event));
    if (fingers.size === 2) {
      if (held?.box) picker.box = held.before;
      held = { pinch: apart(fingers), zoom: seen.zoom };
      return;
    }
    const move = picker.tool === "move" || event.shiftKey || event.button === 1;
    held = { move, at: spot(canvas, event), client: [event.clientX, event.clientY], left: seen.left, top: seen.top, before: picker.box };
    event.preventDefault();
  };
  canvas.onpointermove = event => {
    const here = spot(canvas, event);
    if (fingers.has(event.pointerId)) fingers.set(event.pointerId, here);
    if (held?.pinch) {
      const [one, other] = [...fingers.values()];
      if (other) zoom(picker, held.zoom * apart(fingers) / held.pinch, (one[0] + other[0]) / 2, (one[1] + other[1]) / 2);
      return;
    }
    picker.hover = event.pointerType === "mouse" ? pixelAt(picker, here) : null;
    redraw(picker);
    if (!held || (!held.far && Math.hypot(event.clientX - held.client[0], event.clientY - held.client[1]) < CLICK)) return;
    held.far = true;
    if (held.move) look(picker, held.left - (here[0] - held.at[0]) / seen.zoom, held.top - (here[1] - held.at[1]) / seen.zoom);
    else {
      held.box = true;
      picker.box = spanned(pixelAt(picker, held.at), pixelAt(picker, here));
    }
  };
  canvas.onpointerup = event => {
    fingers.delete(event.pointerId);
    if (held?.box) send(picker, 0);
    else if (held && !held.pinch && !held.far) { seen.pixel = pixelAt(picker, spot(canvas, event)); redraw(picker); }
    if (!fingers.size) held = null;
  };
  canvas.onpointercancel = event => {
    fingers.delete(event.pointerId);
    if (held?.box) { picker.box = held.before; redraw(picker); }
    held = null;
  };
  canvas.onpointerleave = () => { picker.hover = null; redraw(picker); };
  // A wheel over panels that nobody has touched scrolls the page.
  canvas.addEventListener("wheel", event => {
    const factor = seen.zoom * Math.exp(-event.deltaY / 300);
    if (!event.ctrlKey && (picker.root.getRootNode().activeElement !== picker.place || (factor < 1 && seen.zoom === 1))) return;
    event.preventDefault();
    zoom(picker, factor, ...spot(canvas, event));
  }, { passive: false });
}

function apart(fingers) {
  const [one, other] = [...fingers.values()];
  return Math.max(1e-3, Math.hypot(one[0] - other[0], one[1] - other[1]));
}

function middle({ height, width }) {
  return [Math.floor(height / 4), Math.floor(width / 4), Math.ceil(height / 2), Math.ceil(width / 2)];
}

function keys(picker, event) {
  if (event.altKey || event.ctrlKey || event.metaKey) return;
  const ways = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }, { height, width } = picker.data;
  if (event.key in ways) {
    const [down, right] = ways[event.key];
    if (!picker.box) picker.box = middle(picker.data);
    else {
      const [top, left, rows, columns] = picker.box;
      picker.box = event.shiftKey
        ? [top, left, between(1, rows + down, height - top), between(1, columns + right, width - left)]
        : [between(0, top + down, height - rows), between(0, left + right, width - columns), rows, columns];
    }
    send(picker, WAIT);
  } else if (event.key === "Escape") clear(picker);
  else if (event.key === "+" || event.key === "=") zoom(picker, seen.zoom * 1.5);
  else if (event.key === "-") zoom(picker, seen.zoom / 1.5);
  else if (event.key === "0") zoom(picker, 1);
  else return;
  event.preventDefault();
  redraw(picker);
}

function clear(picker) {
  seen.pixel = null;
  if (picker.box) { picker.box = null; send(picker, 0); }
  redraw(picker);
}

// What the server says of the box is heeded again once it answers what was told last.
function send(picker, wait) {
  picker.told = JSON.stringify(picker.box);
  clearTimeout(picker.timer);
  picker.timer = setTimeout(() => picker.tell(picker.box ?? []), wait);
  redraw(picker);
}

function begin(root) {
  const picker = {
    root, place: root.querySelector(".panels"), said: root.querySelector(".said"), clear: root.querySelector(".clear"),
    box: null, told: null, tool: "box", hover: null, views: [], frame: null,
  };
  picker.watched = new ResizeObserver(() => redraw(picker));
  picker.place.onkeydown = event => keys(picker, event);
  picker.clear.onclick = () => clear(picker);
  root.querySelector("[data-zoom=in]").onclick = () => zoom(picker, seen.zoom * 1.5);
  root.querySelector("[data-zoom=out]").onclick = () => zoom(picker, seen.zoom / 1.5);
  for (const input of root.querySelectorAll(".modes input")) {
    input.onchange = () => { picker.tool = root.dataset.tool = input.value; };
  }
  return picker;
}

export default function({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".region");
  let picker = pickers.get(root);
  if (!picker) pickers.set(root, picker = begin(root));
  picker.data = data;
  picker.tell = box => setTriggerValue("box", box);
  const size = `${data.height} ${data.width}`;
  if (seen.size !== size) Object.assign(seen, { zoom: 1, left: 0, top: 0, pixel: null, size });
  if (picker.told === null || picker.told === JSON.stringify(data.box)) { picker.box = data.box; picker.told = null; }
  build(picker);
  draw(picker);
}
