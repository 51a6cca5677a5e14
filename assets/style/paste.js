// A picture from the clipboard, handed to the uploader beside this component as if it had been chosen there: that
// counts its bytes and sends it. Nothing is read before the visitor pastes.
const TEXT = "input:not([type=file]), textarea, [contenteditable=true]";

function offered(items) {
  return [...items].find(file => file.type.startsWith("image/"));
}

function say(root, words) { root.querySelector(".said").textContent = words; }

function hand(root, { input: place, most }, file) {
  const input = document.querySelector(`.st-key-${place} input[type=file]`);
  if (!file) return say(root, "There is no picture in the clipboard.");
  if (file.size > most) return say(root, `The picture has more than ${Math.floor(most / 1e6)} MB.`);
  if (!input) return say(root, "The box for files is not there.");
  say(root, "");
  const given = new DataTransfer();
  given.items.add(new File([file], `pasted.${file.type.split("/")[1].split("+")[0]}`, { type: file.type }));
  input.files = given.files;
  input.dispatchEvent(new Event("change", { bubbles: true }));
}

async function read() {
  for (const item of await navigator.clipboard.read()) {
    const type = item.types.find(one => one.startsWith("image/"));
    if (type) return item.getType(type);
  }
}

export default function({ data, parentElement }) {
  const root = parentElement.querySelector(".paste");
  const button = root.querySelector("button");
  button.hidden = !navigator.clipboard?.read;  // browsers have it on https and on this machine alone
  button.onclick = () => read().then(
    file => hand(root, data, file),
    () => say(root, "This browser does not let the page read the clipboard: press Ctrl+V or ⌘V."),
  );
  const listen = event => {
    const file = offered(event.clipboardData?.files ?? []);
    if (!file && event.target.closest?.(TEXT)) return;
    event.preventDefault();
    hand(root, data, file);
  };
  document.addEventListener("paste", listen);
  return () => document.removeEventListener("paste", listen);
}
