"""Double backpropagation: the penalty is the squared input gradient of the cross-entropy, per example, averaged."""

from torch.nn.functional import cross_entropy, one_hot
from torch.testing import assert_close

from core.attacks.fgsm import Fgsm
from core.training.recipes.adversarial import SingleStepTraining
from core.training.recipes.adversarial_double_backprop import AdversarialDoubleBackprop
from core.training.recipes.double_backprop import DoubleBackprop


def test_linear_model_gives_the_closed_form(linear, batch):
    """The input gradient of cross-entropy is W^T (p - y)."""
    logits = linear(batch.x)
    gradient = (logits.softmax(1) - one_hot(batch.labels, 3)) @ linear.weight
    expected = cross_entropy(logits, batch.labels) + 2.5 * gradient.square().sum(1).mean()
    assert_close(DoubleBackprop(2.5).loss(linear, batch), expected)


def test_with_adversarial_training_it_is_the_mean_of_both_with_the_penalty_on_clean_images(linear, batch):
    adversarial = SingleStepTraining(Fgsm(0.1))
    both = AdversarialDoubleBackprop(DoubleBackprop(2.5), adversarial).loss(linear, batch)
    attacked = 2 * adversarial.loss(linear, batch) - cross_entropy(linear(batch.x), batch.labels)
    assert_close(both, (DoubleBackprop(2.5).loss(linear, batch) + attacked) / 2)
    assert DoubleBackprop(2.5).loss(linear, batch) > cross_entropy(linear(batch.x), batch.labels) + 0.1
