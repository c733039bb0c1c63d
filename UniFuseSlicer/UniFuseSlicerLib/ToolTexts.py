"""What the fusion tool says, with places for its figures and names.

Each function calls what it is given with its texts: `str` gives them in English, and whoever
collects strings for translators finds them as those of any other file.
"""

from __future__ import annotations

from collections.abc import Callable


def texts(_: Callable[[str], str]) -> tuple[str, ...]:
    """Stages, sentences, and what the places in them hold.

    Args:
        _: translates; `str`: in English.
    """
    return (*_stages(_), *_reasons(_), *_warnings(_), *_refusals(_), *_parts(_))


def _stages(_: Callable[[str], str]) -> tuple[str, ...]:
    return (
        _("Reading the files"),
        _("Loading the network"),
        _("Checking the volumes"),
        _("Aligning the volumes"),
        _("Running the network"),
        _("Refining the deformation"),
        _("Judging the alignment"),
        _("Restoring and fusing"),
        _("Writing onto the reference grid"),
        _("Measuring the result"),
        _("Writing the files"),
        _("Writing the fused series"),
        _("Writing the restored series"),
        _("Drawing the overview"),
    )


def _reasons(_: Callable[[str], str]) -> tuple[str, ...]:
    return (
        _(
            "The volumes agree no better than unrelated ones do ({sigmas} standard deviations "
            "above poses that are wrong)."
        ),
        _("The volumes agree only {sigmas} standard deviations better than in wrong poses."),
        _("Left and right may be swapped: the mirrored volume fits as well or better."),
        _(
            "Left and right can hardly be told apart: the mirrored volume fits nearly as well "
            "({percent} % of the score)."
        ),
        _("A pose that is certainly wrong reaches {percent} % of the score."),
        _("{percent} % of the regions of the body would fit better elsewhere."),
        _("The regions of the body would fit better {mm} mm away, all in one direction."),
        _("Registrations by other measures or by halves of the body end {mm} mm apart."),
        _("Most regions fit hardly better where they are than a few millimetres away."),
        _("The volumes are less alike than aligned volumes of one patient usually are."),
        _("The outlines of the two bodies overlap by only {percent} %."),
        _("Only {percent} % of the reference's body is covered."),
        _("The deformation bends the body by {mm} mm, besides its motion as a whole."),
        _("The best pose lies {mm} mm away and was not used: the evidence for it is too weak."),
        _("No single finding stands out; together they are unlike those of a good alignment."),
        _(
            "The volumes may be of two patients: most regions of the body would fit better "
            "elsewhere, and other registrations end apart."
        ),
        _(
            "The volumes agree {percent} % better if the degraded one is taken to be {stretch} % "
            "{size} {direction}: check the voxel sizes and the gantry tilt in both headers, and "
            "that both show the same patient."
        ),
        _(
            "From S {low} to S {high} mm the body lies {mm} mm from where the alignment has it, "
            "and agrees {percent} % better there: it was bent or turned between the scans. Check "
            "that part, or fuse again with a mask of it."
        ),
        _(
            "Both volumes hold the same voxels: one file was chosen twice, or is a copy of the "
            "other. Choose the degraded volume and its reference."
        ),
        _(
            "The verdict was not fitted to {degraded} on {reference}: its figures may be too good, "
            "above all where organs have moved against each other."
        ),
    )


def _warnings(_: Callable[[str], str]) -> tuple[str, ...]:
    return (*_ofThePose(_), *_ofTheClass(_), *_ofTheModality(_), *_ofTheVoxels(_))


