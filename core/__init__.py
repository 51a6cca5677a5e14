"""The engine of Robustscope: a plain PyTorch library, usable from a notebook.

What a notebook needs most can be imported from here; `__init__.pyi` lists it. Each name is fetched from its module when
it is first used, so that `import core` stays cheap.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
