"""Closed forms of a layer's weight gradient, image by image, from its input and the gradient on its output.

For one image the gradient of a linear layer or a convolution is `G A^T`, with the output gradient G (O, P) and the
unfolded input A (Q, P), P places. It is never formed for more than one shift of a kernel at a time.
"""

from collections.abc import Mapping

from torch import Tensor, nn
from torch.nn.functional import conv2d, layer_norm, linear, pad, unfold

CHANNELS_FIRST = "LayerNorm2d"
"""What torchvision and timm call a LayerNorm over the channels of a map (B, C, h, w)."""
_ADDED = 8  # what one addition of a Gram matrix costs beside a multiply-add of a matrix product, measured on a CPU


def has_closed_form(module: nn.Module) -> bool:
    """Whether `squared_norms` and `products` know this layer: Linear, Conv2d, and norms that work entry by entry.

    A convolution must pad with zeros by a number of pixels; BatchNorm2d must have fixed statistics, and LayerNorm
    normalise the last dimension, or the second one where its class is called LayerNorm2d.
    """
    if type(module) is nn.Conv2d:
        return module.padding_mode == "zeros" and not isinstance(module.padding, str)
    if isinstance(module, nn.LayerNorm):
        usual = type(module) is nn.LayerNorm or type(module).__name__ in ("LayerNorm", CHANNELS_FIRST)
        return usual and module.elementwise_affine and len(module.normalized_shape) == 1
    if type(module) is nn.BatchNorm2d:
        return module.affine and module.running_mean is not None and not module.training
    return type(module) is nn.Linear


def squared_norms(module: nn.Module, a: Tensor, g: Tensor, wanted: frozenset[str]) -> dict[str, Tensor]:
    """The squared L2 norm (B,) of each image's gradient on the parameters `wanted` ("weight", "bias") of a layer.

    Args:
        module: a layer with a closed form.
        a: its input (B, ...).
        g: the gradient on its output (B, ...).
        wanted: names of its own parameters.
    """
    found = {}
    if "weight" in wanted:
        match module:
            case nn.Conv2d():
                found["weight"] = _convolution(module, a, g)
            case nn.Linear():
                found["weight"] = _product(*_places(a, g))
            case nn.BatchNorm2d():
                found["weight"] = _scale_gradient(module, a, g).square().sum(1)
            case nn.LayerNorm():
                found["weight"] = _layer_scale_gradient(module, a, g).square().sum(1)
    if "bias" in wanted:
        found["bias"] = _bias_gradient(module, g).square().sum(1)
    return found