def _ofThePose(_: Callable[[str], str]) -> tuple[str, ...]:
    return (
        _(
            "No pose was found in which the two volumes agree clearly better than by chance (score "
            "{score}; wrong poses reach {mean} ± {spread}, {best} at most), so {place}. Check that "
            "both show the same region of the same patient, and their modalities."
        ),
        _(
            "The two volumes agree better than by chance, but not by much (score {score}; wrong "
            "poses reach {mean} ± {spread}, {best} at most). Check the pose."
        ),
        _(
            "The degraded volume was moved by {mm} mm and turned by {degrees}° against what its "
            "file says. Check the pose."
        ),
        _(
            "The alignment rests on {percent} % of the reference's body: no more of it lies in the "
            "degraded volume. Check it."
        ),
        _(
            "The alignment stretched the degraded volume by up to {percent} %, more than a patient "
            "changes. Check the voxel sizes of both files."
        ),
        _(
            "The initial transform stretches the degraded volume by up to {percent} %, more than a "
            "patient changes. Check the voxel sizes of both files, and what it was made for."
        ),
        _(
            "The fields of view do not overlap as the files place them ({extents}): the pose was "
            "found from the intensities alone. Check it."
        ),
        _(
            "The refined deformation did not improve the parts of the volumes that it was not "
            "fitted to, so the deformation before the refinement was kept."
        ),
        _("The refined deformation would fold, so the deformation before the refinement was kept."),
        _(
            "Large reference field of view: processed at {coarser} mm instead of {spacing} mm. "
            "Crop the reference to the region of interest for a finer alignment."
        ),
        _(
            "The {name} mask lies on another grid than the {name} volume; it was read at the "
            "nearest voxel."
        ),
    )


def _ofTheClass(_: Callable[[str], str]) -> tuple[str, ...]:
    return (
        _(
            "The type of degradation is not stated: the working grid has {spacing} mm, and the "
            "types were calibrated at {calibrated} mm only. At another spacing the type may be "
            "wrong at any probability."
        ),
        _(
            "The type of degradation is not stated: the degraded volume has voxels of {voxel} mm, "
            "and by the network alone the types of {modality} are named rightly up to {coarsest} "
            "mm. Of coarser ones the type may be wrong at any probability."
        ),
        _(
            "The type of degradation is not stated: the network calls the degraded CT clean, and "
            "it holds {volume} ml of metal. Please inspect it."
        ),
        _(
            "The network predicted {found}, which cannot occur in {modality}. Check the modality "
            "setting; only classes possible for {modality} were considered."
        ),
        _(
            "Low confidence: {found} ({percent} %). In validation, predictions were {right} % "
            "correct only at {sure} % confidence or more. Please inspect the degraded volume."
        ),
        _(
            "The reference looks degraded itself ({found}, {percent} %), and the degraded volume "
            "does not: were the two exchanged? The first volume is restored with the help of a "
            "clean second one; if they were, exchange them and fuse again."
        ),
        _(
            "The reference looks degraded itself ({found}, {percent} %), and a clean one is "
            "expected: choose another reference, or inspect what the result takes from it."
        ),
    )


def _ofTheModality(_: Callable[[str], str]) -> tuple[str, ...]:
    return (
        _(
            "The modality of the {name} volume is uncertain: {why}. It was treated as {modality}; "
            "set the {name} modality if that is wrong."
        ),
        _(
            "The {name} volume is {stated} by {source}, but --{name}-modality is {chosen}: it was "
            "treated as {modality}."
        ),
        _(
            "The values of the {name} volume look like Hounsfield units of CT, but it was treated "
            "as {modality} ({why}); set the {name} modality if that is wrong."
        ),
        _(
            "The name of the {name} volume suggests {named}, but it was treated as {modality} "
            "({why}); set the {name} modality if that is wrong."
        ),
        _(
            "The values of the {name} CT (from {low} to {high}) do not look like Hounsfield units "
            "with air near -1000; check --{name}-modality and its rescaling."
        ),
    )


def _ofTheVoxels(_: Callable[[str], str]) -> tuple[str, ...]:
    return (
        _(
            "In the {name} volume, {percent} % of the voxels hold the fill value {value}; they "
            "were treated as not acquired."
        ),
        _("1 NaN or infinite voxel in the {name} volume was replaced by its nearest neighbour."),
        _(
            "In the {name} CT, {count} voxels amid bone or metal lie below any Hounsfield unit: "
            "they wrapped around in 12 bits, and 4096 was added to them. Export the series again "
            "if you can."
        ),
        _(
            "{empty} of {count} slices of the {name} volume are empty, between others that are "
            "not: slices are missing. Export the series again."
        ),
        _(
            "All values of the {name} volume lie far above 0, as with an offset: {offset} was "
            "taken as air."
        ),
        _(
            "{count} NaN or infinite voxels in the {name} volume were replaced by their nearest "
            "valid neighbours."
        ),
        _(
            "{percent} % of the {name} volume is NaN around the patient; it was treated as not "
            "acquired."
        ),
        _("{device} ran out of memory in {precision} too; the fusion ran on the CPU."),
        _(
            "{device} ran out of memory in float32; the network ran in bfloat16, whose field "
            "differs by small parts of a voxel."
        ),
    )


