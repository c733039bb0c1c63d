"""Lists, descriptions and names that must agree; none of this needs Slicer."""

from __future__ import annotations

import ast
import json
import re
import shutil
import struct
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE, LIBRARY = ROOT / "UniFuseSlicer", ROOT / "UniFuseLib"
UI = MODULE / "Resources" / "UI" / "UniFuseSlicer.ui"


def listed(cmake: Path, variable: str) -> set[str]:
    text = cmake.read_text(encoding="utf-8").replace("${MODULE_NAME}", "UniFuseSlicer")
    (body,) = re.findall(rf"set\({variable}\n(.*?)\n\s*\)", text, re.DOTALL)
    return set(body.split())


def present(folder: Path, wanted) -> set[str]:
    files = (p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts)
    return {p.relative_to(folder).as_posix() for p in files if wanted(p)}


def isPython(path: Path) -> bool:
    return path.suffix == ".py"


@pytest.mark.parametrize(
    ("folder", "variable", "wanted"),
    [
        (LIBRARY, "LIBRARY_PYTHON_SCRIPTS", isPython),
        (
            LIBRARY,
            "LIBRARY_PYTHON_RESOURCES",
            lambda p: not isPython(p) and p.name != "CMakeLists.txt",
        ),
        (MODULE, "MODULE_PYTHON_SCRIPTS", isPython),
        (MODULE, "MODULE_PYTHON_RESOURCES", lambda p: "Resources" in p.relative_to(MODULE).parts),
    ],
)
def test_everyFileIsInstalled(folder, variable, wanted):
    """An unlisted file is missing from the installed extension: add it to the CMakeLists.txt beside
    it.
    """
    assert listed(folder / "CMakeLists.txt", variable) == present(folder, wanted)


def metadata() -> dict[str, str]:
    text = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
    return dict(re.findall(r'set\(EXTENSION_(\w+) "(.*?)"\)', text))


def s4ext() -> dict[str, str]:
    lines = (ROOT / "UniFuseSlicer.s4ext").read_text(encoding="utf-8").splitlines()
    return {
        key: value
        for key, _, value in (line.partition(" ") for line in lines if line and line[0] != "#")
    }


def test_s4extSaysWhatCMakeSays():
    cmake, entry = metadata(), s4ext()
    for key in (
        "homepage",
        "contributors",
        "category",
        "iconurl",
        "description",
        "screenshoturls",
        "depends",
    ):
        assert entry[key] == cmake[key.upper()], key
    assert entry["build_subdirectory"] == cmake["BUILD_SUBDIRECTORY"]
    assert entry["scm"] == "git"
    assert entry["status"]


def test_catalogueEntrySaysWhatCMakeSays():
    cmake, entry = metadata(), s4ext()
    catalogue = json.loads((ROOT / "UniFuseSlicer.json").read_text(encoding="utf-8"))
    assert catalogue["category"] == cmake["CATEGORY"]
    assert catalogue["build_dependencies"] == cmake["DEPENDS"].split()
    assert catalogue["build_subdirectory"] == cmake["BUILD_SUBDIRECTORY"]
    assert (catalogue["scm_url"], catalogue["scm_revision"]) == (
        entry["scmurl"],
        entry["scmrevision"],
    )
    assert str(catalogue["tier"]) == entry["tier"]
    assert catalogue["scm_url"] == f"{cmake['HOMEPAGE']}.git"


