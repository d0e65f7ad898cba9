"""What Matplotlib has removed since TensorFlow 1.15. Imports no Matplotlib."""

import functools
import re
from collections.abc import Callable
from typing import Any

# {module:old name: function below}.
NAMES = {
    "matplotlib.backend_bases:FigureCanvasBase.get_window_title": ".window_title",
    "matplotlib.backend_bases:FigureCanvasBase.set_window_title": ".set_window_title",
    "matplotlib.cm:get_cmap": ".get_cmap",
    "matplotlib.legend:Legend.draggable": ".draggable",
}
MODULES: dict[str, str] = {}
REMOVED_MODULES = ()
# {module:name that the library still has: function below that returns it with its old behaviour}.
CHANGED = {
    "matplotlib.axes:Axes.hist": ".normed",
    "matplotlib.figure:FigureBase.gca": ".with_projection",
    "matplotlib.style:context": ".seaborn_styles",
    "matplotlib.style:use": ".seaborn_styles",
}
NOT_SERVED: dict[str, str] = {}


def window_title(self: Any) -> str | None:
    """Returns the title of the canvas's window, or None without a window."""
    return self.manager.get_window_title() if self.manager else None


def set_window_title(self: Any, title: str) -> None:
    """Sets the title of the canvas's window, if it has one."""
    if self.manager:
        self.manager.set_window_title(title)


def get_cmap(name: Any = None, lut: int | None = None) -> Any:
    """Returns a colormap, as matplotlib.pyplot.get_cmap does."""
    from matplotlib import pyplot

    return pyplot.get_cmap(name, lut)


def draggable(self: Any, state: bool | None = None, use_blit: bool = False, update: str = "loc") -> Any:
    """Makes the legend movable with the mouse, or fixed; without a state, the opposite of what it is."""
    return self.set_draggable(not self.get_draggable() if state is None else state, use_blit, update)


def normed(original: Callable[..., Any]) -> Callable[..., Any]:
    """Takes normed, the old name of density."""

    @functools.wraps(original)
    def hist(*arguments: Any, normed: Any = None, **keywords: Any) -> Any:
        if normed is not None:
            keywords["density"] = bool(normed)
        return original(*arguments, **keywords)

    return hist


def with_projection(original: Callable[..., Any]) -> Callable[..., Any]:
    """Takes a projection such as "3d", and makes axes with it if the current axes have another one."""

    @functools.wraps(original)
    def gca(self: Any, **properties: Any) -> Any:
        if not properties or (self.axes and original(self).name == properties.get("projection")):
            return original(self)
        return self.add_subplot(**properties)

    return gca


def seaborn_styles(original: Callable[..., Any]) -> Callable[..., Any]:
    """Takes the styles seaborn and seaborn-*, which are called seaborn-v0_8 and seaborn-v0_8-* today."""

    def renamed(style: Any) -> Any:
        if isinstance(style, list | tuple):
            return [renamed(each) for each in style]
        return re.sub(r"^seaborn(?!-v)", "seaborn-v0_8", style) if isinstance(style, str) else style

    @functools.wraps(original)
    def use(style: Any, *arguments: Any, **keywords: Any) -> Any:
        return original(renamed(style), *arguments, **keywords)

    return use
