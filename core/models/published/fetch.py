"""A published network into the user's folder: its file is fetched, then read, matched and built as a brought one."""

from dataclasses import replace
from pathlib import Path

from core.data.tasks import task_named
from core.errors import ConfigError, CoreError, InputError
from core.models.foreign.fitting import LIBRARIES, NetworkName
from core.models.foreign.importing import built, keep, match
from core.models.foreign.presets import preprocessing_of
from core.models.foreign.reading import read_foreign
from core.models.foreign.tensors import MOST_VALUES
from core.models.published.download import UnreachableError, download
from core.models.published.entry import SETTING, TASK, PublishedNetwork
from core.models.published.first_fetch import first_checksum, note_checksum
from core.models.zoo import ASSETS, Card, ZooModel, user_models
from core.progress import OnProgress, ShouldStop, never, silent


def check_wanted(entry: PublishedNetwork) -> None:
    """Refuse what can't be fetched, before a byte of it is.

    Raises:
        ConfigError: it is here already, too large, or only pointed at; says what to do.
    """
    if any((folder / TASK / f"{entry.key}.json").exists() for folder in (ASSETS, user_models())):
        raise ConfigError(f"{entry.name} is here already, as {entry.key}")
    if entry.obstacle:
        raise ConfigError(f"{entry.name}: {entry.obstacle} See {entry.address}; then {entry.import_command}")
    if hindrance := entry.hindrance or _too_large(entry):
        raise ConfigError(f"{entry.name} can't be had here. {hindrance}")


def fetched(
    entry: PublishedNetwork, scratch: Path, on_progress: OnProgress = silent, should_stop: ShouldStop = never
) -> ZooModel:
    """The network, ready to be asked and not kept yet.

    Args:
        entry: which one.
        scratch: a folder for its file, which is there as long as the network is used.
        on_progress: told bytes done, and of how many.
        should_stop: asked now and then.

    Raises:
        ConfigError: see `check_wanted`.
        InputError: it could not be fetched, is another file than was published, or does not fit its architecture.
        StoppedError: `should_stop` said so.
    """
    check_wanted(entry)
    path = scratch / "file"
    expected = entry.sha256 or first_checksum(entry.name)
    try:
        digest = download(entry.address, path, expected, on_progress=on_progress, should_stop=should_stop)
    except UnreachableError as error:
        raise InputError(
            f"{error}. Nothing was kept. Elsewhere, download {entry.address}; then here: {entry.import_command}"
        ) from error
    try:
        matched = match(read_foreign(path, scratch / "weights.safetensors", should_stop), entry.network)
    finally:
        path.unlink(missing_ok=True)
    model = built(matched, task_named(TASK), entry.preprocess, entry.key, f"robustscope fetch {entry.name}")
    settings = {**model.card.settings, SETTING: entry.facts(digest)}
    note = f"{entry.note} {model.card.note}".strip()
    card = replace(model.card, recipe="Trained and published by others", settings=settings, note=note)
    return replace(model, card=card)


def keep_fetched(model: ZooModel) -> Card:
    """Keep a network that was fetched where every command and page finds it; returns its card.

    Raises:
        InputError: the user's folder can't be written.
    """
    facts = model.card.settings[SETTING]
    card = keep(model, user_models())
    if not facts["checksum_known"]:
        note_checksum(facts["name"], facts["file_sha256"])
    return card


def _too_large(entry: PublishedNetwork) -> str:
    """Why a network's number of values, counted without its weights, is too large; "" where it is not."""
    library, _, name = entry.network.partition("/")
    _, kind = LIBRARIES[library]
    preprocessing = preprocessing_of(entry.preprocess, NetworkName(library, name), 3)
    try:
        parameters = kind(name, task_named(TASK).classes, preprocessing).parameters
    except CoreError as error:
        return f"It can't be built here ({error})."
    return replace(entry, parameters=parameters).hindrance if parameters > MOST_VALUES else ""
