"""What the slicer-core wheel lacks of the application, just enough to run the module's own code
without Qt.

The wheel has MRML and `slicer.util`, but neither `parameterNodeWrapper` nor
`ScriptedLoadableModule`. Where a copy of Slicer's sources lies in `sources/` beside this file, its
own files are used instead of the stand-ins; the same tests pass on both.
"""

from __future__ import annotations

import importlib.util
import sys
import types
from pathlib import Path
from typing import Any

from standin_ui import MODULE_FOLDER, STANDINS
from standin_widgets import QWidget

SOURCES = Path(__file__).resolve().parent / "sources" / "Base" / "Python" / "slicer"


def install() -> None:
    """Make `import qt`, `slicer.i18n`, `slicer.ScriptedLoadableModule` and
    `slicer.parameterNodeWrapper` work.

    Without the wheel, an empty `slicer` lets the files run that need none of MRML (processes,
    installation).
    """
    if importlib.util.find_spec("slicer") is None:
        _add("slicer", util=types.SimpleNamespace())
    import slicer

    if SOURCES.is_dir():
        _installOwn(slicer)
    else:
        _installStandins(slicer)
    if str(MODULE_FOLDER) not in sys.path:
        sys.path.insert(0, str(MODULE_FOLDER))


def _installOwn(slicer: Any) -> None:
    """Slicer's own files ask for many widget classes, if only to compare with them."""
    for name in ("qt", "ctk"):
        module = types.ModuleType(name)
        module.__dict__["__getattr__"] = _anyWidget
        sys.modules[name] = module
    slicer.__getattr__ = _anySlicerWidget
    slicer.__path__.append(str(SOURCES))


def _installStandins(slicer: Any) -> None:
    _add("qt", **{name: c for name, c in STANDINS.items() if name.startswith("Q")})
    _add("slicer.i18n", tr=lambda text: text, translate=lambda _context, text: text)
    _add(
        "slicer.ScriptedLoadableModule",
        ScriptedLoadableModule=_Module,
        ScriptedLoadableModuleWidget=_ModuleWidget,
        ScriptedLoadableModuleLogic=_ModuleLogic,
        ScriptedLoadableModuleTest=object,
    )
    if not hasattr(slicer, "vtkMRMLNode"):
        return
    import standin_parameters

    _add(
        "slicer.parameterNodeWrapper",
        parameterNodeWrapper=standin_parameters.parameterNodeWrapper,
        WithinRange=standin_parameters.WithinRange,
    )


def _add(name: str, **members: Any) -> None:
    module = types.ModuleType(name)
    module.__dict__.update(members)
    sys.modules[name] = module
    if "." in name:
        setattr(sys.modules["slicer"], name.split(".")[1], module)


_made: dict[str, type] = {}


class _UnusedWidget(QWidget):
    """A class that Slicer's files name and the module does not use."""

    @classmethod
    def className(cls) -> str:
        return "QWidget"


def _anyWidget(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(name)
    return STANDINS.get(name) or _made.setdefault(name, type(name, (_UnusedWidget,), {}))


def _anySlicerWidget(name: str) -> Any:
    if name.startswith(("q", "ctk")):
        return _anyWidget(name)
    raise AttributeError(name)


class _Module:
    def __init__(self, parent: Any) -> None:
        self.parent = parent


class _ModuleWidget:
    def __init__(self, parent: Any = None) -> None:
        self.parent = parent

    def setup(self) -> None:
        """The developer's buttons, in Slicer."""


class _ModuleLogic:
    def __init__(self, _parent: Any = None) -> None:
        self.moduleName = type(self).__name__.removesuffix("Logic")

    def getParameterNode(self) -> Any:
        import slicer

        node = slicer.mrmlScene.GetSingletonNode(self.moduleName, "vtkMRMLScriptedModuleNode")
        if node is None:
            node = slicer.mrmlScene.AddNode(slicer.vtkMRMLScriptedModuleNode())
            node.SetSingletonTag(self.moduleName)
        return node
