"""The standings for a room, without an engine: those chosen stand first, and what was not measured has no bar."""

from dataclasses import replace

from app.models.slides import slides
from app.models.standings import Share, Standing
from core.models.resnet import ResNetConfig
from core.models.zoo import Card

CARD = Card("cifar10", "standard", ResNetConfig(), "", {}, 0, "", {}, "abc", 0, ())
SHARE = Share(0.5, 0.4, 0.6, 100)


def test_chosen_networks_stand_first_four_a_slide_and_gaps_stay_gaps():
    standing = [
        Standing(replace(CARD, key=key), 8 / 255, SHARE, None, SHARE, None, None) for key in ("a", "b", "c", "d", "e")
    ]
    made = slides(standing, ["e", "b"], "linf")
    assert [[panel.key for panel in slide.panels] for slide in made] == [["b", "e", "a", "c"], ["d"]]
    assert [bar.name for bar in made[0].panels[0].faces[0].bars] == ["clean", "APGD"]
    assert "8/255" in made[0].caption
