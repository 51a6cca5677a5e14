"""A decoder that draws one class: what it is told makes no difference, and a search asks about the answer given."""

import torch

from core.latent.decoder import OneClass
from core.latent.search import Search, search


def test_one_class_is_drawn_whatever_is_told(curved):
    z = torch.randn(3, curved.latent, generator=torch.Generator().manual_seed(0))
    drawn = OneClass(curved, 2).decode(z, torch.tensor([0, 1, 4]))
    assert torch.equal(drawn, curved.decode(z, torch.full((3,), 2))) and OneClass(curved, 2).latent == curved.latent


def test_a_search_for_another_answer_starts_at_the_same_picture_and_ends_elsewhere(curved, classifier):
    """A code whose picture is answered otherwise than it is drawn: the plain search is over before it began."""
    z = torch.randn(60, curved.latent, generator=torch.Generator().manual_seed(1))
    answers = classifier(curved.decode(z, torch.zeros(60, dtype=torch.int64))).argmax(1)
    odd = int((answers != 0).nonzero()[0, 0])
    code, answer = z[odd : odd + 1], answers[odd : odd + 1]
    plain = search(curved, classifier, code, torch.tensor([0]), 0.0, Search())
    asked = search(OneClass(curved, 0), classifier, code, answer, 0.0, Search())
    assert plain.already_wrong[0] and plain.norm[0] == 0
    assert not asked.already_wrong[0] and asked.found[0] and asked.norm[0] > 0
    assert torch.equal(torch.from_numpy(plain.x_decayed), torch.from_numpy(asked.x_decayed))
    assert int(classifier(torch.from_numpy(asked.x_adv)).argmax()) != int(answer)
