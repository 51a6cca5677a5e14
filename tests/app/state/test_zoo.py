"""Networks that visitors see: what is damaged is passed over, and said."""

import shutil

from app.state import zoo


def test_a_damaged_card_takes_its_own_network_alone_and_is_named(tiny_zoo, tmp_path, monkeypatch):
    folder = shutil.copytree(tiny_zoo, tmp_path / "zoo")
    monkeypatch.setenv("ROBUSTSCOPE_MODELS", str(folder))
    whole = set(zoo.cards_of("cifar10"))
    path = folder / "cifar10" / "pgd-l2.json"
    path.write_bytes(path.read_bytes()[:200])
    assert set(zoo.cards_of("cifar10")) == whole - {"pgd-l2"}
    (sentence,) = zoo.damaged_cards("cifar10")
    assert "pgd-l2.json" in sentence and not zoo.damaged_cards("fashion-mnist")
