"""Look at one photograph with a standard and a robust network: answers, and what a small attack does to them.

    .venv/bin/python examples/look_at_a_photo.py

It uses a photograph that scikit-image brings and networks that ship; nothing is downloaded.
"""

from core import Pgd, attack_result, fit, gallery, load_zoo_model, predict, task_named

EPSILON = 2 / 255  # in [0, 1] pixel units, L-infinity


def main() -> None:
    """Print a line a network."""
    task = task_named("cifar10")
    photo = gallery(task).picture("photo:chelsea")
    x = fit(photo.pixels, task.shape)
    print(f"A photograph of {photo.width} x {photo.height} pixels, seen at {task.shape[2]} x {task.shape[1]}")
    for key in ("standard", "pgd-linf"):
        model = load_zoo_model(task.key, key)
        seen = predict(model, x)
        attacked = attack_result(model, x, Pgd(EPSILON, steps=20))  # seed 0
        answer = f"{task.class_names[seen.target]} ({seen.probs[seen.target]:.0%})"
        after = f"{task.class_names[attacked.after]} ({attacked.probs_adv[attacked.after]:.0%})"
        print(f"{key:9} says {answer}; after PGD with 20 steps at 2/255 it says {after}")


if __name__ == "__main__":
    main()