def products(module: nn.Module, a: Tensor, g: Tensor, directions: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The dot product (B,) of each image's gradient with a fixed direction, for each parameter that has one.

    `<G A^T, V> = sum_p g_p . (V a_p)`: the layer itself with V for weights, times the output gradient.

    Args:
        module: a layer with a closed form.
        a: its input (B, ...).
        g: the gradient on its output (B, ...).
        directions: by the parameter's own name ("weight", "bias"), each in the parameter's shape.
    """
    found = {}
    if "weight" in directions:
        v = directions["weight"]
        match module:
            case nn.Conv2d():
                through = conv2d(a, v, None, module.stride, module.padding, module.dilation, module.groups)
                found["weight"] = (through * g).flatten(1).sum(1)
            case nn.Linear():
                found["weight"] = (linear(a, v) * g).flatten(1).sum(1)
            case nn.BatchNorm2d():
                found["weight"] = _scale_gradient(module, a, g) @ v
            case nn.LayerNorm():
                found["weight"] = _layer_scale_gradient(module, a, g) @ v
    if "bias" in directions:
        found["bias"] = _bias_gradient(module, g) @ directions["bias"]
    return found


def _places(a: Tensor, g: Tensor) -> tuple[Tensor, Tensor]:
    """Input (B, Q, P) and output gradient (B, O, P) of a linear layer on (B, Q) or (B, ..., Q)."""
    batch = len(a)
    return a.reshape(batch, -1, a.shape[-1]).transpose(1, 2), g.reshape(batch, -1, g.shape[-1]).transpose(1, 2)


def _bias_gradient(module: nn.Module, g: Tensor) -> Tensor:
    """The gradient on the bias (B, O): the output gradient, summed over the places."""
    if isinstance(module, nn.LayerNorm):
        return _channels_last(module, g).flatten(1, -2).sum(1)
    return _places(g, g)[0].sum(2) if isinstance(module, nn.Linear) else g.sum((2, 3))


def _scale_gradient(module: nn.BatchNorm2d, a: Tensor, g: Tensor) -> Tensor:
    """The gradient on a fixed BatchNorm's scale (B, C): the output gradient times the normalised input, summed."""
    assert module.running_mean is not None and module.running_var is not None
    centred = a - module.running_mean[:, None, None]
    return (centred * g).sum((2, 3)) / (module.running_var + module.eps).sqrt()


def _layer_scale_gradient(module: nn.LayerNorm, a: Tensor, g: Tensor) -> Tensor:
    """The gradient on a LayerNorm's scale (B, C): the output gradient times the normalised input, summed."""
    normalised = layer_norm(_channels_last(module, a), module.normalized_shape, None, None, module.eps)
    return (normalised * _channels_last(module, g)).flatten(1, -2).sum(1)


def _channels_last(module: nn.LayerNorm, values: Tensor) -> Tensor:
    """Values (B, ..., C) of a LayerNorm, which may have them as (B, C, h, w), or as (B, C), one place."""
    if values.dim() == 2:
        return values[:, None]
    return values.permute(0, 2, 3, 1) if type(module).__name__ == CHANNELS_FIRST else values


def _product(a: Tensor, g: Tensor) -> Tensor:
    """`|| G A^T ||_F^2` (B,) of A (B, Q, P) and G (B, O, P), by Gram matrices of the places where they are cheaper."""
    (rows, places), outputs = a.shape[1:], g.shape[1]
    if places == 1:
        return a.square().sum((1, 2)) * g.square().sum((1, 2))
    if places * (rows + outputs + 2 * _ADDED) < rows * outputs:
        return (_gram(a) * _gram(g)).sum((1, 2))
    return (g @ a.transpose(1, 2)).square().sum((1, 2))


def _gram(a: Tensor) -> Tensor:
    """`A^T A` (B, P, P) of A (B, Q, P)."""
    return a.transpose(1, 2) @ a


def _convolution(conv: nn.Conv2d, a: Tensor, g: Tensor) -> Tensor:
    """`|| dJ/dW ||_F^2` (B,) of a convolution, by the cheapest of three ways to the same number.

    1. Each shift of the kernel by itself: the gradient's block for that shift is G times the shifted input.
    2. Gram matrices of the places, `sum_pq (A^T A)_pq (G^T G)_pq`, with A unfolded.
    3. The same, with `A^T A` added up from the shifted Gram matrix of the input's pixels, which needs no unfolding.

    Counted in multiply-adds an image; the first is the only one that does not grow with the square of the places.
    """
    if conv.groups > 1:
        return _grouped(conv, a, g)
    kernel = conv.kernel_size[0] * conv.kernel_size[1]
    inputs, pixels = a.shape[1], a.shape[2] * a.shape[3]
    outputs, places = g.shape[1], g.shape[2] * g.shape[3]
    if kernel == 1 and conv.padding == (0, 0):
        down, right = conv.stride
        return _product(a[:, :, ::down, ::right].flatten(2), g.flatten(2))
    costs = {
        _by_shifts: kernel * inputs * outputs * places,
        _by_unfolding: places**2 * (kernel * inputs + outputs + 2 * _ADDED),
        _by_pixels: pixels**2 * inputs + places**2 * (outputs + (sum(conv.kernel_size) + 1) * _ADDED),
    }
    return min(costs, key=lambda way: costs[way])(conv, a, g)


def _grouped(conv: nn.Conv2d, a: Tensor, g: Tensor) -> Tensor:
    """The sum over groups, each a convolution of its own; a kernel's shifts one after the other, all groups at once."""
    (up, left), (down, right), (high, wide) = _pair(conv.padding), conv.stride, conv.dilation
    padded = pad(a, (left, left, up, up)).unflatten(1, (conv.groups, -1))
    (height, width), g = g.shape[2:], g.flatten(2).unflatten(1, (conv.groups, -1))
    total = a.new_zeros(len(a))
    for row in range(0, conv.kernel_size[0] * high, high):
        for column in range(0, conv.kernel_size[1] * wide, wide):
            rows = slice(row, row + (height - 1) * down + 1, down)
            columns = slice(column, column + (width - 1) * right + 1, right)
            shifted = padded[:, :, :, rows, columns].flatten(3)
            total += (g @ shifted.transpose(2, 3)).square().sum((1, 2, 3))
    return total


def _by_shifts(conv: nn.Conv2d, a: Tensor, g: Tensor) -> Tensor:
    (up, left), (down, right), (high, wide) = _pair(conv.padding), conv.stride, conv.dilation
    padded = pad(a, (left, left, up, up))
    g, (height, width) = g.flatten(2), g.shape[2:]
    total = a.new_zeros(len(a))
    for row in range(0, conv.kernel_size[0] * high, high):
        for column in range(0, conv.kernel_size[1] * wide, wide):
            rows = slice(row, row + (height - 1) * down + 1, down)
            columns = slice(column, column + (width - 1) * right + 1, right)
            total += (g @ padded[:, :, rows, columns].flatten(2).transpose(1, 2)).square().sum((1, 2))
    return total


def _by_unfolding(conv: nn.Conv2d, a: Tensor, g: Tensor) -> Tensor:
    unfolded = unfold(a, conv.kernel_size, conv.dilation, _pair(conv.padding), conv.stride)
    return (_gram(unfolded) * _gram(g.flatten(2))).sum((1, 2))


def _by_pixels(conv: nn.Conv2d, a: Tensor, g: Tensor) -> Tensor:
    (height, width), (places_high, places_wide) = a.shape[2:], g.shape[2:]
    gram = _gram(a.flatten(2)).view(-1, height, width, height, width)
    by_rows = gram.new_zeros(len(a), places_high, width, places_high, width)
    for here, there in _overlaps(conv, 0, places_high, height):
        by_rows[:, here, :, here] += gram[:, there, :, there]
    full = gram.new_zeros(len(a), places_high, places_wide, places_high, places_wide)
    for here, there in _overlaps(conv, 1, places_wide, width):
        full[:, :, here, :, here] += by_rows[:, :, there, :, there]
    places = places_high * places_wide
    return (full.view(-1, places, places) * _gram(g.flatten(2))).sum((1, 2))


def _overlaps(conv: nn.Conv2d, axis: int, places: int, pixels: int) -> list[tuple[slice, slice]]:
    """For each shift of the kernel along an axis: the places whose pixel lies in the image, and those pixels."""
    stride, dilation, padding = conv.stride[axis], conv.dilation[axis], _pair(conv.padding)[axis]
    found = []
    for shift in range(conv.kernel_size[axis]):
        offset = shift * dilation - padding  # place p reads pixel p * stride + offset
        inside = [place for place in range(places) if 0 <= place * stride + offset < pixels]
        if inside:
            first, last = inside[0], inside[-1]
            here = slice(first, last + 1)
            found.append((here, slice(first * stride + offset, last * stride + offset + 1, stride)))
    return found


def _pair(padding: str | tuple[int, ...]) -> tuple[int, int]:
    assert not isinstance(padding, str)
    return padding[0], padding[1]
