<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="en_US" sourcelanguage="en_US">
<context>
    <name>UniFuseSlicer</name>
    <message>
        <source>UniFuse</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Restores a degraded, misaligned volume, aligns it with a clean reference of another modality or MR contrast, and fuses the two: select both volumes and press Fuse.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Implements the method of the paper UniFuse. The sample volumes are licensed CC BY; see the ATTRIBUTION.md that comes with them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fuse</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Degraded:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The volume with motion, metal artifacts, noise or low dose. It may be misaligned, of any size and orientation, scalar or RGB. It is not modified.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Automatic takes the modality that the volume states (DICOM), else detects it from the intensities. Set it manually if the result names the wrong one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Reference:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The clean volume of another modality or MR contrast. All results have its grid. It is not modified.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Modality and unit as the DICOM attributes or the units of the volumes state them; they are handed to the fusion tool</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Restore, align and fuse the two volumes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Exchange the degraded and the reference volume</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Swap</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Load the brain MRI pair that comes with the extension: a T1 reference and a T2 with motion. No download.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Sample pair</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Estimated from the sizes of both volumes, on the CPU of the computer that was measured; other computers and GPUs differ. The last figure is for the files of the result, exported as a folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Result:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>All results of this scene. Choosing one brings back its two volumes, its card, its layers and where the slice views looked.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The run has replaced an earlier result of the same two volumes; exchange the two. Both are kept until the next run, and only the one that is shown is saved.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Undo</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The chosen result stays as it is; the next Fuse creates nodes of its own</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>New</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Copy the four nodes of this result with its report, in a folder of their own; the copy is chosen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Duplicate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Give this result another name; its four nodes are renamed together</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Rename</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Delete the four nodes of this result, after a question. The volumes that it was made of stay.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Delete</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Volumes of the result below, and when they were fused</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show every sentence of this result; some are left out where the window is low</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>More</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Whether the alignment can be trusted, judged by measures that it does not optimize: poses that are certainly wrong, the mirrored volume, where other registrations end, each region by itself. Figures: docs/results/trust.md</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>What was found in the degraded volume, and its probability · structural match with the reference before and after alignment (it rises for wrong pairs as well, so it proves nothing) · how far tissue was moved · share of the body where the deformation folds (above 0.1 %: do not trust it there) · time</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Warnings of this result; they are stored with it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Create a start that moves the middle of the degraded volume onto the middle of the reference, and fuse again from there. The volumes themselves are not moved.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Center and try again</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Look</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The verdict on the chosen result; the reasons and all warnings are under Fuse</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Under the mouse: values of the reference and of the restored volume; where the same anatomy lies in the degraded volume, towards the patient's right or left (R, L), anterior or posterior (A, P), superior or inferior (S, I); how much larger or smaller it is there; how far off the alignment may be</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>View:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Both volumes in one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fused</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The restored volume over the reference, as its modality is read: PET in color, bone on MR, MR half transparent</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>By modality</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>CT window:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>0 to 80 HU</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Brain</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>-150 to 250 HU</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Soft tissue</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>-500 to 1300 HU</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Bone</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>-1350 to 150 HU</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Lung</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>SUV 0 to:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show PET from 0 to 5</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>5</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show PET from 0 to 7</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>7</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show PET from 0 to 10</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>10</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show PET from 0 to 20</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>20</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Warm colors over the gray CT, or PET alone in inverted gray</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Foreground:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Volume shown over the reference in the slice views</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Opacity:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>0: only the reference, 1: only the foreground</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Compare:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The reference and the foreground; before Fuse, the two inputs. Off brings the views back as they were. Flicker: space swaps them, [ shows the reference, ] the other volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Checkerboard: size of a square. Curtain: where it hangs; the reference is left of it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Live warp:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Move the degraded volume from its original position (0 %) onto the reference (100 %). A copy is moved; your volume is not modified.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source> %</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Deformation:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>How the deformation is drawn in the slice views. Arrows show how the degraded volume was moved. Yellow marks the largest displacement in the body.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>All of the displacement, or what is left of it without the motion of the whole body: where the patient was only placed elsewhere, nothing is left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Spacing:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Distance between grid lines or arrows</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source> mm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Color scale:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Where the colors of displacement and change of volume end: with the largest value in the body of this result, or at a fixed value, to compare results</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Draw nothing outside the patient's body and the field of view of the degraded volume</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Only inside the body</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show the color scale in mm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Color legend (mm)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fill a 3-D view of the layout: PET as a rotating maximum-intensity projection, otherwise the displacement as arrows in the outline of the body. Nothing is saved with the scene.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>3-D view</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Apply to other nodes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Nodes:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Volumes, label maps, segmentations, markups and models that follow the deformation of this result. Those of the same study are ticked. They are not modified: new nodes are created.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Direction:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Whose places are wanted. Nodes of the degraded scan go to the reference, nodes of the reference scan to the degraded volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Create a moved copy of every ticked node</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Apply</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Measure by segment</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Segments:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Segmentation or label map whose regions are measured. None measures the whole field of view and the body.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Drawn on:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Volume that the segments were drawn on. Those of the degraded volume are moved to the reference first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Chart:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Histogram that is shown; the table and both charts are created</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Create a table with displacement, direction, change of volume and folds of each region, and two charts</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Measure</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Export</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Into:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>A new folder, named after the result, is created in this one. Nothing that is there is replaced.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>As:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Folder: volumes, deformation, report and overview as the command line writes them. DICOM: fused and restored volume as two series in the study of the reference.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Write the chosen result into files; no node is changed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Batch</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Table of pairs:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Table with the columns degraded and reference: names of volumes in the scene, or files. Columns name and options of "unifuse fuse" may follow.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Append the two volumes chosen under Fuse to this table, or to a new one</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Add pair</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Or file, folder:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>CSV or TSV table of files, or a folder with one folder per case that holds degraded.* and reference.*; used where no table is chosen above</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Results in:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>One folder per case is created in this folder, with a page that shows all of them (summary.html)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fuse every pair with the choices under Fuse and Advanced. Finished cases stay; a case that fails does not stop the others.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fuse all pairs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Time series:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Each frame is fused on its own, or the frame that is shown is fused and its deformation moves all frames</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Needs a degraded volume that is a frame of a sequence (module Sequences). The results follow the same browser.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fuse frames</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>A double click loads the result of a case</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Case</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Verdict</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>What was found</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Advanced</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Steering</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Movement:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>How far the alignment may go. Rigid and affine move the body as a whole; None keeps the positions, or those of the start below.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Start:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Linear transform that moves the degraded volume towards the reference (module Transforms, also by its handles). The alignment starts there. Do not put the volume under it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Create a start that moves the middle of the degraded volume onto the middle of the reference: for volumes that do not overlap</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Center</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Shift and turn the degraded volume onto the reference by handles in the slice views; the alignment starts there. The volume itself is not moved.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Handles</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Degraded mask:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Segmentation or label map: only inside is the degraded volume compared with the reference. All of it is moved.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Create a segmentation of the body in the degraded volume and choose it: only the patient is compared, without table, coil, pillow or mask of immobilization. Edit it in the Segment Editor where it holds more; pressed again, the same segmentation is chosen.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Body</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Reference mask:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Segmentation or label map: only inside is the reference compared with the degraded volume. All is moved.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Create a segmentation of the body in the reference and choose it: only the patient is compared. Edit it in the Segment Editor where it holds more; pressed again, the same segmentation is chosen.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Outputs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fused:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Both volumes fused, on the grid of the reference. None creates a new node. Results of other volume pairs are never overwritten.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Restored:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The degraded volume, restored and aligned with the reference, in its own units. None creates a new node. Results of other volume pairs are never overwritten.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Restored</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Grid transform in mm. Place the degraded volume under it to align it with the reference. None creates a new node. Results of other volume pairs are never overwritten.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Deformation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Report:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Table with the probability of each type of degradation. None creates a new node. Results of other volume pairs are never overwritten.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fusion report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Options</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Device:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Automatic uses the GPU if PyTorch finds one. Stored in the settings of this computer, not in the scene.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Show the name and the free memory of each device, then fuse the sample pair on the chosen one: passed or failed, time, memory. Press it again to cancel.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Check</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Weights file:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Leave empty to use the weights that come with the extension. Stored in the settings of this computer, not in the scene.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Precision:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>float16 and bfloat16 need about half of the GPU memory</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Working spacing:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Voxel size (mm) of the internal working grid. 0 = training resolution. A larger size needs less memory and time.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Refinement:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fine-tunes the deformation on this pair after the network (test-time optimization). Automatic: only for MR-MR pairs, where the error decreased in validation.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fused volume: method:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>What makes the fused volume. Alignment, restored volume and verdict stay the same. UniFuse keeps most of the soft tissue and is the one to read; DM-FNet shows bone and uptake more strongly; the others are there for comparison.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fused volume: HU of CT:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Which HU of a CT the fused volume shows from black to white. Automatic: brain where a CT of a head is fused with PET, else wide. It changes the fused volume alone.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Also compute how far off the alignment may be at every place, in mm (2 to 3 seconds more). Show it with Look &gt; Foreground: Uncertainty.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Map the uncertainty of the alignment</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>List fused and restored volumes of earlier runs under Fuse as well</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Offer results as inputs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Keep inputs, results and log.txt in the temporary folder. The log names the folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Keep the files and the log of the run</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Wheels folder:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>For a computer without internet: a folder with the Python packages, which Fuse installs from there. Leave empty to download them. Stored in the settings of this computer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Start Python and PyTorch as soon as two volumes are chosen, so that Fuse begins about two seconds earlier. The process takes about 300 MB and ends after two idle minutes. Stored in the settings of this computer.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Start the tool while volumes are chosen</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Log</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Application</name>
    <message>
        <source>UniFuse</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Apply</name>
    <message>
        <source>Expected a volume, label map, segmentation, markups or model, got "{name}". Choose another node; from a sequence, choose its current frame.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>none</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>"{name}" is the {to} volume itself. Choose nodes of the other scan.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>"{name}" is a result of UniFuse, so it was moved already. Choose the node that it was made from.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>A node was deleted meanwhile. Choose again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>"{name}" is empty. Choose another node.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.ApplyWidgets</name>
    <message>
        <source>Degraded to reference</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Reference to degraded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Tick the nodes to move under Apply to other nodes &gt; Nodes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Created: {names}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{count} points of "{name}" lie outside the field of view of the reference; they moved as its border does. Check them.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Batch</name>
    <message>
        <source>Cannot use the folder {output}: {reason}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cannot write {table}: {reason}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{path} was not created by UniFuse and will not be overwritten. Move it, or choose another output folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{path} is not UTF-8 text. Save the table as CSV UTF-8.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.BatchInputs</name>
    <message>
        <source>{source} does not exist. Choose a CSV table or a folder.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>No case found in "{name}". Expected a table with the columns degraded and reference.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.BatchJob</name>
    <message>
        <source>Cancelling</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Starting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The first cases are being fused</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{number} of {count} cases</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cancelled. Finished cases stay in {folder}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{done} of {count} cases done: {page}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.BatchNodes</name>
    <message>
        <source>This case was made of the volume "{name}"; several volumes of the scene have that name. Rename the others, and try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This case was made of the volume "{name}" ({size} voxels), which is not in the scene. Load its scene, or a volume with that name, and try again.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.BatchResult</name>
    <message>
        <source>{folder} holds no finished case of a batch.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{path} is no longer there. Put it back, or run the batch again with volumes that are in the scene.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.BatchWidgets</name>
    <message>
        <source>Choose the two volumes of the pair under Fuse.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Pairs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a table of pairs, or a CSV file or folder of them.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a folder for the results of the batch.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cancel batch</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fuse all pairs</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Done</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Not done yet</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Failed</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.BodyLines</name>
    <message>
        <source>{name} (lines in the body)</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.BodySegment</name>
    <message>
        <source>{name} body</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Body</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Card</name>
    <message>
        <source>{degraded} on {reference}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{volumes}, {time}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{header} (not the volumes selected above)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>a deleted volume</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Less</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>More ({count})</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Choices</name>
    <message>
        <source>Automatic</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>MR</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>CT</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>PET</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>GPU (CUDA)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>CPU</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Off</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Wide (-1024 to 1600 HU)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Brain (0 to 80 HU)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Soft tissue (-150 to 250 HU)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Bone (-500 to 1300 HU)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Lung (-1350 to 150 HU)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Deformable</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Affine (shift, turn, stretch)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Rigid (shift and turn)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>None: keep the positions</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fused</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Restored</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Degraded, warped by the slider</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Reference only</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Uncertainty (mm), where it was mapped</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Displacement (mm)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Change of volume (%)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Grid</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Arrows</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Contour lines</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Total</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Without the rigid part</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{mm:.0f} mm, {percent:.0f} % of volume</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Side by side</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Checkerboard</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Curtain</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Flicker</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Cost</name>
    <message>
        <source>About {seconds:.0f} s of one core · {memory} of RAM · export up to {disk}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Only {free} of memory are free, so it will be refused on the CPU. Close other programs, set a larger working spacing, or crop the reference.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.CursorWidgets</name>
    <message>
        <source>Move the mouse over a slice view to read values.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Devices</name>
    <message>
        <source>Looking…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>PyTorch could not be loaded. Press Fuse to install it. {reason}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name}, {free:.0f} of {total:.0f} GB free</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>No GPU that PyTorch {version} can use: runs on {threads} CPU threads</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Direction</name>
    <message>
        <source>The {to} volume of this result is no longer in the scene. Load it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Expected "reference" or "degraded" as the destination, got "{to}".</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Expected the fused volume of a result, got {name}. Press Fuse first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>none</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The deformation of this result is under the transform "{name}". Remove it from the transform (Transforms module) and try again.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Display</name>
    <message>
        <source>Uncertainty, mm</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Duplicate</name>
    <message>
        <source>{name} copy</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.ExportFiles</name>
    <message>
        <source>A node of this result was deleted: it cannot be exported.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>"{folder}" is no folder. Choose another one.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.ExportJob</name>
    <message>
        <source>Exporting volumes</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.ExportWidgets</name>
    <message>
        <source>Folder with report and overview</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>DICOM series</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{stage} · {percent} %</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Choose a folder to export into.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Export cancelled. Nothing was written.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Exported: {folder}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cancel export</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Export</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.FieldMap</name>
    <message>
        <source>{name} (color wash)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Volume, %</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Deformed, mm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Displaced, mm</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Frames</name>
    <message>
        <source>Expected a volume of a sequence (module Sequences), got "{name}".</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>none</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Guards</name>
    <message>
        <source>"{name}" is chosen as degraded and as reference. Select two different volumes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The working spacing is {spacing} mm; expected 0 (training resolution) to {largest:g} mm.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>float16 is slower on the CPU than float32. Choose the precision Automatic, or another device.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The weights file {path} does not exist. Choose another one under Advanced, or empty the field to use the weights that come with the extension.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Degraded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Reference</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{role}: {facts}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{role}: values are in Bq/ml, not SUV; the result keeps Bq/ml.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{role}: set to {setting}, but {source} say {stated}. It will be treated as {setting}; choose Automatic if that is wrong.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The {role} volume "{name}" is a label map: numbers of regions, not an image. Choose the image; move the labels afterwards with Apply to other nodes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The {role} volume "{name}" has the DICOM modality {stated}; expected MR, CT or PET. If it is one of them, set the modality.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Guidance</name>
    <message>
        <source>Expected a linear transform as the start, got "{name}". Choose a rigid or affine one; the deformation is found by UniFuse.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The transform "{name}" mirrors or flattens the volume, which is no motion of a patient. Choose another start.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The mask "{mask}" leaves nothing of "{volume}" to compare: nothing of it is drawn inside that volume. Draw what is to be compared, or choose None.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>"{volume}" is under the transform "{transform}" already, so it counts without being chosen. Choose None as the start, or take the volume out of it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Expected a segmentation or a label map as the mask, got "{name}".</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.HandleWidgets</name>
    <message>
        <source>Select two different volumes first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Drag the dot to shift and the ring to turn, in any slice view; then press Fuse. The volume itself is not moved.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Handles</name>
    <message>
        <source>{name} (by handles)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{degraded} moved onto {reference}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Images</name>
    <message>
        <source>The result {file} could not be read: {reason}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{file} could not be read: {reason}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The {name} volume contains no usable values (NaN only). See the log, and choose the device CPU under Advanced.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The fusion tool did not write {name}. See the log.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.InputButtons</name>
    <message>
        <source>"{name}": only inside it is compared. Where it holds more than the patient, remove that in the module Segment Editor. Heads are aligned less well with it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Select both volumes first.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Install</name>
    <message>
        <source>The installation failed: {reason}. Without internet access, follow "Install on a computer without internet" in the module's README.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Python packages are missing, too old or only half installed: {packages}. Open the module UniFuse and press Fuse once; you will be asked for permission to install them. In scripts, call: UniFuseSlicerLib.Install.Dependencies(confirm=lambda question: True).ensure()</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>UniFuse needs the extension PyTorch. Install it in View &gt; Extensions Manager, restart Slicer and press Fuse again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>PyTorch was not installed. See the log (Help &gt; Report a bug), or use the module PyTorch Utils.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>PyTorch is only half installed. Open the module PyTorch Utils, press Uninstall PyTorch, restart Slicer, press Install PyTorch, and then Fuse again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Nothing was installed. UniFuse needs these packages; press Fuse to be asked again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>UniFuse needs Python packages that are not installed yet:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>• PyTorch is only half installed: what is left of it is removed first</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>• PyTorch</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>• PyTorch (download of about 0.2 GB for CPU, 2 to 3 GB with GPU support)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>• {name} (less than 1 MB)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>They are taken from {folder}; nothing is downloaded.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>They will be installed into Slicer's own Python. Your images never leave this computer. Install now?</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>UniFuse: install packages</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Job</name>
    <message>
        <source>Cancelling</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Exporting volumes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Loading the result</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Starting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>"{name}" was deleted during the run, so its result was discarded.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The files of this run are kept in {folder}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.LiveWarp</name>
    <message>
        <source>{name} (live warp)</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Locations</name>
    <message>
        <source>Expected the folder UniFuseLib in {first} or {second}. Reinstall the UniFuse extension.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Logic</name>
    <message>
        <source>{number} of {count}: {name}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.LookWidgets</name>
    <message>
        <source>By modality</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>SUV 0 to:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Window 0 to:</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Looks</name>
    <message>
        <source>Warm colors</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Inverted gray</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Bone on MR</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{degraded} on {reference}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Measure</name>
    <message>
        <source>The deformation is a single voxel thin: no change of volume can be measured.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>"{name}" has no label inside the field of view of the reference. Check that it belongs to this patient, and the scan that it was drawn on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Expected a segmentation or a label map with voxels, got "{name}".</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.MeasureNodes</name>
    <message>
        <source>{result} measured</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Displacement (mm)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Volume in the degraded scan / in the reference</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{result} displacement</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{result} volume change</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{chart} (histogram)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Share of the region (%)</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.MeasureWidgets</name>
    <message>
        <source>Reference</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Degraded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Displacement</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Change of volume</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{count} regions measured: table "{table}" (module Tables).</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Messages</name>
    <message>
        <source>{kind}: {reason}. See the log for details.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Moved</name>
    <message>
        <source>The segmentation "{name}" is stored as "{kind}"; expected a binary label map or closed surfaces. Set another source representation in the module Segmentations.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>"{name}" is a {kind}, which keeps its shape and cannot follow a deformation. Turn it into points, a curve or a model first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The deformation folds at {count} of the {all} points of "{name}" ({numbers}): they have no single place in the reference. Remove what lies there, or fuse again with Movement: rigid.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} on {target}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Nodes</name>
    <message>
        <source>The node "{node}" is under the non-linear transform "{transform}". Remove it from the transform, or harden the transform (Transforms module), and try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>none</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Expected a {role} volume with voxels, got {name}. Load it first.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The {role} volume "{name}" has {count} values per voxel; expected 1 (or 3, RGB, for the degraded volume). Extract one component with the module Vector to Scalar Volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The axes of the reference volume "{name}" are not perpendicular (a transform with shear, or a tilted scan). Resample it (Resample Scalar/Vector/DWI Volume) and try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>"{name}" contains no displacement grid. Choose the deformation of a result.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Outcome</name>
    <message>
        <source>Done.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cancelled. Nothing was changed.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The fusion tool could not be started ({program}): {reason}. Reinstall the UniFuse extension.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The fusion tool ended without a result. See the log for the last completed step.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{kind}: {reason}. Check free space and permission of the temporary folder ({folder}).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The fusion tool stopped with exit code {code} without an error message. See the log.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The fusion tool was terminated by the operating system (signal 9), most often because memory ran out. Close other programs, crop the volumes, or set a larger working spacing under Advanced.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The fusion tool crashed (code {code}). Slicer and your data are unharmed. Choose the device CPU under Advanced; if it crashes again, please report the log.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Overlay</name>
    <message>
        <source>{name} (arrows in the body)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} (without the rigid part)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>mm</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>mm (arrows × {times})</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Ownership</name>
    <message>
        <source>"{name}" is used as an input and cannot also be an output. Choose another node under Outputs, or None for a new one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>"{name}" is chosen for two outputs. Choose another node under Outputs, or None for a new one.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>UniFuse did not create these nodes, and their content will be replaced:

