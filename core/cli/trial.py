"""What a command tries with a network that was just brought or fetched, and what it says of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.data.tasks import Task

if TYPE_CHECKING:
    from core.models.zoo import ZooModel

MOST_LABELLED = 500


def try_network(task: Task, model: "ZooModel", device_name: str | None, pictures: Path | None) -> dict[str, Any]:
    """What a network answers on the photographs that ship, and on labelled pictures where there are any."""
    import torch

    from core.data.datasets import load_folder
    from core.data.galleries import photograph, photographs
    from core.devices import choose_device
    from core.images import fit
    from core.models.foreign.dry_run import labelled_answers, suspicion, top_answers, tried_variants

    device = choose_device(device_name)
    model, items = model.on(device), list(photographs(task))
    x = torch.cat([fit(photograph(item.key.partition(":")[2]).pixels, task.shape) for item in items]).to(device)
    answers = {
        item.title: {task.class_names[k]: round(p, 4) for k, p in zip(one.classes, one.probs, strict=True)}
        for item, one in zip(items, top_answers(model, x), strict=True)
    }
    if pictures is None:
        return {"answers": answers}
    labelled = load_folder(task, pictures).on(device)
    few = labelled.first(MOST_LABELLED)
    doubt = suspicion(tried_variants(model, few.images(), few.labels.tolist()))
    return {"answers": answers, "accuracy": dict(labelled_answers(model, labelled)), "doubt": doubt}


def trial_lines(told: dict[str, Any]) -> list[str]:
    """What is said of a network that was tried."""
    said = [f"{told['key']}: {told['network']}, task {told['task']}"]
    said += [told["notes"]] if told["notes"] else []
    for title, answers in told["answers"].items():
        said.append(f"  {title:12} {', '.join(f'{name} {p:.0%}' for name, p in answers.items())}")
    if accuracy := told.get("accuracy"):
        low, high = accuracy["clean_low"], accuracy["clean_high"]
        said.append(f"right on {accuracy['clean']:.1%} ({low:.1%} to {high:.1%}) of {accuracy['clean_n']:,} pictures")
    said += [told["doubt"]] if told.get("doubt") else []
    said.append(f"kept: {told['file']}" if "file" in told else "nothing was kept")
    return said
