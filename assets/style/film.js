// The film of the page Train: draws the frames it was sent, and lets the visitor go through them.
const films = new WeakMap();

function element(kind, name, text) {
  const made = document.createElement(kind);
  made.className = name;
  if (text !== undefined) made.textContent = text;
  return made;
}

function picture(film, url) {
  let image = film.images.get(url);
  if (!image) {
    image = new Image();
    image.onload = () => draw(film);
    image.src = url;
    film.images.set(url, image);
  }
  return image;
}

function paint(canvas, image, index, count) {
  if (!image.complete || !image.naturalWidth) return;
  const width = image.naturalWidth / count, height = image.naturalHeight;
  if (canvas.width !== width || canvas.height !== height) { canvas.width = width; canvas.height = height; }
  canvas.getContext("2d").drawImage(image, index * width, 0, width, height, 0, 0, width, height);
}

function tile(kind) {
  const made = element("div", "tile " + kind);
  made.append(document.createElement("canvas"), element("p", ""));
  return made;
}

function build(film) {
  const { labels, tracks } = film.data, grid = film.root.querySelector(".grid");
  const shape = JSON.stringify([labels, tracks.map(track => [track.name, track.colour])]);
  if (shape === film.shape) return;
  film.shape = shape;
  grid.style.setProperty("--rows", tracks.length + 1);
  grid.replaceChildren(element("div", "head plain", "Picture and its true class"));
  for (const track of tracks) {
    const head = element("div", "head", track.name);
    head.style.setProperty("--colour", track.colour);
    grid.append(head);
  }
  film.tiles = labels.map((label, index) => {
    const shown = tile("picture"), maps = tracks.map(() => tile("map"));
    shown.querySelector("p").textContent = label;
    shown.querySelector("canvas").setAttribute("role", "img");
    shown.querySelector("canvas").setAttribute("aria-label", "Picture of class " + label);
    maps.forEach((map, number) => {
      map.querySelector("canvas").setAttribute("role", "img");
      map.querySelector("canvas").setAttribute("aria-label", "Gradient map of " + label + " in " + tracks[number].name);
    });
    grid.append(shown, ...maps);
    return { shown, maps };
  });
}

function draw(film) {
  const { labels, tracks, pictures } = film.data, count = labels.length;
  const last = Math.max(0, ...tracks.map(track => track.frames.length - 1));
  film.position = Math.min(film.position, last);
  film.slider.max = last;
  film.slider.value = film.position;
  film.tiles.forEach(({ shown, maps }, index) => {
    paint(shown.querySelector("canvas"), picture(film, pictures), index, count);
    maps.forEach((map, number) => {
      const track = tracks[number], moment = Math.min(film.position, track.frames.length - 1), text = map.querySelector("p");
      map.style.visibility = moment < 0 ? "hidden" : "visible";
      if (moment < 0) return;
      paint(map.querySelector("canvas"), picture(film, track.frames[moment]), index, count);
      const [said, right] = track.captions[moment][index];
      text.textContent = said;
      text.title = said;
      text.className = right ? "right" : "wrong";
    });
  });
  const longest = tracks.reduce((one, other) => other.at.length > one.length ? other.at : one, []);
  const at = longest[film.position] ?? 0;
  film.said.textContent = "after " + at.toFixed(at < 1 ? 2 : 1) + (at === 1 ? " epoch" : " epochs");
  film.play.textContent = film.timer ? "❚❚" : "▶";
  film.root.dataset.position = film.position;
  film.root.dataset.last = last;
}

function last(film) { return Math.max(0, ...film.data.tracks.map(track => track.frames.length - 1)); }

function newest(film) { return film.data.follow ?? last(film); }

function halt(film) { clearInterval(film.timer); film.timer = null; }

function play(film) {
  if (film.timer) { halt(film); draw(film); return; }
  if (film.position >= last(film)) film.position = 0;
  film.following = false;
  film.timer = setInterval(() => {
    film.position += 1;
    if (film.position >= last(film)) { film.position = last(film); film.following = film.data.follow === null; halt(film); }
    draw(film);
  }, 160);
  draw(film);
}

export default function(component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".film");
  let film = films.get(root);
  if (!film) {
    film = { root, images: new Map(), position: 0, following: true, timer: null, slider: root.querySelector("input"),
             said: root.querySelector("output"), play: root.querySelector(".play") };
    films.set(root, film);
    film.slider.oninput = () => {
      halt(film);
      film.position = Number(film.slider.value);
      film.following = film.position === newest(film);
      draw(film);
    };
    film.play.onclick = () => play(film);
  }
  film.data = data;
  const used = new Set([data.pictures, ...data.tracks.flatMap(track => track.frames)]);
  for (const url of film.images.keys()) if (!used.has(url)) film.images.delete(url);
  for (const url of used) picture(film, url);
  if (film.following) film.position = newest(film);
  build(film);
  draw(film);
}