{names}

This cannot be undone. Overwrite them? (To keep them, press Cancel and choose None under Outputs to create new nodes.)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>"{name}" holds the result of other volumes and would be overwritten. Pass None as the output to create a new node, or overwriteNodes=[node] to replace it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>"{name}" was not created by UniFuse and would be overwritten. Pass None as the output to create a new node, or overwriteNodes=[node] to replace it.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.ResultSelector</name>
    <message>
        <source>The next Fuse makes a new result.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Name of this result:</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Created: {names}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} restored</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} deformation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{name} report</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Delete this result? The volumes that it was made of stay.

{names}

This cannot be undone.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Results</name>
    <message>
        <source>{degraded} uncertainty</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{degraded} on {reference} fused</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{degraded} restored</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{degraded} to {reference}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{degraded} fusion report</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Retry</name>
    <message>
        <source>Center {degraded} on {reference} and try again</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.SampleCheck</name>
    <message>
        <source>Sample pair: failed. {reason}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Sample pair: cancelled.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Sample pair: failed. Expected {expected}, found {found}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Sample pair: passed in {seconds:.0f} s, {memory:.1f} GB of memory, on {device}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{file} is damaged. Install the extension again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Sample pair: {percent} %</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Samples</name>
    <message>
        <source>The sample data is not part of this installation. Load two volumes instead.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Sample {contrast} with motion</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Sample {contrast} reference</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Segments</name>
    <message>
        <source>The segmentation "{name}" has no binary label map. Create that representation in the module Segmentations.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.SequenceJob</name>
    <message>
        <source>Cancelling</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Starting</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Moving frame {number} of {count}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Frame {number} of {count}: {stage}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Frame {value}: {reason}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{done} of {count} frames are fused; frame {value}: {reason}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{count} frames are fused.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{count} frames follow the field of the current one: "{name}".</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.SequenceWidgets</name>
    <message>
        <source>Each frame</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Field of this frame for all</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Fuse frames</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.ShownPart</name>
    <message>
        <source>{name} (compared)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Checkerboard and curtain need a volume with one value per voxel; "{name}" is in color. Choose Side by side.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Steering</name>
    <message>
        <source>{degraded} centered on {reference}</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.ThreeD</name>
    <message>
        <source>{name} (3-D)</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.ToolTexts</name>
    <message>
        <source>Reading the files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Loading the network</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Checking the volumes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Aligning the volumes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Running the network</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Refining the deformation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Judging the alignment</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Restoring and fusing</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Writing onto the reference grid</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Measuring the result</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Writing the files</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Writing the fused series</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Writing the restored series</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Drawing the overview</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The volumes agree no better than unrelated ones do ({sigmas} standard deviations above poses that are wrong).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The volumes agree only {sigmas} standard deviations better than in wrong poses.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Left and right may be swapped: the mirrored volume fits as well or better.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Left and right can hardly be told apart: the mirrored volume fits nearly as well ({percent} % of the score).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>A pose that is certainly wrong reaches {percent} % of the score.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{percent} % of the regions of the body would fit better elsewhere.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The regions of the body would fit better {mm} mm away, all in one direction.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Registrations by other measures or by halves of the body end {mm} mm apart.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Most regions fit hardly better where they are than a few millimetres away.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The volumes are less alike than aligned volumes of one patient usually are.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The outlines of the two bodies overlap by only {percent} %.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Only {percent} % of the reference's body is covered.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The deformation bends the body by {mm} mm, besides its motion as a whole.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The best pose lies {mm} mm away and was not used: the evidence for it is too weak.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>No single finding stands out; together they are unlike those of a good alignment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The volumes may be of two patients: most regions of the body would fit better elsewhere, and other registrations end apart.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The volumes agree {percent} % better if the degraded one is taken to be {stretch} % {size} {direction}: check the voxel sizes and the gantry tilt in both headers, and that both show the same patient.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>From S {low} to S {high} mm the body lies {mm} mm from where the alignment has it, and agrees {percent} % better there: it was bent or turned between the scans. Check that part, or fuse again with a mask of it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Both volumes hold the same voxels: one file was chosen twice, or is a copy of the other. Choose the degraded volume and its reference.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The verdict was not fitted to {degraded} on {reference}: its figures may be too good, above all where organs have moved against each other.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>No pose was found in which the two volumes agree clearly better than by chance (score {score}; wrong poses reach {mean} ± {spread}, {best} at most), so {place}. Check that both show the same region of the same patient, and their modalities.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The two volumes agree better than by chance, but not by much (score {score}; wrong poses reach {mean} ± {spread}, {best} at most). Check the pose.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The degraded volume was moved by {mm} mm and turned by {degrees}° against what its file says. Check the pose.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The alignment rests on {percent} % of the reference's body: no more of it lies in the degraded volume. Check it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The alignment stretched the degraded volume by up to {percent} %, more than a patient changes. Check the voxel sizes of both files.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The initial transform stretches the degraded volume by up to {percent} %, more than a patient changes. Check the voxel sizes of both files, and what it was made for.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The fields of view do not overlap as the files place them ({extents}): the pose was found from the intensities alone. Check it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The refined deformation did not improve the parts of the volumes that it was not fitted to, so the deformation before the refinement was kept.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The refined deformation would fold, so the deformation before the refinement was kept.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Large reference field of view: processed at {coarser} mm instead of {spacing} mm. Crop the reference to the region of interest for a finer alignment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The {name} mask lies on another grid than the {name} volume; it was read at the nearest voxel.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The type of degradation is not stated: the working grid has {spacing} mm, and the types were calibrated at {calibrated} mm only. At another spacing the type may be wrong at any probability.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The type of degradation is not stated: the degraded volume has voxels of {voxel} mm, and by the network alone the types of {modality} are named rightly up to {coarsest} mm. Of coarser ones the type may be wrong at any probability.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The type of degradation is not stated: the network calls the degraded CT clean, and it holds {volume} ml of metal. Please inspect it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The network predicted {found}, which cannot occur in {modality}. Check the modality setting; only classes possible for {modality} were considered.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Low confidence: {found} ({percent} %). In validation, predictions were {right} % correct only at {sure} % confidence or more. Please inspect the degraded volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The reference looks degraded itself ({found}, {percent} %), and the degraded volume does not: were the two exchanged? The first volume is restored with the help of a clean second one; if they were, exchange them and fuse again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The reference looks degraded itself ({found}, {percent} %), and a clean one is expected: choose another reference, or inspect what the result takes from it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The modality of the {name} volume is uncertain: {why}. It was treated as {modality}; set the {name} modality if that is wrong.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The {name} volume is {stated} by {source}, but --{name}-modality is {chosen}: it was treated as {modality}.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The values of the {name} volume look like Hounsfield units of CT, but it was treated as {modality} ({why}); set the {name} modality if that is wrong.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The name of the {name} volume suggests {named}, but it was treated as {modality} ({why}); set the {name} modality if that is wrong.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The values of the {name} CT (from {low} to {high}) do not look like Hounsfield units with air near -1000; check --{name}-modality and its rescaling.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>In the {name} volume, {percent} % of the voxels hold the fill value {value}; they were treated as not acquired.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>1 NaN or infinite voxel in the {name} volume was replaced by its nearest neighbour.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>In the {name} CT, {count} voxels amid bone or metal lie below any Hounsfield unit: they wrapped around in 12 bits, and 4096 was added to them. Export the series again if you can.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{empty} of {count} slices of the {name} volume are empty, between others that are not: slices are missing. Export the series again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>All values of the {name} volume lie far above 0, as with an offset: {offset} was taken as air.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{count} NaN or infinite voxels in the {name} volume were replaced by their nearest valid neighbours.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{percent} % of the {name} volume is NaN around the patient; it was treated as not acquired.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{device} ran out of memory in {precision} too; the fusion ran on the CPU.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{device} ran out of memory in float32; the network ran in bfloat16, whose field differs by small parts of a voxel.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The fields of view do not overlap: {extents}. No pose was found in which the volumes agree. If both show the same patient, bring them together first (3D Slicer: Volumes &gt; Volume Information &gt; Center Volume, or a hardened transform) and try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The fields of view do not overlap: {extents}. If both show the same patient, bring them together first (3D Slicer: Volumes &gt; Volume Information &gt; Center Volume, or a hardened transform) and try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The volumes have different PatientID: they are of two patients. Choose two volumes of one patient, or add --allow-different-patient where one patient has two IDs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The volumes have different PatientID. A restored scan is not written into the study of another patient. Export the result as a folder instead.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The {name} volume looks like a binary mask; expected the intensities of MR, CT or PET. Choose the scan that it was drawn on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The {name} volume looks like a label map ({count} values); expected the intensities of MR, CT or PET. Choose the scan that it was drawn on.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The {name} volume is constant (all voxels are {value}): there is nothing to fuse.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The {name} volume holds no numbers: every voxel is NaN or infinite. Export it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{percent} % of the {name} volume is NaN or infinite; up to {most} % can be repaired automatically. Replace them with the background value and try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The {name} volume covers {size} mm; expected {smallest} to {largest} mm. The unit of its voxel size is wrong; repair its header (spacing in millimetres).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The {name} volume has {size} voxels; expected at least {least} along every axis. Load the whole 3-D volume.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The {name} volume holds {kind} values; expected real numbers.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The {name} volume is {other} (modality {stated}). Expected MR, CT or PET; if it is one of them, say so with --{name}-modality.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The {name} CT is not in Hounsfield units: air lies near 0 and soft tissue near 1024, as without its rescale intercept. Add --{name}-rescale 1,-1024 (or the file's own slope and intercept).</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The {name} CT is not in Hounsfield units: its values span {span} (from {low} to {high}). Give the slope and intercept that lead back to HU with --{name}-rescale SLOPE,INTERCEPT, or another --{name}-modality.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The volume has no positive value, so it is neither MR nor PET. Set its modality.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The initial transform moves all of the degraded volume out of the reference's field of view ({extents}). Check that it was made for these two volumes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The initial transform moves all of the degraded volume out of the reference's field of view ({extents}). Its inverse does not: an initial transform maps points of the reference to points of the degraded volume, as ITK writes it. Invert it.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The {name} mask leaves nothing of the patient to compare: what it holds lies outside the body, or is thinner than 3 mm. Draw what is to be compared, or leave the mask out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The masks leave nothing to compare: once the volumes are aligned, no place of the body lies inside both. Draw them on the same anatomy, or leave one out.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>This pair needs about {needed} of memory, and {free} are free. Close other programs, choose a larger --working-spacing than {spacing}, crop the reference, or add --exceed-memory to try it anyway.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{device} ran out of memory. Try --device cpu, a coarser grid, or close other programs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{device} ran out of memory. Try a coarser grid, or close other programs.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>not enough memory. Close other programs, or crop the volumes.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Device {device} is not available: usable CUDA devices of this machine: {count}. Use auto or cpu.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>unexpected error; please report it with the lines above.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cannot write {file}: {reason} ({free} free). Check permission and free space, or choose another folder. Nothing was left behind.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cannot write {file}: {reason}. Check permission and free space.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cannot write {file}: {reason}. No partial results were left.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The fusion method 'wavelet' needs the package PyWavelets ({reason}). Install it with: pip install PyWavelets, or choose another method.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{doing} DICOM needs the package pydicom. Install it with: pip install '.[dicom]' in the repository's folder, or convert the series to NIfTI.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>These weights support {known}, not {modality}. Choose one of these.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Expected the contract '{name}' beside '{path}', found none. Copy both files.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The weights '{path}' are damaged or do not belong to their contract: expected SHA-256 {expected}…, got {found}…. Copy both files again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Expected finite numbers of the network, got NaN or infinite ones ({where}). float16 cannot hold large numbers: use --precision float32. If it ran in float32, its weights are broken: use those that were shipped.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{file} does not exist. Check the path.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cannot read {file}: {reason}. Check the path and its permission.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{file} is truncated: voxels are missing at its end. Copy or export the file again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{file} is damaged or incomplete ({reason}). Copy or export it again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{file} is a 2-D image ({shape}). Expected a 3-D volume; pick the whole series.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{file} is a {axes}-D series ({shape}). Expected one 3-D volume; extract one frame and try again.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{folder} holds {count} DICOM series: {series}. Choose one with --series UID.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{file} does not say which side of the patient is left or right. If you know how its voxels are stored, add --assume-orientation LPS or RAS (the directions in which i, j and k run); else export it again in a format that keeps the orientation.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>degraded</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>reference</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>No degradation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>MR motion</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>CT metal and noise</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Low-dose PET</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>they stay where their files place them</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>the initial pose is used as it is</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>degraded {degraded}, reference {reference}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>larger</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>smaller</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>from side to side</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>from front to back</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>from head to foot</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>set by the user</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>stated by {source}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>the file name says so, and its values fit</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>it holds colours, as maps of PET do</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>its values lie where Hounsfield units put air and soft tissue</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>its values look like CT with 1024 added</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>it has values below zero that are not Hounsfield units (z-scores, a signed map)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{count} of 3 signs of PET (voxel size, hot spots, range)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>its values were scaled to 0 to 1, so no unit is left</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>its values are neither Hounsfield units nor uptake values</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>ultrasound</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Reading</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Writing</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.UnderCursor</name>
    <message>
        <source>Reference {value}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{reference} · outside the degraded field of view</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{reference} · restored {value}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>In the degraded volume at the same place</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Not deformed here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>In the degraded volume {length:.1f} mm away: {words}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Deformed by {length:.1f} mm: {words}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Folded here</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Same volume there</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{percent:.0f} % larger there</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{percent:.0f} % smaller there</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>uncertainty {mm:.1f} mm</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Undo</name>
    <message>
        <source>Undo</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Redo</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.View</name>
    <message>
        <source>Fuse</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Restore, align and fuse the two volumes. Your volumes are not modified.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Select the degraded volume</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Select the reference volume</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Select two different volumes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cannot be fused (see below)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{stage} · {percent} % · {seconds} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cancelling…</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>The run is being cancelled</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Stop the run; no node is changed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>More than 3 mm off: {probability:.0f} % likely. Expected error {expected:.1f} mm ({low:.1f} to {high:.1f}) if both volumes show the same part of one patient.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Uncertainty: {mean:.1f} mm on average, {p95:.1f} mm or less in 95 % of the body.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{seconds:.0f} s</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{degraded} on {reference}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>fused by: {method}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>match with the reference {before:.2f} → {after:.2f} (1 = identical)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>displacement {mean:.1f} mm on average, {maximum:.1f} mm at most</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>placed {moved:.1f} mm, {rotation:.1f}°</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{placed}; not deformed</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{placed}; deformed {mean:.1f} mm on average, {maximum:.1f} mm at most</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>folds in {folds:.2f} % of the body</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.VolumeFacts</name>
    <message>
        <source>its DICOM attributes</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>the units of its values</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Widget</name>
    <message>
        <source>Not started. Nothing was overwritten.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>UniFuse: {name} is ready. It is shown when the module is opened.</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Windows</name>
    <message>
        <source>Brain</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Soft tissue</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Bone</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Lung</source>
        <translation type="unfinished"></translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Words</name>
    <message>
        <source>Research use only. Not for diagnosis or treatment.</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Green: no finding against the alignment</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Amber: check the alignment before using it</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Red: do not use this result</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>no degradation</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>motion</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>metal artifacts or noise</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>low dose</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Found: {found} ({percent:.0f} %)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Found: {found} ({percent:.0f} %, sure)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Found: {found} ({percent:.0f} %, unsure)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>light</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>moderate</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>severe</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{found}, {severity}</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>{found}, about 1/{part:.0f} of the usual</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>UniFuse (recommended)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>DM-FNet (network, slice by slice)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Average</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Maximum</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Laplacian pyramid</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Wavelets (needs PyWavelets)</source>
        <translation type="unfinished"></translation>
    </message>
    <message>
        <source>Expected a node, got the text "{name}". Use getNode("{name}").</source>
        <translation type="unfinished"></translation>
    </message>
</context>
</TS>