def test_namesTheExtensionIndexAccepts():
    (name,) = re.findall(r"project\((\w+)\)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))
    assert (ROOT / f"{name}.json").is_file()
    assert (ROOT / f"{name}.s4ext").is_file()
    assert not name.startswith("Slicer")
    repository = metadata()["HOMEPAGE"].rsplit("/", 1)[1]
    assert repository.startswith("Slicer")
    assert "Apache License" in (ROOT / "LICENSE").read_text(encoding="utf-8")[:200]


def test_catalogueFilesUseUnixLineEnds():
    for name in ("CMakeLists.txt", "UniFuseSlicer.json", "UniFuseSlicer.s4ext", "LICENSE"):
        assert b"\r" not in (ROOT / name).read_bytes()


@pytest.mark.parametrize("variable", ["ICONURL", "SCREENSHOTURLS"])
def test_linkedPicturesAreInTheRepository(variable):
    for url in metadata()[variable].split():
        path = ROOT / url.split("/main/", 1)[1]
        if variable == "SCREENSHOTURLS" and not path.exists():
            pytest.skip(f"{path.name} is not made yet")
        assert path.is_file()


@pytest.mark.parametrize(
    ("name", "size"), [("UniFuseSlicer", (128, 128)), ("UniFuseHeadPair", (260, 280))]
)
def test_iconsHaveTheSizeSlicerShows(name, size):
    data = (MODULE / "Resources" / "Icons" / f"{name}.png").read_bytes()
    assert struct.unpack(">II", data[16:24]) == size


def test_themoduleFileIsAShell():
    assert len((MODULE / "UniFuseSlicer.py").read_text(encoding="utf-8").splitlines()) < 100


def test_noHeavyPackageIsImportedAtFileScope():
    """Slicer imports every module at start-up: standard library, Slicer, vtk, numpy, SimpleITK and
    ourselves only.
    """
    allowed = set(sys.stdlib_module_names) | {
        "numpy",
        "vtk",
        "slicer",
        "SimpleITK",
        "UniFuseSlicerLib",
        "qt",
        "ctk",
    }
    for path in MODULE.rglob("*.py"):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            names: list[str] = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                names = [node.module or ""]
            foreign = {name.split(".")[0] for name in names} - allowed
            assert not foreign, f"{path.name}: {foreign}"


def uiTree() -> ElementTree.Element:
    return ElementTree.parse(UI).getroot()  # noqa: S314  a file of ours


def usedWidgets() -> set[str]:
    files = (MODULE / "UniFuseSlicerLib").glob("*.py")
    code = "\n".join(path.read_text(encoding="utf-8") for path in files)
    return set(re.findall(r"\b_?ui\.(\w+)", code))


def test_everyWidgetTheCodeUsesIsInTheUiFile():
    names = {w.get("name") for w in uiTree().iter("widget")}
    assert usedWidgets()
    assert usedWidgets() - names == set()


CONTAINERS = ("ctkCollapsibleButton", "qMRMLWidget", "QTabWidget", "QWidget")


def test_everyWidgetInTheUiFileIsUsed():
    used = usedWidgets()
    for widget in uiTree().iter("widget"):
        bound = any(p.get("name") == "SlicerParameterName" for p in widget.findall("property"))
        interactive = widget.get("class") not in (*CONTAINERS, "QLabel")
        assert not interactive or bound or widget.get("name") in used, widget.get("name")


def parameters() -> set[str]:
    tree = ast.parse((MODULE / "UniFuseSlicerLib" / "Parameter.py").read_text(encoding="utf-8"))
    (wrapper,) = [n for n in tree.body if isinstance(n, ast.ClassDef)]
    return {ast.unparse(n.target) for n in wrapper.body if isinstance(n, ast.AnnAssign)}


def test_everyParameterHasExactlyOneWidget():
    bound = [p[0].text for p in uiTree().iter("property") if p.get("name") == "SlicerParameterName"]
    assert len(bound) == len(set(bound))
    assert set(bound) == parameters()


SELECTORS = ("qMRMLNodeComboBox", "qMRMLCheckableNodeComboBox")


def test_everyNodeSelectorFollowsTheScene():
    root = uiTree()
    selectors = {w.get("name") for w in root.iter("widget") if w.get("class") in SELECTORS}
    assert len(selectors) == 13
    connected = {
        c.findtext("receiver")
        for c in root.iter("connection")
        if c.findtext("signal") == "mrmlSceneChanged(vtkMRMLScene*)"
        and c.findtext("slot") == "setMRMLScene(vtkMRMLScene*)"
    }
    assert connected == selectors
    assert [w.get("class") for w in root.findall("widget")] == ["qMRMLWidget"]


def test_inputsCannotBeCreatedOrRemovedAndOutputsCan():
    for widget in uiTree().iter("widget"):
        if widget.get("class") != "qMRMLNodeComboBox":
            continue
        flags = {p.get("name"): p[0].text for p in widget.findall("property") if p[0].tag == "bool"}
        isOutput = (
            "true"
            if widget.attrib["name"].startswith(("fused", "restored", "deform", "report"))
            else "false"
        )
        assert (flags["addEnabled"], flags["removeEnabled"], flags["noneEnabled"]) == (
            isOutput,
            isOutput,
            "true",
        )


def test_everyWidgetAUserTouchesExplainsItself():
    for widget in uiTree().iter("widget"):
        if widget.get("class") in (
            *SELECTORS,
            "QComboBox",
            "ctkSliderWidget",
            "QCheckBox",
            "QPushButton",
        ):
            names = {p.get("name") for p in widget.findall("property")}
            assert "toolTip" in names, widget.get("name")


def test_translatableTextIsNeverFormattedInsideTheCall():
    for path in MODULE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "_":
                assert isinstance(node.args[0], ast.Constant), f"{path.name}:{node.lineno}"


SLICER_STUB = r"""
set(Slicer_USE_FILE ${CMAKE_CURRENT_LIST_DIR}/use.cmake)
set(Slicer_EXTENSION_GENERATE_CONFIG ${CMAKE_CURRENT_LIST_DIR}/empty.cmake)
set(Slicer_EXTENSION_CPACK ${CMAKE_CURRENT_LIST_DIR}/empty.cmake)
set(Slicer_QTSCRIPTEDMODULES_LIB_DIR lib/Slicer-5.12/qt-scripted-modules)
set(Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR lib/Slicer-5.12/qt-scripted-modules)
"""
# What Slicer's macro does with the lists: check, copy into the build's folder, install that folder.
USE_STUB = r"""
macro(slicerMacroBuildScriptedModule)
  cmake_parse_arguments(MY "WITH_SUBDIR;WITH_GENERIC_TESTS" "NAME" "SCRIPTS;RESOURCES" ${ARGN})
  set(_target ${CMAKE_BINARY_DIR}/${Slicer_QTSCRIPTEDMODULES_LIB_DIR})
  set(_install ${_target}/)
  if(MY_WITH_SUBDIR)
    get_filename_component(_name ${CMAKE_CURRENT_SOURCE_DIR} NAME)
    set(_target ${_target}/${_name})
    set(_install ${_target})
  endif()
  foreach(_file ${MY_SCRIPTS} ${MY_RESOURCES})
    if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${_file})
      message(FATAL_ERROR "nonexistent file ${_file}")
    endif()
    configure_file(${CMAKE_CURRENT_SOURCE_DIR}/${_file} ${_target}/${_file} COPYONLY)
  endforeach()
  install(DIRECTORY ${_install} DESTINATION ${Slicer_INSTALL_QTSCRIPTEDMODULES_LIB_DIR})
endmacro()
macro(slicer_add_python_unittest)
  cmake_parse_arguments(MY "" "SCRIPT" "" ${ARGN})
  if(NOT EXISTS ${CMAKE_CURRENT_SOURCE_DIR}/${MY_SCRIPT})
    message(FATAL_ERROR "nonexistent test ${MY_SCRIPT}")
  endif()
endmacro()
"""


WHERE = "import UniFuseLib; print(UniFuseLib.__file__)"


CMAKE = shutil.which("cmake")


@pytest.mark.skipif(CMAKE is None, reason="needs cmake")
def test_configureBuildAndInstallGiveACompleteTree(tmp_path):
    """The CMake tree with a stand-in for Slicer's macros: what is installed runs from there."""
    package = tmp_path / "slicer"
    package.mkdir()
    (package / "SlicerConfig.cmake").write_text(SLICER_STUB)
    (package / "use.cmake").write_text(USE_STUB)
    (package / "empty.cmake").touch()
    build, prefix = tmp_path / "build", tmp_path / "prefix"
    for command in (
        ["-S", str(ROOT), "-B", str(build), f"-DSlicer_DIR={package}", "-DBUILD_TESTING=ON"],
        ["--build", str(build)],
        ["--install", str(build), "--prefix", str(prefix)],
    ):
        done = subprocess.run([str(CMAKE), *command], capture_output=True, text=True, check=False)
        if "No CMAKE_C_COMPILER" in done.stderr or "CMAKE_MAKE_PROGRAM" in done.stderr:
            pytest.skip("needs a compiler for CMake's project()")
        assert done.returncode == 0, done.stderr
    installed = prefix / "lib" / "Slicer-5.12" / "qt-scripted-modules"
    for name in ("UniFuseSlicer.py", "Resources/UI/UniFuseSlicer.ui", "UniFuseLib/cli.py"):
        assert (installed / name).is_file()
    assert (installed / "UniFuseLib" / "Resources" / "SampleData" / "sample.json").is_file()
    assert (installed / "UniFuseLib" / "Resources" / "Models").is_dir()
    # as the module starts it: `python -m` with the installed tree as working directory
    for arguments, words in (
        (["-m", "UniFuseLib.cli", "--version"], "unifuse "),
        (["-c", WHERE], str(installed)),
    ):
        done = subprocess.run(
            [sys.executable, *arguments], cwd=installed, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.startswith(words)


def test_noticeClassesAndMethodsAreThoseOfTheLibrary():
    """The module imports nothing of the library, so both have them; here they are compared."""
    from UniFuseSlicerLib.Choices import CtWindowChoice, FusionChoice
    from UniFuseSlicerLib.Words import foundTitle, fusionTitle, notice

    from UniFuseLib.degradation import TITLES
    from UniFuseLib.fusion.greys import NAMES
    from UniFuseLib.fusion.methods import METHODS
    from UniFuseLib.version import NOTICE

    assert notice() == NOTICE
    assert all(label not in foundTitle(label, 90, 85) for label in TITLES)  # each has its words
    assert foundTitle("other weights", 90, 85) == "Found: other weights (90 %, sure)"
    assert tuple(choice.value for choice in FusionChoice) == METHODS
    assert tuple(choice.value for choice in CtWindowChoice) == NAMES
    assert all(fusionTitle(method) != method for method in METHODS)


def test_leastVersionsAreThoseOfTheLibrary():
    from UniFuseSlicerLib.Install import SMALL_PACKAGES, TORCH

    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (dependencies,) = re.findall(r"^dependencies = \[(.*)\]$", text, re.MULTILINE)
    for requirement in (TORCH, *SMALL_PACKAGES):
        assert f'"{requirement}"' in dependencies


def test_theNoticeStandsInThePanelOnce():
    """Its text is set by the code, so that it is translated in one place."""
    assert "Research use only" not in UI.read_text(encoding="utf-8")


def test_messagesInTheTroubleshootingTableExist():
    """Every quoted message is one that the module or the library shows; "…" stands for anything."""
    readme = (MODULE / "README.md").read_text(encoding="utf-8")
    table = readme.split("## Troubleshooting")[1].split("\n## ")[0]
    messages = re.findall(r"^\|[^|*]*\*([^*]+)\*", table, re.MULTILINE)
    sources = [*MODULE.rglob("*.py"), *LIBRARY.rglob("*.py")]
    code = " ".join(path.read_text(encoding="utf-8") for path in sources)
    code = re.sub(r"[\"']\s+f?[\"']", "", code)  # adjacent strings are one sentence
    fromPyTorch = {"CUDA error: no kernel image"}
    assert len(messages) >= 12
    for message in set(messages) - fromPyTorch:
        for part in message.split("…"):
            words = part.replace(" N ", " {count} ").strip()
            assert words in code, message


def test_whatEveryTabAnswersStandsBelowThemAll():
    """A message or a run must be seen from the tab in which it was asked for."""
    panel = uiTree().find("widget")
    assert panel is not None
    (layout,) = panel.findall("layout")
    items = layout.findall("item")
    kept = [item[0].get("name") for item in items]
    assert kept == ["panelTabs", "progressBar", "messageLabel", "noticeLabel"]
    titles = [tab.findtext("attribute/string") for tab in items[0][0].findall("widget")]
    assert titles == ["Fuse", "Look", "Report", "Batch", "Advanced"]
