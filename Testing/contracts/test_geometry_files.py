"""Files of points and surfaces, read and written again; VTK and 3D Slicer are second readers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from UniFuseLib import cli, read_result
from UniFuseLib.errors import InputError
from UniFuseLib.io.geometry_file import read_geometry

if TYPE_CHECKING:
    from pathlib import Path

    from UniFuseLib.spatial.volume import Grid

SHIFT = np.array([3.0, -4.0, 5.0])  # RAS mm
LPS = np.array([-1.0, -1.0, 1.0])


def rewritten(path: Path, content: bytes) -> Path:
    out = path.with_name(f"new_{path.name}")
    out.write_bytes(content)
    return out


@pytest.fixture
def sphere() -> Any:
    vtk = pytest.importorskip("vtk")
    source = vtk.vtkSphereSource()
    source.SetRadius(6.0)
    source.SetCenter(4.0, 9.0, 2.0)
    source.Update()
    return source.GetOutput()  # with normals of its points


def vtk_points(data: Any) -> np.ndarray:
    from vtk.util.numpy_support import vtk_to_numpy

    return vtk_to_numpy(data.GetPoints().GetData()).astype(float)


@pytest.mark.parametrize("suffix", ["vtk", "stl", "ply"])
@pytest.mark.parametrize("binary", [True, False])
@pytest.mark.parametrize("title", ["SPACE=RAS", "made by hand"])
def test_a_surface_is_moved_and_keeps_its_polygons(
    tmp_path: Path, sphere: Any, suffix: str, binary: bool, title: str
) -> None:
    import vtk

    kinds = {
        "vtk": (vtk.vtkPolyDataWriter, vtk.vtkPolyDataReader),
        "stl": (vtk.vtkSTLWriter, vtk.vtkSTLReader),
        "ply": (vtk.vtkPLYWriter, vtk.vtkPLYReader),
    }
    path = tmp_path / f"sphere.{suffix}"
    writer = kinds[suffix][0]()
    writer.SetInputData(sphere)
    writer.SetFileName(str(path))
    writer.SetFileTypeToBinary() if binary else writer.SetFileTypeToASCII()
    if suffix == "ply":
        writer.AddComment(title)
    else:
        writer.SetHeader(title)
    writer.Write()

    given = read_geometry(path)
    stated = title == "SPACE=RAS"
    assert given.space == ("RAS" if stated else "LPS")
    shift = SHIFT if stated else SHIFT * LPS
    back = []
    for file in (path, rewritten(path, given.with_points(given.points + SHIFT, given.normals))):
        reader = kinds[suffix][1]()
        reader.SetFileName(str(file))
        reader.Update()
        back.append(reader.GetOutput())
    np.testing.assert_allclose(vtk_points(back[1]), vtk_points(back[0]) + shift, atol=1e-4)
    assert back[1].GetNumberOfPolys() == back[0].GetNumberOfPolys() == sphere.GetNumberOfPolys()
    if suffix == "vtk":
        assert given.normals is not None
        from vtk.util.numpy_support import vtk_to_numpy

        normals = [vtk_to_numpy(b.GetPointData().GetNormals()) for b in back]
        np.testing.assert_allclose(normals[1], normals[0], atol=1e-6)


def test_facets_of_an_stl_get_the_normals_of_their_triangles(tmp_path: Path) -> None:
    text = (
        "solid SPACE=RAS\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\n"
        "vertex 0 1 0\nendloop\nendfacet\nendsolid\n"
    )
    (tmp_path / "a.stl").write_text(text)
    given = read_geometry(tmp_path / "a.stl")
    turned = given.points[:, [1, 2, 0]]  # about (1, 1, 1)
    again = given.with_points(turned).decode()
    assert "facet normal 0 1 0" in again
    assert again.count("vertex") == 3


def test_normals_of_a_moved_surface_stay_perpendicular(
    make_result: Any, reference_frame: Grid, tmp_path: Path
) -> None:
    """A flat square under a field that shears it: the normal is that of the moved square."""
    index = np.moveaxis(np.indices(reference_frame.shape), 0, -1)
    x = index @ reference_frame.linear.T + reference_frame.origin
    shear = np.array([[0.0, 0.1, 0.3], [-0.2, 0.0, 0.1], [0.15, 0.2, 0.0]])
    folder = make_result((x - x.mean(axis=(0, 1, 2))) @ shear.T)
    centre = reference_frame.linear @ (6, 7, 8) + reference_frame.origin
    a, b = np.array([2.0, 0.0, 0.5]), np.array([0.0, 1.5, -0.5])
    normal = np.cross(a, b) / np.linalg.norm(np.cross(a, b))
    corners = [centre, centre + a, centre + b]
    lines = [" ".join(f"{v:.7f}" for v in (*p, *normal)) for p in corners]
    header = "ply\nformat ascii 1.0\ncomment SPACE=RAS\nelement vertex 3\n" + "".join(
        f"property float {name}\n" for name in ("x", "y", "z", "nx", "ny", "nz")
    )
    faces = "element face 1\nproperty list uchar int vertex_indices\nend_header\n"
    (tmp_path / "a.ply").write_text(header + faces + "\n".join(lines) + "\n3 0 1 2\n")
    for to in ("degraded", "reference"):
        out = tmp_path / to
        argv = ["apply", str(folder), str(tmp_path / "a.ply"), "-o", str(out), "--to", to]
        assert cli.main([*argv, "--quiet"]) == 0
        moved = read_geometry(out / "a.ply")
        assert (out / "a.ply").read_text().endswith("3 0 1 2\n")
        first, second = moved.points[1] - moved.points[0], moved.points[2] - moved.points[0]
        expected = np.cross(first, second)
        assert moved.normals is not None
        np.testing.assert_allclose(moved.normals[0], expected / np.linalg.norm(expected), atol=1e-3)
        assert np.abs(moved.normals[0] - normal).max() > 0.05
    transform = read_result(folder).transform
    np.testing.assert_allclose(
        read_geometry(tmp_path / "degraded" / "a.ply").points,
        transform.to_degraded(np.array(corners)).points,
        atol=1e-4,
    )


def markups(kind: str = "Curve", space: str = "LPS") -> dict[str, Any]:
    points = [
        {"id": "1", "label": "tip", "position": [1.0, 2.0, 3.0], "positionStatus": "defined"},
        {"id": "2", "label": "end", "position": [4.0, 5.0, 6.0]},
        {"id": "3", "position": [0.0, 0.0, 0.0], "positionStatus": "undefined"},
    ]
    measurements = [{"name": "length", "enabled": True, "value": 5.2, "units": "mm"}]
    return {
        "type": kind,
        "coordinateSystem": space,
        "coordinateUnits": "mm",
        "controlPoints": points,
        "measurements": measurements,
    }


def test_markups_move_and_slicer_reads_them(tmp_path: Path) -> None:
    path = tmp_path / "curve.mrk.json"
    content = {"@schema": "x", "markups": [markups(), markups("Fiducial", "RAS")]}
    path.write_text(json.dumps(content))
    given = read_geometry(path)
    np.testing.assert_allclose(given.points, [[-1, -2, 3], [-4, -5, 6], [1, 2, 3], [4, 5, 6]])
    assert given.name(0) == "point tip"
    again = json.loads(given.with_points(given.points + SHIFT))
    positions = [[p["position"] for p in m["controlPoints"]] for m in again["markups"]]
    assert positions == [
        [[-2.0, 6.0, 8.0], [1.0, 9.0, 11.0], [0.0, 0.0, 0.0]],
        [[4.0, -2.0, 8.0], [7.0, 1.0, 11.0], [0.0, 0.0, 0.0]],
    ]
    assert "value" not in again["markups"][0]["measurements"][0]


@pytest.mark.slicer
def test_slicer_reads_the_moved_points(tmp_path: Path) -> None:
    slicer = pytest.importorskip("slicer", reason="needs the slicer-core wheel")
    scene = slicer.vtkMRMLScene()
    node = scene.AddNode(slicer.vtkMRMLMarkupsFiducialNode())
    expected = np.array([[1.5, -2.0, 3.0], [10.0, 20.0, -30.0]])
    for place in expected:
        node.AddControlPoint(place)
    for name, storage in (
        ("a.mrk.json", "vtkMRMLMarkupsJsonStorageNode"),
        ("a.fcsv", "vtkMRMLMarkupsFiducialStorageNode"),
    ):
        store = scene.AddNode(getattr(slicer, storage)())
        store.SetFileName(str(tmp_path / name))
        assert store.WriteData(node) == 1
        given = read_geometry(tmp_path / name)
        np.testing.assert_allclose(given.points, expected, atol=1e-3)
        moved = rewritten(tmp_path / name, given.with_points(given.points + SHIFT))
        other = scene.AddNode(slicer.vtkMRMLMarkupsFiducialNode())
        store.SetFileName(str(moved))
        assert store.ReadData(other) == 1
        places = [other.GetNthControlPointPosition(i) for i in range(2)]
        np.testing.assert_allclose(places, expected + SHIFT, atol=1e-3)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.csv", "x,y\n1,2\n", "columns x, y and z, found x, y"),
        ("a.csv", "x,y,z\n1,2,\n", "line 2: expected three numbers"),
        ("a.csv", "x,y,z\n", "holds no points"),
        ("a.csv", "x,y,z\n1,2,inf\n", "line 2 has no finite coordinates"),
        ("a.fcsv", "# CoordinateSystem = IJK\n1,2,3,4\n", r"voxels \(IJK\)"),
        ("a.mrk.json", "{", "is not JSON"),
        ("a.mrk.json", "{}", "holds no markups"),
        ("a.mrk.json", json.dumps({"markups": [markups("ROI")]}), "type ROI, whose shape"),
        ("a.mrk.json", json.dumps({"markups": [markups(space="IJK")]}), "points in IJK"),
        ("a.vtk", "not vtk", "not a legacy VTK file"),
        (
            "a.vtk",
            "# vtk DataFile Version 3.0\nt\nASCII\nDATASET STRUCTURED_POINTS\n",
            "holds STRUCTURED_POINTS; expected POLYDATA",
        ),
        (
            "a.vtk",
            "# vtk DataFile Version 3.0\nt\nBINARY\nDATASET POLYDATA\nPOINTS 9 float\nabc",
            "announces 9 points",
        ),
        ("a.stl", "solid x\nvertex 1 2 3\n", "1 corners for 0 facets"),
        (
            "a.stl",
            "solid x\nfacet normal 0 0 1\nouter loop\nvertex 0 0 0\nvertex 1 0 0\nvertex 0 1 0\n"
            "endloop\nendfacet\n",
            "has no 'endsolid'",
        ),
        ("a.stl", "something else", "not an STL file"),
        ("a.ply", "ply\nformat ascii 1.0\n", "not a PLY file"),
        (
            "a.ply",
            "ply\nformat ascii 1.0\nelement vertex 2\nproperty float x\nproperty float y\n"
            "property float z\nend_header\n1 2 3\n",
            "announces 2 vertices",
        ),
    ],
)
def test_damaged_files_are_refused_in_words(
    tmp_path: Path, name: str, content: str, sentence: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(InputError, match=sentence):
        read_geometry(tmp_path / name)