def _refusals(_: Callable[[str], str]) -> tuple[str, ...]:
    return (
        *_ofThePair(_),
        *_ofAVolume(_),
        *_ofTheGuidance(_),
        *_ofTheMachine(_),
        *_ofTheWeights(_),
        *_ofFiles(_),
    )


def _ofThePair(_: Callable[[str], str]) -> tuple[str, ...]:
    return (
        _(
            "The fields of view do not overlap: {extents}. No pose was found in which the volumes "
            "agree. If both show the same patient, bring them together first (3D Slicer: Volumes > "
            "Volume Information > Center Volume, or a hardened transform) and try again."
        ),
        _(
            "The fields of view do not overlap: {extents}. If both show the same patient, bring "
            "them together first (3D Slicer: Volumes > Volume Information > Center Volume, or a "
            "hardened transform) and try again."
        ),
        _(
            "The volumes have different PatientID: they are of two patients. Choose two volumes of "
            "one patient, or add --allow-different-patient where one patient has two IDs."
        ),
        _(
            "The volumes have different PatientID. A restored scan is not written into the study "
            "of another patient. Export the result as a folder instead."
        ),
    )


def _ofAVolume(_: Callable[[str], str]) -> tuple[str, ...]:
    return (
        _(
            "The {name} volume looks like a binary mask; expected the intensities of MR, CT or "
            "PET. Choose the scan that it was drawn on."
        ),
        _(
            "The {name} volume looks like a label map ({count} values); expected the intensities "
            "of MR, CT or PET. Choose the scan that it was drawn on."
        ),
        _("The {name} volume is constant (all voxels are {value}): there is nothing to fuse."),
        _("The {name} volume holds no numbers: every voxel is NaN or infinite. Export it again."),
        _(
            "{percent} % of the {name} volume is NaN or infinite; up to {most} % can be repaired "
            "automatically. Replace them with the background value and try again."
        ),
        _(
            "The {name} volume covers {size} mm; expected {smallest} to {largest} mm. The unit of "
            "its voxel size is wrong; repair its header (spacing in millimetres)."
        ),
        _(
            "The {name} volume has {size} voxels; expected at least {least} along every axis. Load "
            "the whole 3-D volume."
        ),
        _("The {name} volume holds {kind} values; expected real numbers."),
        _(
            "The {name} volume is {other} (modality {stated}). Expected MR, CT or PET; if it is "
            "one of them, say so with --{name}-modality."
        ),
        _(
            "The {name} CT is not in Hounsfield units: air lies near 0 and soft tissue near 1024, "
            "as without its rescale intercept. Add --{name}-rescale 1,-1024 (or the file's own "
            "slope and intercept)."
        ),
        _(
            "The {name} CT is not in Hounsfield units: its values span {span} (from {low} to "
            "{high}). Give the slope and intercept that lead back to HU with --{name}-rescale "
            "SLOPE,INTERCEPT, or another --{name}-modality."
        ),
        _("The volume has no positive value, so it is neither MR nor PET. Set its modality."),
    )


def _ofTheGuidance(_: Callable[[str], str]) -> tuple[str, ...]:
    return (
        _(
            "The initial transform moves all of the degraded volume out of the reference's field "
            "of view ({extents}). Check that it was made for these two volumes."
        ),
        _(
            "The initial transform moves all of the degraded volume out of the reference's field "
            "of view ({extents}). Its inverse does not: an initial transform maps points of the "
            "reference to points of the degraded volume, as ITK writes it. Invert it."
        ),
        _(
            "The {name} mask leaves nothing of the patient to compare: what it holds lies outside "
            "the body, or is thinner than 3 mm. Draw what is to be compared, or leave the mask out."
        ),
        _(
            "The masks leave nothing to compare: once the volumes are aligned, no place of the "
            "body lies inside both. Draw them on the same anatomy, or leave one out."
        ),
    )


