"""A visitor without a browser: speaks Streamlit's protocol (protobuf over a WebSocket) as its page does.

It keeps the widgets and texts that the server draws, uses widgets, brings files, and asks again as often as fragments
say. What it was sent before is not sent again, as with a browser.
"""

import asyncio
import re
import secrets
import time
import urllib.request
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import websockets
from streamlit.proto.Alert_pb2 import Alert
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

TICKET = re.compile(r'"x-robustscope-ticket": "([0-9a-f]+)"')
KEPT_RUNS = 2  # in which a browser keeps a message that was not drawn again
VALUES = {
    "button_group": "string_array_value", "checkbox": "bool_value", "multiselect": "string_array_value",
    "selectbox": "string_value", "slider": "double_array_value", "expandable": "bool_value",
    "text_input": "string_value", "file_uploader": "file_uploader_state_value",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Widget:
    """What can be used on a page; `drawn` is the server's own message of it."""

    kind: str
    id: str
    fragment: str
    drawn: Any

    @property
    def label(self) -> str:
        """What is written on it."""
        return self.drawn.label


def state_of(widget: Widget, value: Any = None) -> WidgetState:
    """What a browser says of a widget that was given a value; a button has none."""
    state = WidgetState(id=widget.id)
    field = "string_array_value" if widget.kind == "slider" and widget.drawn.options else VALUES.get(widget.kind)
    if field is None:
        state.trigger_value = True
    elif field.endswith("array_value"):
        getattr(state, field).data.extend(value)
    elif widget.kind == "file_uploader":
        state.file_uploader_state_value.CopyFrom(value)
    else:
        setattr(state, field, value)
    return state


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of HTML on the page, and the run and the fragment that drew it."""

    body: str
    run: str
    fragment: str


class Visitor:
    """One open page."""

    def __init__(self, address: str, query: str = "", page: str = "workshop") -> None:
        self.address, self.query, self.page = address, query, page
        self.cookie = ""
        self.widgets: dict[str, Widget] = {}  # by id
        self.texts: list[tuple[float, str]] = []  # when which HTML came; the newest last
        self.shown: dict[tuple[int, ...], Text] = {}  # by place
        self.drawn = asyncio.Event()
        self.runs = 0  # of the whole page that ended
        self.ends: dict[str, int] = {}  # by fragment, how often it ended by itself
        self.received = 0  # bytes
        self.errors: list[str] = []  # what went wrong, as the page says it
        self.session = ""
        self.pages: dict[str, str] = {}  # by path, which script it is, once the server has said so
        self._states: dict[str, WidgetState] = {}
        self._run: dict[str, Widget] = {}  # widgets of the run in progress
        self._run_id, self._running = "", False
        self._fragments: tuple[str, ...] = ()  # that the run in progress is of
        self._touched: set[str] = set()  # fragments that it drew
        self._sent: dict[str, tuple[int, bytes]] = {}  # by hash, the run in which it was last drawn, and the message
        self._urls: dict[str, Any] = {}  # by request, where a file goes
        self._page = ""
        self._failed: Exception | None = None
        self._pollers: dict[str, asyncio.Task] = {}
        self._reader: asyncio.Task | None = None

    async def open(self) -> None:
        """Connect, and run the page once."""
        url = self.address.replace("http", "ws", 1) + "/_stcore/stream"
        headers = {"Cookie": self.cookie} if self.known else {}
        self._socket = await websockets.connect(
            url,
            subprotocols=["streamlit"],
            max_size=None,
            additional_headers=headers,
            open_timeout=120,
            ping_interval=None,
        )
        self.widgets.clear()
        self._page, self._failed, self._running = "", None, False
        self._reader = asyncio.create_task(self._read())
        await self._send()

    async def close(self) -> None:
        """Leave, without a word."""
        for task in (*self._pollers.values(), self._reader):
            if task:
                task.cancel()
        self._pollers.clear()
        with suppress(Exception):
            await self._socket.close()

    async def press(self, button: str, typed: dict[str, str] | None = None) -> None:
        """Press a button by its id, with texts typed before, by the ids of their inputs."""
        for name, text in (typed or {}).items():
            self._states[name] = WidgetState(id=name, string_value=text)
        await self._send(self.widgets[button].fragment, WidgetState(id=button, trigger_value=True))

    async def use(self, widget: Widget, value: Any = None) -> None:
        """Press a button, or give another widget a value; back once what it draws again is drawn."""
        state = state_of(widget, value)
        await self._ended(self._send(widget.fragment, state), widget.fragment)

    async def turn_to(self, page: str) -> None:
        """Go to another page by the navigation; back once it is drawn."""
        self.page, self._page, self.query = page, self.pages[page], ""
        await self._ended(self._send())

    async def bring(self, widget: Widget, name: str, data: bytes) -> None:
        """Choose a file in an uploader; back once the page with it is drawn."""
        message, request = BackMsg(), secrets.token_hex(8)
        wanted = message.file_urls_request
        wanted.request_id, wanted.session_id = request, self.session
        wanted.file_names.append(name)
        await self._socket.send(message.SerializeToString())
        urls = await self.until(lambda: self._urls.pop(request, None))
        await asyncio.get_running_loop().run_in_executor(None, self._upload, urls.upload_url, name, data)
        chosen = WidgetState().file_uploader_state_value
        file = chosen.uploaded_file_info.add()
        file.file_id, file.name, file.size = urls.file_id, name, len(data)
        file.file_urls.CopyFrom(urls)
        await self.use(widget, chosen)

    def find(self, part: str, kind: str = "button") -> list[str]:
        """Ids of widgets of a kind with a text in their label or key."""
        return [
            each.id for each in self.widgets.values() if each.kind == kind and (part in each.label or part in each.id)
        ]

    @property
    def busy(self) -> bool:
        """Whether a run is half drawn, or a fragment of the page asks again and again, as for long work."""
        return self._running or bool(self._pollers)

    @property
    def known(self) -> bool:
        """Whether the server will know this visitor again, by the cookie."""
        return "=" in self.cookie

    async def until(self, holds, seconds: float = 120.0):
        """What `holds` gives once it gives something."""
        end = time.monotonic() + seconds
        while not (found := holds()):
            if self._failed:
                raise self._failed
            if time.monotonic() > end:
                drawn = [each.label for each in self.widgets.values()]
                raise TimeoutError(f"{drawn} {[text[-120:] for _, text in self.texts[-4:]]}")
            self.drawn.clear()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.drawn.wait(), 1.0)
        return found

    async def _ended(self, asked, fragment: str = "") -> None:
        """Ask, and wait for the end of the whole page's run, or of this fragment's."""
        before, part = self.runs, self.ends.get(fragment, 0)
        await asked
        await self.until(lambda: self.runs > before or (fragment and self.ends.get(fragment, 0) > part))

    async def _send(self, fragment: str = "", *used: WidgetState, auto: bool = False) -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self.query, self._page
        state.page_name = "" if self._page else self.page
        state.fragment_id, state.is_auto_rerun = fragment, auto
        state.context_info.url = f"{self.address}/{self.page}"
        state.widget_states.widgets.extend([*self._states.values(), *used])
        state.cached_message_hashes.extend(self._sent)
        await self._socket.send(message.SerializeToString())

    async def _read(self) -> None:
        try:
            async for data in self._socket:
                self.received += len(data)
                message = ForwardMsg()
                message.ParseFromString(data)
                self._take(self._whole(message))
            self._failed = ConnectionError("the server closed the connection")
        except asyncio.CancelledError:
            raise
        except Exception as error:  # whoever waits must hear of it
            self._failed = error
            self.drawn.set()

    def _whole(self, message: ForwardMsg) -> ForwardMsg:
        """The message, or in place of its hash the one that came before."""
        if message.WhichOneof("type") == "ref_hash":
            _, data = self._sent[message.ref_hash]
            self._sent[message.ref_hash] = (self.runs, data)
            before = ForwardMsg()
            before.ParseFromString(data)
            before.metadata.CopyFrom(message.metadata)
            return before
        if message.metadata.cacheable:
            self._sent[message.hash] = (self.runs, message.SerializeToString())
        return message

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._redrawn()  # a server in a hurry leaves out that the run before has finished
            self._run, self._touched, self._running = {}, set(), True
            run = message.metadata.run
            self._run_id, self._fragments = run.script_run_id, (*run.fragment_ids,)
            self.session = message.new_session.initialize.session_id or self.session
        elif kind == "navigation":
            self._page = message.navigation.page_script_hash
            self.pages = {each.url_pathname: each.page_script_hash for each in message.navigation.app_pages}
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "file_urls_response":
            self._urls[message.file_urls_response.response_id] = message.file_urls_response.file_urls[0]
            self.drawn.set()
        elif kind == "auto_rerun":
            again = message.auto_rerun
            if old := self._pollers.pop(again.fragment_id, None):
                old.cancel()
            self._pollers[again.fragment_id] = asyncio.create_task(self._poll(again.fragment_id, again.interval))
        elif kind == "delta":
            self._draw(message.delta, (*message.metadata.delta_path,))
        elif kind == "script_finished":
            self._finished(message.script_finished)

    def _finished(self, how: int) -> None:
        """After a fragment's run what other fragments drew stays; after a whole one, its own and polls alone."""
        self._running = False
        if how == ForwardMsg.FINISHED_SUCCESSFULLY:
            self.widgets = self._run
            self.shown = {place: text for place, text in self.shown.items() if text.run == self._run_id}
            for fragment in [*self._pollers]:
                if fragment not in self._touched:
                    self._pollers.pop(fragment).cancel()
            self.runs += 1
            self._sent = {name: each for name, each in self._sent.items() if each[0] > self.runs - KEPT_RUNS}
        else:
            self._redrawn()
        if how == ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY:
            self.shown = {
                place: text
                for place, text in self.shown.items()
                if text.run == self._run_id or text.fragment not in self._fragments
            }
            for fragment in self._fragments:
                self.ends[fragment] = self.ends.get(fragment, 0) + 1
        self.drawn.set()

    def _redrawn(self) -> None:
        """The widgets of fragments that were drawn are the new ones; those of others stay."""
        kept = {name: each for name, each in self.widgets.items() if each.fragment not in self._touched}
        self.widgets = kept | self._run

    def _draw(self, delta, place: tuple[int, ...]) -> None:
        if delta.WhichOneof("type") == "add_block":
            block = delta.add_block
            if block.WhichOneof("type") == "expandable" and block.expandable.id:
                widget = Widget("expandable", block.expandable.id, delta.fragment_id, block.expandable)
                self._run[widget.id] = widget
            return
        if delta.WhichOneof("type") != "new_element":
            return
        self._touched.add(delta.fragment_id)
        self.shown.pop(place, None)
        kind = delta.new_element.WhichOneof("type")
        if kind == "button" or kind in VALUES:
            element = getattr(delta.new_element, kind)
            self._run[element.id] = Widget(kind, element.id, delta.fragment_id, element)
        elif kind == "exception":
            self.errors.append(delta.new_element.exception.type)
        elif kind == "alert" and delta.new_element.alert.format == Alert.ERROR:
            self.errors.append(delta.new_element.alert.body)
        elif kind == "html":
            self._html(Text(delta.new_element.html.body, self._run_id, delta.fragment_id), place)

    def _html(self, text: Text, place: tuple[int, ...]) -> None:
        self.shown[place] = text
        self.texts = [*self.texts[-200:], (time.monotonic(), text.body)]
        if not self.cookie and (ticket := TICKET.search(text.body)):
            self.cookie = "wanted"
            asyncio.get_running_loop().run_in_executor(None, self._fetch, ticket[1])
        self.drawn.set()

    def _fetch(self, ticket: str) -> None:
        request = urllib.request.Request(
            f"{self.address}/visitor", method="POST", headers={"x-robustscope-ticket": ticket}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]

    def _upload(self, url: str, name: str, data: bytes) -> None:
        with urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=60) as answer:
            cookie = answer.headers["set-cookie"].partition(";")[0]
        mark = secrets.token_hex(16)
        head = f'--{mark}\r\nContent-Disposition: form-data; name="{name}"; filename="{name}"\r\n\r\n'
        request = urllib.request.Request(
            self.address + url, head.encode() + data + f"\r\n--{mark}--\r\n".encode(), method="PUT",
            headers={
                "Content-Type": f"multipart/form-data; boundary={mark}", "Cookie": cookie,
                "X-Xsrftoken": cookie.partition("=")[2],
            },
        )  # fmt: skip
        urllib.request.urlopen(request, timeout=60).close()

    async def _poll(self, fragment: str, interval: float) -> None:
        with suppress(websockets.ConnectionClosed, asyncio.CancelledError):
            while True:
                await asyncio.sleep(interval)
                await self._send(fragment, auto=True)
