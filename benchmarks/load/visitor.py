"""A visitor without a browser: speaks Streamlit's protocol (protobuf over a WebSocket) as its page does.

It keeps the buttons and texts that the server draws, presses buttons, types, and asks again as often as fragments say.
"""

import asyncio
import re
import time
import urllib.request
from contextlib import suppress

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

TICKET = re.compile(r'"x-robustscope-ticket": "([0-9a-f]+)"')


class Visitor:
    """One open page."""

    def __init__(self, address: str, query: str) -> None:
        self.address, self.query = address, query
        self.cookie = ""
        self.buttons: dict[str, tuple[str, str]] = {}  # by id: label, fragment
        self.inputs: dict[str, str] = {}  # by id: label
        self.texts: list[tuple[float, str]] = []  # when which HTML came; the newest last
        self.drawn = asyncio.Event()
        self._states: dict[str, WidgetState] = {}
        self._run: dict[str, tuple[str, str]] = {}  # buttons of the run in progress
        self._touched: set[str] = set()  # fragments that it drew
        self._page = ""  # which script it is, once the server has said so
        self._failed: Exception | None = None
        self._pollers: dict[str, asyncio.Task] = {}
        self._reader: asyncio.Task | None = None

    async def open(self) -> None:
        """Connect, and run the page once."""
        url = self.address.replace("http", "ws", 1) + "/_stcore/stream"
        headers = {"Cookie": self.cookie} if self.cookie else {}
        self._socket = await websockets.connect(
            url,
            subprotocols=["streamlit"],
            max_size=None,
            additional_headers=headers,
            open_timeout=120,
            ping_interval=None,
        )
        self.buttons.clear()
        self._page, self._failed = "", None
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
        await self._send(self.buttons[button][1], WidgetState(id=button, trigger_value=True))

    def find(self, part: str) -> list[str]:
        """Ids of buttons with a text in their label or key."""
        return [name for name, (label, _) in self.buttons.items() if part in label or part in name]

    async def until(self, holds, seconds: float = 120.0):
        """What `holds` gives once it gives something."""
        end = time.monotonic() + seconds
        while not (found := holds()):
            if self._failed:
                raise self._failed
            if time.monotonic() > end:
                raise TimeoutError(f"{[*self.buttons.values()]} {[text[-120:] for _, text in self.texts[-4:]]}")
            self.drawn.clear()
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self.drawn.wait(), 1.0)
        return found

    async def _send(self, fragment: str = "", *pressed: WidgetState, auto: bool = False) -> None:
        message = BackMsg()
        state = message.rerun_script
        state.query_string, state.page_script_hash = self.query, self._page
        state.page_name = "" if self._page else "workshop"
        state.fragment_id, state.is_auto_rerun = fragment, auto
        state.context_info.url = f"{self.address}/workshop"
        state.widget_states.widgets.extend([*self._states.values(), *pressed])
        await self._socket.send(message.SerializeToString())

    async def _read(self) -> None:
        try:
            async for data in self._socket:
                message = ForwardMsg()
                message.ParseFromString(data)
                self._take(message)
            self._failed = ConnectionError("the server closed the connection")
        except asyncio.CancelledError:
            raise
        except Exception as error:  # whoever waits must hear of it
            self._failed = error

    def _take(self, message: ForwardMsg) -> None:
        kind = message.WhichOneof("type")
        if kind == "new_session":
            self._redrawn()  # a server in a hurry leaves out that the run before has finished
            self._run, self._touched = {}, set()
        elif kind == "navigation":
            self._page = message.navigation.page_script_hash
        elif kind == "page_info_changed":
            self.query = message.page_info_changed.query_string
        elif kind == "auto_rerun":
            again = message.auto_rerun
            if old := self._pollers.pop(again.fragment_id, None):
                old.cancel()
            self._pollers[again.fragment_id] = asyncio.create_task(self._poll(again.fragment_id, again.interval))
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._touched.add(message.delta.fragment_id)
            self._element(message.delta)
        elif kind == "script_finished":
            self._finished(message.script_finished)

    def _finished(self, how: int) -> None:
        """After a fragment's run the buttons of other fragments stay; after a whole one, its own and polls alone."""
        if how == ForwardMsg.FINISHED_SUCCESSFULLY:
            self.buttons = self._run
            for fragment in [*self._pollers]:
                if fragment not in self._touched:
                    self._pollers.pop(fragment).cancel()
        else:
            self._redrawn()
        self.drawn.set()

    def _redrawn(self) -> None:
        """The buttons of fragments that were drawn are the new ones; those of others stay."""
        kept = {name: each for name, each in self.buttons.items() if each[1] not in self._touched}
        self.buttons = kept | self._run

    def _element(self, delta) -> None:
        element = delta.new_element
        match element.WhichOneof("type"):
            case "button":
                self._run[element.button.id] = (element.button.label, delta.fragment_id)
            case "text_input":
                self.inputs[element.text_input.id] = element.text_input.label
            case "html":
                self.texts = [*self.texts[-200:], (time.monotonic(), element.html.body)]
                if not self.cookie and (ticket := TICKET.search(element.html.body)):
                    self.cookie = "wanted"
                    asyncio.get_running_loop().run_in_executor(None, self._fetch, ticket[1])
                self.drawn.set()

    def _fetch(self, ticket: str) -> None:
        request = urllib.request.Request(
            f"{self.address}/visitor", method="POST", headers={"x-robustscope-ticket": ticket}
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            self.cookie = answer.headers["set-cookie"].partition(";")[0]

    async def _poll(self, fragment: str, interval: float) -> None:
        with suppress(websockets.ConnectionClosed, asyncio.CancelledError):
            while True:
                await asyncio.sleep(interval)
                await self._send(fragment, auto=True)