def _ofTheMachine(_: Callable[[str], str]) -> tuple[str, ...]:
    return (
        _(
            "This pair needs about {needed} of memory, and {free} are free. Close other programs, "
            "choose a larger --working-spacing than {spacing}, crop the reference, or add "
            "--exceed-memory to try it anyway."
        ),
        _("{device} ran out of memory. Try --device cpu, a coarser grid, or close other programs."),
        _("{device} ran out of memory. Try a coarser grid, or close other programs."),
        _("not enough memory. Close other programs, or crop the volumes."),
        _(
            "Device {device} is not available: usable CUDA devices of this machine: {count}. Use "
            "auto or cpu."
        ),
        _("unexpected error; please report it with the lines above."),
        _(
            "Cannot write {file}: {reason} ({free} free). Check permission and free space, or "
            "choose another folder. Nothing was left behind."
        ),
        _("Cannot write {file}: {reason}. Check permission and free space."),
        _("Cannot write {file}: {reason}. No partial results were left."),
        _(
            "The fusion method 'wavelet' needs the package PyWavelets ({reason}). Install it with: "
            "pip install PyWavelets, or choose another method."
        ),
        _(
            "{doing} DICOM needs the package pydicom. Install it with: pip install '.[dicom]' in "
            "the repository's folder, or convert the series to NIfTI."
        ),
    )


def _ofTheWeights(_: Callable[[str], str]) -> tuple[str, ...]:
    return (
        _("These weights support {known}, not {modality}. Choose one of these."),
        _("Expected the contract '{name}' beside '{path}', found none. Copy both files."),
        _(
            "The weights '{path}' are damaged or do not belong to their contract: expected SHA-256 "
            "{expected}…, got {found}…. Copy both files again."
        ),
        _(
            "Expected finite numbers of the network, got NaN or infinite ones ({where}). float16 "
            "cannot hold large numbers: use --precision float32. If it ran in float32, its weights "
            "are broken: use those that were shipped."
        ),
    )


def _ofFiles(_: Callable[[str], str]) -> tuple[str, ...]:
    """Of a batch, whose volumes may be files."""
    return (
        _("{file} does not exist. Check the path."),
        _("Cannot read {file}: {reason}. Check the path and its permission."),
        _("{file} is truncated: voxels are missing at its end. Copy or export the file again."),
        _("{file} is damaged or incomplete ({reason}). Copy or export it again."),
        _("{file} is a 2-D image ({shape}). Expected a 3-D volume; pick the whole series."),
        _(
            "{file} is a {axes}-D series ({shape}). Expected one 3-D volume; extract one frame and "
            "try again."
        ),
        _("{folder} holds {count} DICOM series: {series}. Choose one with --series UID."),
        _(
            "{file} does not say which side of the patient is left or right. If you know how its "
            "voxels are stored, add --assume-orientation LPS or RAS (the directions in which i, j "
            "and k run); else export it again in a format that keeps the orientation."
        ),
    )


def _parts(_: Callable[[str], str]) -> tuple[str, ...]:
    """Of sentences: what their places hold."""
    return (
        _("degraded"),
        _("reference"),
        _("No degradation"),
        _("MR motion"),
        _("CT metal and noise"),
        _("Low-dose PET"),
        _("they stay where their files place them"),
        _("the initial pose is used as it is"),
        _("degraded {degraded}, reference {reference}"),
        _("larger"),
        _("smaller"),
        _("from side to side"),
        _("from front to back"),
        _("from head to foot"),
        _("set by the user"),
        _("stated by {source}"),
        _("the file name says so, and its values fit"),
        _("it holds colours, as maps of PET do"),
        _("its values lie where Hounsfield units put air and soft tissue"),
        _("its values look like CT with 1024 added"),
        _("it has values below zero that are not Hounsfield units (z-scores, a signed map)"),
        _("{count} of 3 signs of PET (voxel size, hot spots, range)"),
        _("its values were scaled to 0 to 1, so no unit is left"),
        _("its values are neither Hounsfield units nor uptake values"),
        _("ultrasound"),
        _("Reading"),
        _("Writing"),
    )
