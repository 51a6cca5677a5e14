"""The flow of a generator is fitted to the codes that its encoder gives, when both halves have learned."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from core.data.datasets import LabelledImages
from core.draws import gaussian
from core.latent.network import AutoencoderNetwork
from core.latent.prior import FlowPrior, flow_loss
from core.training.moving import follow, state_of

CHUNK = 512  # images encoded at once
CODES = 512  # a step
RATE, DECAY = 1e-3, 1e-2  # of AdamW; the rate falls to 0 over the last `FALL` of the steps
FALL = 0.4
AVERAGING = 0.999


@dataclass(frozen=True, slots=True)
class EncodedImages:
    """What an encoder says of images: means and deviations of their codes, each (N, n), and their classes (N,)."""

    mean: Tensor
    deviation: Tensor
    labels: Tensor

    def draw(self, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Codes (count, n) of images drawn with replacement, and their classes (count,)."""
        chosen = torch.randint(len(self.labels), (count,), generator=generator)
        noise = gaussian((count, self.mean.shape[1]), generator, self.mean)
        return self.mean[chosen] + self.deviation[chosen] * noise, self.labels[chosen]


@torch.no_grad()
def encoded(network: AutoencoderNetwork, data: LabelledImages, flip: bool) -> EncodedImages:
    """Every image as the encoder sees it, and where `flip` is set its mirror image, too."""
    means, deviations, labels = [], [], []
    for start in range(0, len(data), CHUNK):
        x, y = data.images(start, start + CHUNK), data.labels[start : start + CHUNK]
        for seen in (x, x.flip(3)) if flip else (x,):
            mean, log_variance = network.encoder(seen.contiguous(memory_format=torch.channels_last), y)
            means.append(mean)
            deviations.append((0.5 * log_variance).exp())
            labels.append(y)
    return EncodedImages(torch.cat(means), torch.cat(deviations), torch.cat(labels))


def fit_flow(
    prior: FlowPrior,
    codes: EncodedImages,
    steps: int,
    seed: int,
    on_step: Callable[[float], None],
    should_stop: Callable[[], bool],
) -> bool:
    """Fit a flow to codes from fresh weights, and leave the average of its weights in it; False if it was stopped.

    Args:
        prior: what is fitted.
        codes: of the images learned from; each step draws anew from their Gaussians.
        steps: updates, of `CODES` codes each.
        seed: of weights, codes, noise and times.
        on_step: called with each step's loss.
        should_stop: asked before each step.
    """
    generator = torch.Generator().manual_seed(seed)
    prior.begin(codes.draw(20 * CODES, generator)[0], generator)
    average = state_of(prior)
    optimiser = torch.optim.AdamW(prior.parameters(), RATE, (0.9, 0.99), weight_decay=DECAY)
    for step, loss in enumerate(_losses(prior, codes, steps, generator)):
        if should_stop():
            return False
        for group in optimiser.param_groups:
            group["lr"] = RATE * min(1.0, (steps - step) / (FALL * steps))
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        decay = min(AVERAGING, (1 + step) / (10 + step))
        follow(average, prior, decay)
        on_step(float(loss.detach()))
    prior.load_state_dict(average)
    return True


def _losses(prior: FlowPrior, codes: EncodedImages, steps: int, generator: torch.Generator) -> Iterator[Tensor]:
    for _ in range(steps):
        drawn, labels = codes.draw(CODES, generator)
        noise = gaussian(drawn.shape, generator, drawn)
        t = torch.rand(CODES, generator=generator).to(drawn.device)
        yield flow_loss(prior, prior.standardised(drawn), labels, noise, t)
