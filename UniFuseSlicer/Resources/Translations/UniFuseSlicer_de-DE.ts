<?xml version="1.0" encoding="utf-8"?>
<!DOCTYPE TS>
<TS version="2.1" language="de_DE" sourcelanguage="en_US">
<context>
    <name>UniFuseSlicer</name>
    <message>
        <source>UniFuse</source>
        <translation>UniFuse</translation>
    </message>
    <message>
        <source>Restores a degraded, misaligned volume, aligns it with a clean reference of another modality or MR contrast, and fuses the two: select both volumes and press Fuse.</source>
        <translation>Restauriert ein gestörtes, verschobenes Volumen, richtet es an einer sauberen Referenz anderer Modalität oder anderen MR-Kontrasts aus und fusioniert beide: beide Volumen wählen und Fusionieren drücken.</translation>
    </message>
    <message>
        <source>Implements the method of the paper UniFuse. The sample volumes are licensed CC BY; see the ATTRIBUTION.md that comes with them.</source>
        <translation>Setzt das Verfahren der Veröffentlichung UniFuse um. Die Beispielvolumen stehen unter CC BY; siehe die mitgelieferte Datei ATTRIBUTION.md.</translation>
    </message>
    <message>
        <source>Fuse</source>
        <translation>Fusionieren</translation>
    </message>
    <message>
        <source>Degraded:</source>
        <translation>Gestört:</translation>
    </message>
    <message>
        <source>The volume with motion, metal artifacts, noise or low dose. It may be misaligned, of any size and orientation, scalar or RGB. It is not modified.</source>
        <translation>Das Volumen mit Bewegung, Metallartefakten, Rauschen oder niedriger Dosis. Es darf verschoben sein, jede Größe und Ausrichtung haben, skalar oder RGB. Es bleibt unverändert.</translation>
    </message>
    <message>
        <source>Automatic takes the modality that the volume states (DICOM), else detects it from the intensities. Set it manually if the result names the wrong one.</source>
        <translation>Automatisch nimmt die Modalität, die das Volumen angibt (DICOM), sonst wird sie aus den Werten erkannt. Von Hand einstellen, wenn das Ergebnis die falsche nennt.</translation>
    </message>
    <message>
        <source>Reference:</source>
        <translation>Referenz:</translation>
    </message>
    <message>
        <source>The clean volume of another modality or MR contrast. All results have its grid. It is not modified.</source>
        <translation>Das saubere Volumen anderer Modalität oder anderen MR-Kontrasts. Alle Ergebnisse haben sein Gitter. Es bleibt unverändert.</translation>
    </message>
    <message>
        <source>Modality and unit as the DICOM attributes or the units of the volumes state them; they are handed to the fusion tool</source>
        <translation>Modalität und Einheit, wie DICOM-Attribute oder Einheiten der Volumen sie angeben; sie gehen an das Fusionsprogramm</translation>
    </message>
    <message>
        <source>Restore, align and fuse the two volumes</source>
        <translation>Die beiden Volumen restaurieren, ausrichten und fusionieren</translation>
    </message>
    <message>
        <source>Exchange the degraded and the reference volume</source>
        <translation>Gestörtes und Referenzvolumen tauschen</translation>
    </message>
    <message>
        <source>Swap</source>
        <translation>Tauschen</translation>
    </message>
    <message>
        <source>Load the brain MRI pair that comes with the extension: a T1 reference and a T2 with motion. No download.</source>
        <translation>Das mitgelieferte MR-Paar eines Kopfs laden: T1 als Referenz, T2 mit Bewegung. Kein Download.</translation>
    </message>
    <message>
        <source>Sample pair</source>
        <translation>Beispielpaar</translation>
    </message>
    <message>
        <source>Estimated from the sizes of both volumes, on the CPU of the computer that was measured; other computers and GPUs differ. The last figure is for the files of the result, exported as a folder.</source>
        <translation>Geschätzt aus der Größe beider Volumen, auf der CPU des gemessenen Rechners; andere Rechner und GPUs weichen ab. Die letzte Zahl gilt für die Dateien des Ergebnisses, als Ordner exportiert.</translation>
    </message>
    <message>
        <source>Result:</source>
        <translation>Ergebnis:</translation>
    </message>
    <message>
        <source>All results of this scene. Choosing one brings back its two volumes, its card, its layers and where the slice views looked.</source>
        <translation>Alle Ergebnisse dieser Szene. Ein gewähltes bringt seine beiden Volumen, seine Karte, seine Ebenen und den Blick der Schichtansichten zurück.</translation>
    </message>
    <message>
        <source>The run has replaced an earlier result of the same two volumes; exchange the two. Both are kept until the next run, and only the one that is shown is saved.</source>
        <translation>Der Lauf hat ein früheres Ergebnis derselben Volumen ersetzt; die beiden tauschen. Beide bleiben bis zum nächsten Lauf, gespeichert wird nur das gezeigte.</translation>
    </message>
    <message>
        <source>Undo</source>
        <translation>Zurück</translation>
    </message>
    <message>
        <source>The chosen result stays as it is; the next Fuse creates nodes of its own</source>
        <translation>Das gewählte Ergebnis bleibt, wie es ist; das nächste Fusionieren erzeugt eigene Knoten</translation>
    </message>
    <message>
        <source>New</source>
        <translation>Neu</translation>
    </message>
    <message>
        <source>Copy the four nodes of this result with its report, in a folder of their own; the copy is chosen</source>
        <translation>Die vier Knoten dieses Ergebnisses mit seinem Bericht kopieren, in einen eigenen Ordner; die Kopie wird gewählt</translation>
    </message>
    <message>
        <source>Duplicate</source>
        <translation>Duplizieren</translation>
    </message>
    <message>
        <source>Give this result another name; its four nodes are renamed together</source>
        <translation>Diesem Ergebnis einen anderen Namen geben; seine vier Knoten werden zusammen umbenannt</translation>
    </message>
    <message>
        <source>Rename</source>
        <translation>Umbenennen</translation>
    </message>
    <message>
        <source>Delete the four nodes of this result, after a question. The volumes that it was made of stay.</source>
        <translation>Die vier Knoten dieses Ergebnisses löschen, nach einer Frage. Die Volumen, aus denen es entstand, bleiben.</translation>
    </message>
    <message>
        <source>Delete</source>
        <translation>Löschen</translation>
    </message>
    <message>
        <source>Volumes of the result below, and when they were fused</source>
        <translation>Volumen des Ergebnisses darunter, und wann sie fusioniert wurden</translation>
    </message>
    <message>
        <source>Show every sentence of this result; some are left out where the window is low</source>
        <translation>Jeden Satz dieses Ergebnisses zeigen; in einem niedrigen Fenster fehlen manche</translation>
    </message>
    <message>
        <source>More</source>
        <translation>Mehr</translation>
    </message>
    <message>
        <source>Whether the alignment can be trusted, judged by measures that it does not optimize: poses that are certainly wrong, the mirrored volume, where other registrations end, each region by itself. Figures: docs/results/trust.md</source>
        <translation>Ob der Ausrichtung zu trauen ist, beurteilt nach Maßen, die sie nicht optimiert: sicher falsche Lagen, das gespiegelte Volumen, wo andere Registrierungen enden, jede Region für sich. Zahlen: docs/results/trust.md</translation>
    </message>
    <message>
        <source>What was found in the degraded volume, and its probability · structural match with the reference before and after alignment (it rises for wrong pairs as well, so it proves nothing) · how far tissue was moved · share of the body where the deformation folds (above 0.1 %: do not trust it there) · time</source>
        <translation>Was im gestörten Volumen gefunden wurde, mit Wahrscheinlichkeit · Übereinstimmung der Struktur mit der Referenz vor und nach der Ausrichtung (sie steigt auch bei falschen Paaren, beweist also nichts) · wie weit Gewebe bewegt wurde · Anteil des Körpers, in dem die Verformung sich faltet (über 0,1 %: dort nicht verwenden) · Zeit</translation>
    </message>
    <message>
        <source>Warnings of this result; they are stored with it</source>
        <translation>Warnungen zu diesem Ergebnis; sie sind mit ihm gespeichert</translation>
    </message>
    <message>
        <source>Create a start that moves the middle of the degraded volume onto the middle of the reference, and fuse again from there. The volumes themselves are not moved.</source>
        <translation>Einen Start erzeugen, der die Mitte des gestörten Volumens auf die Mitte der Referenz legt, und von dort erneut fusionieren. Die Volumen selbst werden nicht bewegt.</translation>
    </message>
    <message>
        <source>Center and try again</source>
        <translation>Zentrieren und erneut versuchen</translation>
    </message>
    <message>
        <source>Look</source>
        <translation>Ansehen</translation>
    </message>
    <message>
        <source>The verdict on the chosen result; the reasons and all warnings are under Fuse</source>
        <translation>Das Urteil über das gewählte Ergebnis; die Gründe und alle Warnungen stehen unter Fusionieren</translation>
    </message>
    <message>
        <source>Under the mouse: values of the reference and of the restored volume; where the same anatomy lies in the degraded volume, towards the patient's right or left (R, L), anterior or posterior (A, P), superior or inferior (S, I); how much larger or smaller it is there; how far off the alignment may be</source>
        <translation>Unter der Maus: Werte der Referenz und des restaurierten Volumens; wo dieselbe Anatomie im gestörten Volumen liegt, zur rechten oder linken Seite des Patienten (R, L), nach vorn oder hinten (A, P), oben oder unten (S, I); wie viel größer oder kleiner sie dort ist; wie weit die Ausrichtung daneben liegen kann</translation>
    </message>
    <message>
        <source>View:</source>
        <translation>Ansicht:</translation>
    </message>
    <message>
        <source>Both volumes in one</source>
        <translation>Beide Volumen in einem</translation>
    </message>
    <message>
        <source>Fused</source>
        <translation>Fusioniert</translation>
    </message>
    <message>
        <source>The restored volume over the reference, as its modality is read: PET in color, bone on MR, MR half transparent</source>
        <translation>Das restaurierte Volumen über der Referenz, wie seine Modalität gelesen wird: PET in Farbe, Knochen auf MR, MR halb durchsichtig</translation>
    </message>
    <message>
        <source>By modality</source>
        <translation>Nach Modalität</translation>
    </message>
    <message>
        <source>CT window:</source>
        <translation>CT-Fenster:</translation>
    </message>
    <message>
        <source>0 to 80 HU</source>
        <translation>0 bis 80 HU</translation>
    </message>
    <message>
        <source>Brain</source>
        <translation>Hirn</translation>
    </message>
    <message>
        <source>-150 to 250 HU</source>
        <translation>-150 bis 250 HU</translation>
    </message>
    <message>
        <source>Soft tissue</source>
        <translation>Weichteile</translation>
    </message>
    <message>
        <source>-500 to 1300 HU</source>
        <translation>-500 bis 1300 HU</translation>
    </message>
    <message>
        <source>Bone</source>
        <translation>Knochen</translation>
    </message>
    <message>
        <source>-1350 to 150 HU</source>
        <translation>-1350 bis 150 HU</translation>
    </message>
    <message>
        <source>Lung</source>
        <translation>Lunge</translation>
    </message>
    <message>
        <source>SUV 0 to:</source>
        <translation>SUV 0 bis:</translation>
    </message>
    <message>
        <source>Show PET from 0 to 5</source>
        <translation>PET von 0 bis 5 zeigen</translation>
    </message>
    <message>
        <source>5</source>
        <translation>5</translation>
    </message>
    <message>
        <source>Show PET from 0 to 7</source>
        <translation>PET von 0 bis 7 zeigen</translation>
    </message>
    <message>
        <source>7</source>
        <translation>7</translation>
    </message>
    <message>
        <source>Show PET from 0 to 10</source>
        <translation>PET von 0 bis 10 zeigen</translation>
    </message>
    <message>
        <source>10</source>
        <translation>10</translation>
    </message>
    <message>
        <source>Show PET from 0 to 20</source>
        <translation>PET von 0 bis 20 zeigen</translation>
    </message>
    <message>
        <source>20</source>
        <translation>20</translation>
    </message>
    <message>
        <source>Warm colors over the gray CT, or PET alone in inverted gray</source>
        <translation>Warme Farben über dem grauen CT, oder PET allein in umgekehrtem Grau</translation>
    </message>
    <message>
        <source>Foreground:</source>
        <translation>Vordergrund:</translation>
    </message>
    <message>
        <source>Volume shown over the reference in the slice views</source>
        <translation>Volumen, das in den Schichtansichten über der Referenz gezeigt wird</translation>
    </message>
    <message>
        <source>Opacity:</source>
        <translation>Deckkraft:</translation>
    </message>
    <message>
        <source>0: only the reference, 1: only the foreground</source>
        <translation>0: nur die Referenz, 1: nur der Vordergrund</translation>
    </message>
    <message>
        <source>Compare:</source>
        <translation>Vergleichen:</translation>
    </message>
    <message>
        <source>The reference and the foreground; before Fuse, the two inputs. Off brings the views back as they were. Flicker: space swaps them, [ shows the reference, ] the other volume.</source>
        <translation>Referenz und Vordergrund; vor dem Fusionieren die beiden Eingaben. Aus stellt die Ansichten wieder her, wie sie waren. Wechsel: Leertaste tauscht, [ zeigt die Referenz, ] das andere Volumen.</translation>
    </message>
    <message>
        <source>Checkerboard: size of a square. Curtain: where it hangs; the reference is left of it.</source>
        <translation>Schachbrett: Größe eines Felds. Vorhang: wo er hängt; links davon ist die Referenz.</translation>
    </message>
    <message>
        <source>Live warp:</source>
        <translation>Bewegter Abgleich:</translation>
    </message>
    <message>
        <source>Move the degraded volume from its original position (0 %) onto the reference (100 %). A copy is moved; your volume is not modified.</source>
        <translation>Das gestörte Volumen von seiner ursprünglichen Lage (0 %) auf die Referenz (100 %) bewegen. Bewegt wird eine Kopie; Ihr Volumen bleibt unverändert.</translation>
    </message>
    <message>
        <source> %</source>
        <translation> %</translation>
    </message>
    <message>
        <source>Deformation:</source>
        <translation>Verformung:</translation>
    </message>
    <message>
        <source>How the deformation is drawn in the slice views. Arrows show how the degraded volume was moved. Yellow marks the largest displacement in the body.</source>
        <translation>Wie die Verformung in den Schichten gezeichnet wird. Pfeile zeigen, wie das gestörte Volumen bewegt wurde. Gelb ist die größte Verschiebung im Körper.</translation>
    </message>
    <message>
        <source>All of the displacement, or what is left of it without the motion of the whole body: where the patient was only placed elsewhere, nothing is left</source>
        <translation>Die ganze Verschiebung, oder was ohne die Bewegung des ganzen Körpers davon bleibt: wo der Patient nur anders lag, bleibt nichts</translation>
    </message>
    <message>
        <source>Spacing:</source>
        <translation>Abstand:</translation>
    </message>
    <message>
        <source>Distance between grid lines or arrows</source>
        <translation>Abstand zwischen Gitterlinien oder Pfeilen</translation>
    </message>
    <message>
        <source> mm</source>
        <translation> mm</translation>
    </message>
    <message>
        <source>Color scale:</source>
        <translation>Farbskala:</translation>
    </message>
    <message>
        <source>Where the colors of displacement and change of volume end: with the largest value in the body of this result, or at a fixed value, to compare results</source>
        <translation>Wo die Farben von Verschiebung und Volumenänderung enden: beim größten Wert im Körper dieses Ergebnisses, oder bei einem festen Wert, um Ergebnisse zu vergleichen</translation>
    </message>
    <message>
        <source>Draw nothing outside the patient's body and the field of view of the degraded volume</source>
        <translation>Nichts außerhalb des Körpers und des Bildfelds des gestörten Volumens zeichnen</translation>
    </message>
    <message>
        <source>Only inside the body</source>
        <translation>Nur im Körper</translation>
    </message>
    <message>
        <source>Show the color scale in mm</source>
        <translation>Die Farbskala in mm zeigen</translation>
    </message>
    <message>
        <source>Color legend (mm)</source>
        <translation>Farblegende (mm)</translation>
    </message>
    <message>
        <source>Fill a 3-D view of the layout: PET as a rotating maximum-intensity projection, otherwise the displacement as arrows in the outline of the body. Nothing is saved with the scene.</source>
        <translation>Eine 3D-Ansicht der Aufteilung füllen: PET als rotierende Maximumintensitätsprojektion, sonst die Verschiebung als Pfeile im Umriss des Körpers. Mit der Szene wird davon nichts gespeichert.</translation>
    </message>
    <message>
        <source>3-D view</source>
        <translation>3D-Ansicht</translation>
    </message>
    <message>
        <source>Report</source>
        <translation>Auswerten</translation>
    </message>
    <message>
        <source>Apply to other nodes</source>
        <translation>Auf andere Knoten anwenden</translation>
    </message>
    <message>
        <source>Nodes:</source>
        <translation>Knoten:</translation>
    </message>
    <message>
        <source>Volumes, label maps, segmentations, markups and models that follow the deformation of this result. Those of the same study are ticked. They are not modified: new nodes are created.</source>
        <translation>Volumen, Labelmaps, Segmentierungen, Markups und Modelle, die der Verformung dieses Ergebnisses folgen. Die derselben Studie sind angekreuzt. Sie bleiben unverändert: es entstehen neue Knoten.</translation>
    </message>
    <message>
        <source>Direction:</source>
        <translation>Richtung:</translation>
    </message>
    <message>
        <source>Whose places are wanted. Nodes of the degraded scan go to the reference, nodes of the reference scan to the degraded volume.</source>
        <translation>Wessen Orte gesucht sind. Knoten der gestörten Aufnahme kommen auf die Referenz, Knoten der Referenz auf das gestörte Volumen.</translation>
    </message>
    <message>
        <source>Create a moved copy of every ticked node</source>
        <translation>Eine verschobene Kopie jedes angekreuzten Knotens erzeugen</translation>
    </message>
    <message>
        <source>Apply</source>
        <translation>Anwenden</translation>
    </message>
    <message>
        <source>Measure by segment</source>
        <translation>Nach Segmenten messen</translation>
    </message>
    <message>
        <source>Segments:</source>
        <translation>Segmente:</translation>
    </message>
    <message>
        <source>Segmentation or label map whose regions are measured. None measures the whole field of view and the body.</source>
        <translation>Segmentierung oder Labelmap, deren Regionen gemessen werden. None misst das ganze Bildfeld und den Körper.</translation>
    </message>
    <message>
        <source>Drawn on:</source>
        <translation>Gezeichnet auf:</translation>
    </message>
    <message>
        <source>Volume that the segments were drawn on. Those of the degraded volume are moved to the reference first.</source>
        <translation>Volumen, auf dem die Segmente gezeichnet wurden. Die des gestörten Volumens werden zuerst auf die Referenz verschoben.</translation>
    </message>
    <message>
        <source>Chart:</source>
        <translation>Diagramm:</translation>
    </message>
    <message>
        <source>Histogram that is shown; the table and both charts are created</source>
        <translation>Histogramm, das gezeigt wird; die Tabelle und beide Diagramme werden erzeugt</translation>
    </message>
    <message>
        <source>Create a table with displacement, direction, change of volume and folds of each region, and two charts</source>
        <translation>Eine Tabelle mit Verschiebung, Richtung, Volumenänderung und Falten jeder Region erzeugen, und zwei Diagramme</translation>
    </message>
    <message>
        <source>Measure</source>
        <translation>Messen</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>Exportieren</translation>
    </message>
    <message>
        <source>Into:</source>
        <translation>Nach:</translation>
    </message>
    <message>
        <source>A new folder, named after the result, is created in this one. Nothing that is there is replaced.</source>
        <translation>Darin entsteht ein neuer Ordner mit dem Namen des Ergebnisses. Was dort liegt, wird nie ersetzt.</translation>
    </message>
    <message>
        <source>As:</source>
        <translation>Als:</translation>
    </message>
    <message>
        <source>Folder: volumes, deformation, report and overview as the command line writes them. DICOM: fused and restored volume as two series in the study of the reference.</source>
        <translation>Ordner: Volumen, Verformung, Bericht und Übersicht, wie die Kommandozeile sie schreibt. DICOM: fusioniertes und restauriertes Volumen als zwei Serien in der Studie der Referenz.</translation>
    </message>
    <message>
        <source>Write the chosen result into files; no node is changed</source>
        <translation>Das gewählte Ergebnis in Dateien schreiben; kein Knoten wird verändert</translation>
    </message>
    <message>
        <source>Batch</source>
        <translation>Stapel</translation>
    </message>
    <message>
        <source>Table of pairs:</source>
        <translation>Tabelle mit Paaren:</translation>
    </message>
    <message>
        <source>Table with the columns degraded and reference: names of volumes in the scene, or files. Columns name and options of "unifuse fuse" may follow.</source>
        <translation>Tabelle mit den Spalten degraded und reference: Namen von Volumen der Szene, oder Dateien. Spalten name und Optionen von "unifuse fuse" können folgen.</translation>
    </message>
    <message>
        <source>Append the two volumes chosen under Fuse to this table, or to a new one</source>
        <translation>Die beiden unter Fusionieren gewählten Volumen an diese Tabelle anhängen, oder an eine neue</translation>
    </message>
    <message>
        <source>Add pair</source>
        <translation>Paar hinzufügen</translation>
    </message>
    <message>
        <source>Or file, folder:</source>
        <translation>Oder Datei, Ordner:</translation>
    </message>
    <message>
        <source>CSV or TSV table of files, or a folder with one folder per case that holds degraded.* and reference.*; used where no table is chosen above</source>
        <translation>CSV- oder TSV-Tabelle mit Dateien, oder ein Ordner mit einem Ordner je Fall, der degraded.* und reference.* enthält; gilt, wo oben keine Tabelle gewählt ist</translation>
    </message>
    <message>
        <source>Results in:</source>
        <translation>Ergebnisse in:</translation>
    </message>
    <message>
        <source>One folder per case is created in this folder, with a page that shows all of them (summary.html)</source>
        <translation>In diesem Ordner entsteht ein Ordner je Fall, mit einer Seite, die alle zeigt (summary.html)</translation>
    </message>
    <message>
        <source>Fuse every pair with the choices under Fuse and Advanced. Finished cases stay; a case that fails does not stop the others.</source>
        <translation>Jedes Paar mit den Einstellungen unter Fusionieren und Erweitert fusionieren. Fertige Fälle bleiben; ein Fall, der fehlschlägt, hält die anderen nicht auf.</translation>
    </message>
    <message>
        <source>Fuse all pairs</source>
        <translation>Alle Paare fusionieren</translation>
    </message>
    <message>
        <source>Time series:</source>
        <translation>Zeitreihe:</translation>
    </message>
    <message>
        <source>Each frame is fused on its own, or the frame that is shown is fused and its deformation moves all frames</source>
        <translation>Jedes Einzelbild wird für sich fusioniert, oder das gezeigte wird fusioniert und seine Verformung bewegt alle</translation>
    </message>
    <message>
        <source>Needs a degraded volume that is a frame of a sequence (module Sequences). The results follow the same browser.</source>
        <translation>Braucht ein gestörtes Volumen, das Einzelbild einer Sequenz ist (Modul Sequences). Die Ergebnisse folgen demselben Browser.</translation>
    </message>
    <message>
        <source>Fuse frames</source>
        <translation>Einzelbilder fusionieren</translation>
    </message>
    <message>
        <source>A double click loads the result of a case</source>
        <translation>Ein Doppelklick lädt das Ergebnis eines Falls</translation>
    </message>
    <message>
        <source>Case</source>
        <translation>Fall</translation>
    </message>
    <message>
        <source>Verdict</source>
        <translation>Urteil</translation>
    </message>
    <message>
        <source>What was found</source>
        <translation>Was gefunden wurde</translation>
    </message>
    <message>
        <source>Advanced</source>
        <translation>Erweitert</translation>
    </message>
    <message>
        <source>Steering</source>
        <translation>Steuern</translation>
    </message>
    <message>
        <source>Movement:</source>
        <translation>Bewegung:</translation>
    </message>
    <message>
        <source>How far the alignment may go. Rigid and affine move the body as a whole; None keeps the positions, or those of the start below.</source>
        <translation>Wie weit die Ausrichtung gehen darf. Starr und affin bewegen den Körper als Ganzes; Keine behält die Lagen bei, oder die des Starts unten.</translation>
    </message>
    <message>
        <source>Start:</source>
        <translation>Start:</translation>
    </message>
    <message>
        <source>Linear transform that moves the degraded volume towards the reference (module Transforms, also by its handles). The alignment starts there. Do not put the volume under it.</source>
        <translation>Lineare Transformation, die das gestörte Volumen zur Referenz hin bewegt (Modul Transforms, auch mit dessen Griffen). Dort beginnt die Ausrichtung. Das Volumen nicht darunter legen.</translation>
    </message>
    <message>
        <source>Create a start that moves the middle of the degraded volume onto the middle of the reference: for volumes that do not overlap</source>
        <translation>Einen Start erzeugen, der die Mitte des gestörten Volumens auf die Mitte der Referenz legt: für Volumen, die sich nicht überlappen</translation>
    </message>
    <message>
        <source>Center</source>
        <translation>Zentrieren</translation>
    </message>
    <message>
        <source>Shift and turn the degraded volume onto the reference by handles in the slice views; the alignment starts there. The volume itself is not moved.</source>
        <translation>Das gestörte Volumen mit Griffen in den Schichtansichten auf die Referenz schieben und drehen; dort beginnt die Ausrichtung. Das Volumen selbst wird nicht bewegt.</translation>
    </message>
    <message>
        <source>Handles</source>
        <translation>Griffe</translation>
    </message>
    <message>
        <source>Degraded mask:</source>
        <translation>Maske gestört:</translation>
    </message>
    <message>
        <source>Segmentation or label map: only inside is the degraded volume compared with the reference. All of it is moved.</source>
        <translation>Segmentierung oder Labelmap: nur darin wird das gestörte Volumen mit der Referenz verglichen. Bewegt wird alles.</translation>
    </message>
    <message>
        <source>Create a segmentation of the body in the degraded volume and choose it: only the patient is compared, without table, coil, pillow or mask of immobilization. Edit it in the Segment Editor where it holds more; pressed again, the same segmentation is chosen.</source>
        <translation>Eine Segmentierung des Körpers im gestörten Volumen anlegen und wählen: nur der Patient wird verglichen, ohne Tisch, Spule, Kissen oder Maske zur Lagerung. Wo sie mehr enthält, im Segment Editor bearbeiten; ein weiterer Klick wählt dieselbe Segmentierung.</translation>
    </message>
    <message>
        <source>Body</source>
        <translation>Körper</translation>
    </message>
    <message>
        <source>Reference mask:</source>
        <translation>Maske Referenz:</translation>
    </message>
    <message>
        <source>Segmentation or label map: only inside is the reference compared with the degraded volume. All is moved.</source>
        <translation>Segmentierung oder Labelmap: nur darin wird die Referenz mit dem gestörten Volumen verglichen. Bewegt wird alles.</translation>
    </message>
    <message>
        <source>Create a segmentation of the body in the reference and choose it: only the patient is compared. Edit it in the Segment Editor where it holds more; pressed again, the same segmentation is chosen.</source>
        <translation>Eine Segmentierung des Körpers in der Referenz anlegen und wählen: nur der Patient wird verglichen. Wo sie mehr enthält, im Segment Editor bearbeiten; ein weiterer Klick wählt dieselbe Segmentierung.</translation>
    </message>
    <message>
        <source>Outputs</source>
        <translation>Ausgaben</translation>
    </message>
    <message>
        <source>Fused:</source>
        <translation>Fusioniert:</translation>
    </message>
    <message>
        <source>Both volumes fused, on the grid of the reference. None creates a new node. Results of other volume pairs are never overwritten.</source>
        <translation>Beide Volumen fusioniert, auf dem Gitter der Referenz. None erzeugt einen neuen Knoten. Ergebnisse anderer Paare werden nie überschrieben.</translation>
    </message>
    <message>
        <source>Restored:</source>
        <translation>Restauriert:</translation>
    </message>
    <message>
        <source>The degraded volume, restored and aligned with the reference, in its own units. None creates a new node. Results of other volume pairs are never overwritten.</source>
        <translation>Das gestörte Volumen, restauriert und an der Referenz ausgerichtet, in seinen eigenen Einheiten. None erzeugt einen neuen Knoten. Ergebnisse anderer Paare werden nie überschrieben.</translation>
    </message>
    <message>
        <source>Restored</source>
        <translation>Restauriert</translation>
    </message>
    <message>
        <source>Grid transform in mm. Place the degraded volume under it to align it with the reference. None creates a new node. Results of other volume pairs are never overwritten.</source>
        <translation>Gittertransformation in mm. Das gestörte Volumen darunter legen, um es an der Referenz auszurichten. None erzeugt einen neuen Knoten. Ergebnisse anderer Paare werden nie überschrieben.</translation>
    </message>
    <message>
        <source>Deformation</source>
        <translation>Verformung</translation>
    </message>
    <message>
        <source>Report:</source>
        <translation>Bericht:</translation>
    </message>
    <message>
        <source>Table with the probability of each type of degradation. None creates a new node. Results of other volume pairs are never overwritten.</source>
        <translation>Tabelle mit der Wahrscheinlichkeit jeder Art von Störung. None erzeugt einen neuen Knoten. Ergebnisse anderer Paare werden nie überschrieben.</translation>
    </message>
    <message>
        <source>Fusion report</source>
        <translation>Fusionsbericht</translation>
    </message>
    <message>
        <source>Options</source>
        <translation>Optionen</translation>
    </message>
    <message>
        <source>Device:</source>
        <translation>Gerät:</translation>
    </message>
    <message>
        <source>Automatic uses the GPU if PyTorch finds one. Stored in the settings of this computer, not in the scene.</source>
        <translation>Automatisch nutzt die GPU, wenn PyTorch eine findet. Wird in den Einstellungen dieses Computers gespeichert, nicht in der Szene.</translation>
    </message>
    <message>
        <source>Show the name and the free memory of each device, then fuse the sample pair on the chosen one: passed or failed, time, memory. Press it again to cancel.</source>
        <translation>Name und freien Speicher jedes Geräts zeigen, dann das Beispielpaar auf dem gewählten fusionieren: bestanden oder nicht, Zeit, Speicher. Nochmals drücken bricht ab.</translation>
    </message>
    <message>
        <source>Check</source>
        <translation>Prüfen</translation>
    </message>
    <message>
        <source>Weights file:</source>
        <translation>Gewichtsdatei:</translation>
    </message>
    <message>
        <source>Leave empty to use the weights that come with the extension. Stored in the settings of this computer, not in the scene.</source>
        <translation>Leer lassen, um die mitgelieferten Gewichte zu nutzen. Wird in den Einstellungen dieses Computers gespeichert, nicht in der Szene.</translation>
    </message>
    <message>
        <source>Precision:</source>
        <translation>Genauigkeit:</translation>
    </message>
    <message>
        <source>float16 and bfloat16 need about half of the GPU memory</source>
        <translation>float16 und bfloat16 brauchen etwa die Hälfte des GPU-Speichers</translation>
    </message>
    <message>
        <source>Working spacing:</source>
        <translation>Arbeitsabstand:</translation>
    </message>
    <message>
        <source>Voxel size (mm) of the internal working grid. 0 = training resolution. A larger size needs less memory and time.</source>
        <translation>Voxelgröße (mm) des inneren Arbeitsgitters. 0 = Trainingsauflösung. Größer braucht weniger Speicher und Zeit.</translation>
    </message>
    <message>
        <source>Refinement:</source>
        <translation>Verfeinerung:</translation>
    </message>
    <message>
        <source>Fine-tunes the deformation on this pair after the network (test-time optimization). Automatic: only for MR-MR pairs, where the error decreased in validation.</source>
        <translation>Stimmt die Verformung nach dem Netz auf dieses Paar ab (Optimierung beim Anwenden). Automatisch: nur für MR-MR-Paare, wo der Fehler in der Validierung kleiner wurde.</translation>
    </message>
    <message>
        <source>Fused volume: method:</source>
        <translation>Fusioniertes Volumen: Verfahren:</translation>
    </message>
    <message>
        <source>What makes the fused volume. Alignment, restored volume and verdict stay the same. UniFuse keeps most of the soft tissue and is the one to read; DM-FNet shows bone and uptake more strongly; the others are there for comparison.</source>
        <translation>Was das fusionierte Volumen erzeugt. Ausrichtung, restauriertes Volumen und Urteil bleiben gleich. UniFuse erhält am meisten Weichteile und ist das zum Lesen; DM-FNet zeigt Knochen und Anreicherung stärker; die anderen dienen dem Vergleich.</translation>
    </message>
    <message>
        <source>Fused volume: HU of CT:</source>
        <translation>Fusioniertes Volumen: HU des CT:</translation>
    </message>
    <message>
        <source>Which HU of a CT the fused volume shows from black to white. Automatic: brain where a CT of a head is fused with PET, else wide. It changes the fused volume alone.</source>
        <translation>Welche HU eines CT das fusionierte Volumen von Schwarz bis Weiß zeigt. Automatisch: Hirn, wenn ein Kopf-CT mit PET fusioniert wird, sonst weit. Ändert nur das fusionierte Volumen.</translation>
    </message>
    <message>
        <source>Also compute how far off the alignment may be at every place, in mm (2 to 3 seconds more). Show it with Look &gt; Foreground: Uncertainty.</source>
        <translation>Auch berechnen, wie weit die Ausrichtung an jedem Ort daneben liegen kann, in mm (2 bis 3 Sekunden mehr). Zeigen mit Ansehen &gt; Vordergrund: Unsicherheit.</translation>
    </message>
    <message>
        <source>Map the uncertainty of the alignment</source>
        <translation>Unsicherheit der Ausrichtung kartieren</translation>
    </message>
    <message>
        <source>List fused and restored volumes of earlier runs under Fuse as well</source>
        <translation>Fusionierte und restaurierte Volumen früherer Läufe auch unter Fusionieren anbieten</translation>
    </message>
    <message>
        <source>Offer results as inputs</source>
        <translation>Ergebnisse als Eingaben anbieten</translation>
    </message>
    <message>
        <source>Keep inputs, results and log.txt in the temporary folder. The log names the folder.</source>
        <translation>Eingaben, Ergebnisse und log.txt im temporären Ordner behalten. Das Protokoll nennt den Ordner.</translation>
    </message>
    <message>
        <source>Keep the files and the log of the run</source>
        <translation>Dateien und Protokoll des Laufs behalten</translation>
    </message>
    <message>
        <source>Wheels folder:</source>
        <translation>Ordner mit Paketen:</translation>
    </message>
    <message>
        <source>For a computer without internet: a folder with the Python packages, which Fuse installs from there. Leave empty to download them. Stored in the settings of this computer.</source>
        <translation>Für einen Rechner ohne Internet: ein Ordner mit den Python-Paketen, die Fusionieren von dort installiert. Leer: Sie werden heruntergeladen. In den Einstellungen dieses Rechners gespeichert.</translation>
    </message>
    <message>
        <source>Start Python and PyTorch as soon as two volumes are chosen, so that Fuse begins about two seconds earlier. The process takes about 300 MB and ends after two idle minutes. Stored in the settings of this computer.</source>
        <translation>Startet Python und PyTorch, sobald zwei Volumen gewählt sind; Fusionieren beginnt dann etwa zwei Sekunden früher. Der Prozess braucht etwa 300 MB und endet nach zwei ungenutzten Minuten. In den Einstellungen dieses Computers gespeichert.</translation>
    </message>
    <message>
        <source>Start the tool while volumes are chosen</source>
        <translation>Werkzeug starten, während Volumen gewählt werden</translation>
    </message>
    <message>
        <source>Log</source>
        <translation>Protokoll</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Application</name>
    <message>
        <source>UniFuse</source>
        <translation>UniFuse</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Apply</name>
    <message>
        <source>Expected a volume, label map, segmentation, markups or model, got "{name}". Choose another node; from a sequence, choose its current frame.</source>
        <translation>Erwartet wurde ein Volumen, eine Labelmap, eine Segmentierung, Markups oder ein Modell, nicht "{name}". Einen anderen Knoten wählen; bei einer Sequenz ihr aktuelles Einzelbild.</translation>
    </message>
    <message>
        <source>none</source>
        <translation>keines</translation>
    </message>
    <message>
        <source>"{name}" is the {to} volume itself. Choose nodes of the other scan.</source>
        <translation>"{name}" ist selbst das Volumen {to}. Knoten der anderen Aufnahme wählen.</translation>
    </message>
    <message>
        <source>"{name}" is a result of UniFuse, so it was moved already. Choose the node that it was made from.</source>
        <translation>"{name}" ist ein Ergebnis von UniFuse und damit schon verschoben. Den Knoten wählen, aus dem es entstanden ist.</translation>
    </message>
    <message>
        <source>A node was deleted meanwhile. Choose again.</source>
        <translation>Ein Knoten wurde inzwischen gelöscht. Bitte neu wählen.</translation>
    </message>
    <message>
        <source>"{name}" is empty. Choose another node.</source>
        <translation>"{name}" ist leer. Einen anderen Knoten wählen.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.ApplyWidgets</name>
    <message>
        <source>Degraded to reference</source>
        <translation>Gestört auf Referenz</translation>
    </message>
    <message>
        <source>Reference to degraded</source>
        <translation>Referenz auf gestört</translation>
    </message>
    <message>
        <source>Tick the nodes to move under Apply to other nodes &gt; Nodes.</source>
        <translation>Die zu verschiebenden Knoten unter Auf andere Knoten anwenden &gt; Knoten ankreuzen.</translation>
    </message>
    <message>
        <source>Created: {names}</source>
        <translation>Erstellt: {names}</translation>
    </message>
    <message>
        <source>{count} points of "{name}" lie outside the field of view of the reference; they moved as its border does. Check them.</source>
        <translation>{count} Punkte von "{name}" liegen außerhalb des Bildfelds der Referenz; sie folgen dessen Rand. Bitte prüfen.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Batch</name>
    <message>
        <source>Cannot use the folder {output}: {reason}</source>
        <translation>Der Ordner {output} ist nicht nutzbar: {reason}</translation>
    </message>
    <message>
        <source>Cannot write {table}: {reason}</source>
        <translation>{table} kann nicht geschrieben werden: {reason}</translation>
    </message>
    <message>
        <source>{path} was not created by UniFuse and will not be overwritten. Move it, or choose another output folder.</source>
        <translation>{path} wurde nicht von UniFuse erstellt und wird nicht überschrieben. Die Datei verschieben oder einen anderen Ausgabeordner wählen.</translation>
    </message>
    <message>
        <source>{path} is not UTF-8 text. Save the table as CSV UTF-8.</source>
        <translation>{path} ist kein UTF-8-Text. Die Tabelle als CSV UTF-8 speichern.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.BatchInputs</name>
    <message>
        <source>{source} does not exist. Choose a CSV table or a folder.</source>
        <translation>{source} gibt es nicht. Eine CSV-Tabelle oder einen Ordner wählen.</translation>
    </message>
    <message>
        <source>No case found in "{name}". Expected a table with the columns degraded and reference.</source>
        <translation>Kein Fall in "{name}" gefunden. Erwartet wird eine Tabelle mit den Spalten degraded und reference.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.BatchJob</name>
    <message>
        <source>Cancelling</source>
        <translation>Wird abgebrochen</translation>
    </message>
    <message>
        <source>Starting</source>
        <translation>Start</translation>
    </message>
    <message>
        <source>The first cases are being fused</source>
        <translation>Die ersten Fälle werden fusioniert</translation>
    </message>
    <message>
        <source>{number} of {count} cases</source>
        <translation>{number} von {count} Fällen</translation>
    </message>
    <message>
        <source>Cancelled. Finished cases stay in {folder}.</source>
        <translation>Abgebrochen. Fertige Fälle bleiben in {folder}.</translation>
    </message>
    <message>
        <source>{done} of {count} cases done: {page}</source>
        <translation>{done} von {count} Fällen fertig: {page}</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.BatchNodes</name>
    <message>
        <source>This case was made of the volume "{name}"; several volumes of the scene have that name. Rename the others, and try again.</source>
        <translation>Dieser Fall wurde aus dem Volumen „{name}“ erzeugt; mehrere Volumen der Szene heißen so. Benennen Sie die anderen um, und versuchen Sie es erneut.</translation>
    </message>
    <message>
        <source>This case was made of the volume "{name}" ({size} voxels), which is not in the scene. Load its scene, or a volume with that name, and try again.</source>
        <translation>Dieser Fall wurde aus dem Volumen „{name}“ ({size} Voxel) erzeugt, das nicht in der Szene ist. Laden Sie dessen Szene oder ein Volumen dieses Namens, und versuchen Sie es erneut.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.BatchResult</name>
    <message>
        <source>{folder} holds no finished case of a batch.</source>
        <translation>{folder} enthält keinen fertigen Fall eines Stapels.</translation>
    </message>
    <message>
        <source>{path} is no longer there. Put it back, or run the batch again with volumes that are in the scene.</source>
        <translation>{path} ist nicht mehr da. Die Datei zurücklegen oder den Stapel mit Volumen aus der Szene neu starten.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.BatchWidgets</name>
    <message>
        <source>Choose the two volumes of the pair under Fuse.</source>
        <translation>Die beiden Volumen des Paars unter Fusionieren wählen.</translation>
    </message>
    <message>
        <source>Pairs</source>
        <translation>Paare</translation>
    </message>
    <message>
        <source>Choose a table of pairs, or a CSV file or folder of them.</source>
        <translation>Eine Tabelle mit Paaren wählen, oder eine CSV-Datei oder einen Ordner.</translation>
    </message>
    <message>
        <source>Choose a folder for the results of the batch.</source>
        <translation>Einen Ordner für die Ergebnisse des Stapels wählen.</translation>
    </message>
    <message>
        <source>Cancel batch</source>
        <translation>Stapel abbrechen</translation>
    </message>
    <message>
        <source>Fuse all pairs</source>
        <translation>Alle Paare fusionieren</translation>
    </message>
    <message>
        <source>Done</source>
        <translation>Fertig</translation>
    </message>
    <message>
        <source>Not done yet</source>
        <translation>Noch offen</translation>
    </message>
    <message>
        <source>Failed</source>
        <translation>Fehlgeschlagen</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.BodyLines</name>
    <message>
        <source>{name} (lines in the body)</source>
        <translation>{name} (Linien im Körper)</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.BodySegment</name>
    <message>
        <source>{name} body</source>
        <translation>{name} Umriss</translation>
    </message>
    <message>
        <source>Body</source>
        <translation>Körper</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Card</name>
    <message>
        <source>{degraded} on {reference}</source>
        <translation>{degraded} auf {reference}</translation>
    </message>
    <message>
        <source>{volumes}, {time}</source>
        <translation>{volumes}, {time}</translation>
    </message>
    <message>
        <source>{header} (not the volumes selected above)</source>
        <translation>{header} (nicht die oben gewählten Volumen)</translation>
    </message>
    <message>
        <source>a deleted volume</source>
        <translation>ein gelöschtes Volumen</translation>
    </message>
    <message>
        <source>Less</source>
        <translation>Weniger</translation>
    </message>
    <message>
        <source>More ({count})</source>
        <translation>Mehr ({count})</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Choices</name>
    <message>
        <source>Automatic</source>
        <translation>Automatisch</translation>
    </message>
    <message>
        <source>MR</source>
        <translation>MR</translation>
    </message>
    <message>
        <source>CT</source>
        <translation>CT</translation>
    </message>
    <message>
        <source>PET</source>
        <translation>PET</translation>
    </message>
    <message>
        <source>GPU (CUDA)</source>
        <translation>GPU (CUDA)</translation>
    </message>
    <message>
        <source>CPU</source>
        <translation>CPU</translation>
    </message>
    <message>
        <source>Off</source>
        <translation>Aus</translation>
    </message>
    <message>
        <source>Wide (-1024 to 1600 HU)</source>
        <translation>Weit (-1024 bis 1600 HU)</translation>
    </message>
    <message>
        <source>Brain (0 to 80 HU)</source>
        <translation>Hirn (0 bis 80 HU)</translation>
    </message>
    <message>
        <source>Soft tissue (-150 to 250 HU)</source>
        <translation>Weichteile (-150 bis 250 HU)</translation>
    </message>
    <message>
        <source>Bone (-500 to 1300 HU)</source>
        <translation>Knochen (-500 bis 1300 HU)</translation>
    </message>
    <message>
        <source>Lung (-1350 to 150 HU)</source>
        <translation>Lunge (-1350 bis 150 HU)</translation>
    </message>
    <message>
        <source>Deformable</source>
        <translation>Verformbar</translation>
    </message>
    <message>
        <source>Affine (shift, turn, stretch)</source>
        <translation>Affin (verschieben, drehen, strecken)</translation>
    </message>
    <message>
        <source>Rigid (shift and turn)</source>
        <translation>Starr (verschieben und drehen)</translation>
    </message>
    <message>
        <source>None: keep the positions</source>
        <translation>Keine: Lagen beibehalten</translation>
    </message>
    <message>
        <source>Fused</source>
        <translation>Fusioniert</translation>
    </message>
    <message>
        <source>Restored</source>
        <translation>Restauriert</translation>
    </message>
    <message>
        <source>Degraded, warped by the slider</source>
        <translation>Gestört, vom Regler verformt</translation>
    </message>
    <message>
        <source>Reference only</source>
        <translation>Nur Referenz</translation>
    </message>
    <message>
        <source>Uncertainty (mm), where it was mapped</source>
        <translation>Unsicherheit (mm), wo berechnet</translation>
    </message>
    <message>
        <source>Displacement (mm)</source>
        <translation>Verschiebung (mm)</translation>
    </message>
    <message>
        <source>Change of volume (%)</source>
        <translation>Volumenänderung (%)</translation>
    </message>
    <message>
        <source>Grid</source>
        <translation>Gitter</translation>
    </message>
    <message>
        <source>Arrows</source>
        <translation>Pfeile</translation>
    </message>
    <message>
        <source>Contour lines</source>
        <translation>Höhenlinien</translation>
    </message>
    <message>
        <source>Total</source>
        <translation>Gesamt</translation>
    </message>
    <message>
        <source>Without the rigid part</source>
        <translation>Ohne den starren Anteil</translation>
    </message>
    <message>
        <source>{mm:.0f} mm, {percent:.0f} % of volume</source>
        <translation>{mm:.0f} mm, {percent:.0f} % des Volumens</translation>
    </message>
    <message>
        <source>Side by side</source>
        <translation>Nebeneinander</translation>
    </message>
    <message>
        <source>Checkerboard</source>
        <translation>Schachbrett</translation>
    </message>
    <message>
        <source>Curtain</source>
        <translation>Vorhang</translation>
    </message>
    <message>
        <source>Flicker</source>
        <translation>Wechsel</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Cost</name>
    <message>
        <source>About {seconds:.0f} s of one core · {memory} of RAM · export up to {disk}</source>
        <translation>Etwa {seconds:.0f} s eines Kerns · {memory} RAM · Export bis {disk}</translation>
    </message>
    <message>
        <source>Only {free} of memory are free, so it will be refused on the CPU. Close other programs, set a larger working spacing, or crop the reference.</source>
        <translation>Nur {free} Speicher sind frei; auf der CPU wird das abgelehnt. Andere Programme schließen, einen größeren Arbeitsabstand einstellen oder die Referenz zuschneiden.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.CursorWidgets</name>
    <message>
        <source>Move the mouse over a slice view to read values.</source>
        <translation>Die Maus über eine Schichtansicht bewegen, um Werte zu lesen.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Devices</name>
    <message>
        <source>Looking…</source>
        <translation>Wird gesucht…</translation>
    </message>
    <message>
        <source>PyTorch could not be loaded. Press Fuse to install it. {reason}</source>
        <translation>PyTorch konnte nicht geladen werden. Fusionieren drücken, um es zu installieren. {reason}</translation>
    </message>
    <message>
        <source>{name}, {free:.0f} of {total:.0f} GB free</source>
        <translation>{name}, {free:.0f} von {total:.0f} GB frei</translation>
    </message>
    <message>
        <source>No GPU that PyTorch {version} can use: runs on {threads} CPU threads</source>
        <translation>Keine GPU, die PyTorch {version} nutzen kann: läuft auf {threads} CPU-Threads</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Direction</name>
    <message>
        <source>The {to} volume of this result is no longer in the scene. Load it again.</source>
        <translation>Das Volumen {to} dieses Ergebnisses ist nicht mehr in der Szene. Bitte wieder laden.</translation>
    </message>
    <message>
        <source>Expected "reference" or "degraded" as the destination, got "{to}".</source>
        <translation>Erwartet wurde "reference" oder "degraded" als Ziel, nicht "{to}".</translation>
    </message>
    <message>
        <source>Expected the fused volume of a result, got {name}. Press Fuse first.</source>
        <translation>Erwartet wurde das fusionierte Volumen eines Ergebnisses, nicht {name}. Zuerst Fusionieren drücken.</translation>
    </message>
    <message>
        <source>none</source>
        <translation>keines</translation>
    </message>
    <message>
        <source>The deformation of this result is under the transform "{name}". Remove it from the transform (Transforms module) and try again.</source>
        <translation>Die Verformung dieses Ergebnisses liegt unter der Transformation "{name}". Sie dort herausnehmen (Modul Transforms) und erneut versuchen.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Display</name>
    <message>
        <source>Uncertainty, mm</source>
        <translation>Unsicherheit, mm</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Duplicate</name>
    <message>
        <source>{name} copy</source>
        <translation>{name} Kopie</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.ExportFiles</name>
    <message>
        <source>A node of this result was deleted: it cannot be exported.</source>
        <translation>Ein Knoten dieses Ergebnisses wurde gelöscht: Es kann nicht exportiert werden.</translation>
    </message>
    <message>
        <source>"{folder}" is no folder. Choose another one.</source>
        <translation>„{folder}“ ist kein Ordner. Wählen Sie einen anderen.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.ExportJob</name>
    <message>
        <source>Exporting volumes</source>
        <translation>Volumen werden geschrieben</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.ExportWidgets</name>
    <message>
        <source>Folder with report and overview</source>
        <translation>Ordner mit Bericht und Übersicht</translation>
    </message>
    <message>
        <source>DICOM series</source>
        <translation>DICOM-Serien</translation>
    </message>
    <message>
        <source>{stage} · {percent} %</source>
        <translation>{stage} · {percent} %</translation>
    </message>
    <message>
        <source>Choose a folder to export into.</source>
        <translation>Wählen Sie einen Ordner, in den exportiert wird.</translation>
    </message>
    <message>
        <source>Export cancelled. Nothing was written.</source>
        <translation>Export abgebrochen. Nichts wurde geschrieben.</translation>
    </message>
    <message>
        <source>Exported: {folder}</source>
        <translation>Exportiert: {folder}</translation>
    </message>
    <message>
        <source>Cancel export</source>
        <translation>Export abbrechen</translation>
    </message>
    <message>
        <source>Export</source>
        <translation>Exportieren</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.FieldMap</name>
    <message>
        <source>{name} (color wash)</source>
        <translation>{name} (Farbauftrag)</translation>
    </message>
    <message>
        <source>Volume, %</source>
        <translation>Volumen, %</translation>
    </message>
    <message>
        <source>Deformed, mm</source>
        <translation>Verformt, mm</translation>
    </message>
    <message>
        <source>Displaced, mm</source>
        <translation>Verschoben, mm</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Frames</name>
    <message>
        <source>Expected a volume of a sequence (module Sequences), got "{name}".</source>
        <translation>Erwartet wurde ein Volumen einer Sequenz (Modul Sequences), nicht "{name}".</translation>
    </message>
    <message>
        <source>none</source>
        <translation>keines</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Guards</name>
    <message>
        <source>"{name}" is chosen as degraded and as reference. Select two different volumes.</source>
        <translation>"{name}" ist als gestört und als Referenz gewählt. Zwei verschiedene Volumen wählen.</translation>
    </message>
    <message>
        <source>The working spacing is {spacing} mm; expected 0 (training resolution) to {largest:g} mm.</source>
        <translation>Der Arbeitsabstand ist {spacing} mm; erwartet wird 0 (Trainingsauflösung) bis {largest:g} mm.</translation>
    </message>
    <message>
        <source>float16 is slower on the CPU than float32. Choose the precision Automatic, or another device.</source>
        <translation>float16 ist auf der CPU langsamer als float32. Genauigkeit Automatisch oder ein anderes Gerät wählen.</translation>
    </message>
    <message>
        <source>The weights file {path} does not exist. Choose another one under Advanced, or empty the field to use the weights that come with the extension.</source>
        <translation>Die Gewichtsdatei {path} gibt es nicht. Unter Erweitert eine andere wählen, oder das Feld leeren, um die mitgelieferten Gewichte zu nutzen.</translation>
    </message>
    <message>
        <source>Degraded</source>
        <translation>Gestört</translation>
    </message>
    <message>
        <source>Reference</source>
        <translation>Referenz</translation>
    </message>
    <message>
        <source>{role}: {facts}</source>
        <translation>{role}: {facts}</translation>
    </message>
    <message>
        <source>{role}: values are in Bq/ml, not SUV; the result keeps Bq/ml.</source>
        <translation>{role}: die Werte sind in Bq/ml, nicht SUV; das Ergebnis behält Bq/ml.</translation>
    </message>
    <message>
        <source>{role}: set to {setting}, but {source} say {stated}. It will be treated as {setting}; choose Automatic if that is wrong.</source>
        <translation>{role}: eingestellt ist {setting}, aber {source} sagen {stated}. Es wird als {setting} behandelt; falls das falsch ist, Automatisch wählen.</translation>
    </message>
    <message>
        <source>The {role} volume "{name}" is a label map: numbers of regions, not an image. Choose the image; move the labels afterwards with Apply to other nodes.</source>
        <translation>Das Volumen {role} "{name}" ist eine Labelmap: Nummern von Regionen, kein Bild. Das Bild wählen; die Labels danach mit Auf andere Knoten anwenden verschieben.</translation>
    </message>
    <message>
        <source>The {role} volume "{name}" has the DICOM modality {stated}; expected MR, CT or PET. If it is one of them, set the modality.</source>
        <translation>Das Volumen {role} "{name}" hat die DICOM-Modalität {stated}; erwartet wurde MR, CT oder PET. Wenn es eine davon ist, die Modalität einstellen.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Guidance</name>
    <message>
        <source>Expected a linear transform as the start, got "{name}". Choose a rigid or affine one; the deformation is found by UniFuse.</source>
        <translation>Erwartet wurde eine lineare Transformation als Start, nicht "{name}". Eine starre oder affine wählen; die Verformung findet UniFuse.</translation>
    </message>
    <message>
        <source>The transform "{name}" mirrors or flattens the volume, which is no motion of a patient. Choose another start.</source>
        <translation>Die Transformation "{name}" spiegelt oder plättet das Volumen, das ist keine Bewegung eines Patienten. Einen anderen Start wählen.</translation>
    </message>
    <message>
        <source>The mask "{mask}" leaves nothing of "{volume}" to compare: nothing of it is drawn inside that volume. Draw what is to be compared, or choose None.</source>
        <translation>Die Maske "{mask}" lässt von "{volume}" nichts zum Vergleichen: in diesem Volumen ist nichts davon gezeichnet. Zeichnen, was verglichen werden soll, oder keine wählen.</translation>
    </message>
    <message>
        <source>"{volume}" is under the transform "{transform}" already, so it counts without being chosen. Choose None as the start, or take the volume out of it.</source>
        <translation>"{volume}" liegt schon unter der Transformation "{transform}", sie zählt also, ohne gewählt zu sein. Als Start keine wählen, oder das Volumen dort herausnehmen.</translation>
    </message>
    <message>
        <source>Expected a segmentation or a label map as the mask, got "{name}".</source>
        <translation>Erwartet wurde eine Segmentierung oder eine Labelmap als Maske, nicht "{name}".</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.HandleWidgets</name>
    <message>
        <source>Select two different volumes first.</source>
        <translation>Zuerst zwei verschiedene Volumen wählen.</translation>
    </message>
    <message>
        <source>Drag the dot to shift and the ring to turn, in any slice view; then press Fuse. The volume itself is not moved.</source>
        <translation>Am Punkt schieben, am Ring drehen, in jeder Schichtansicht; dann Fusionieren. Das Volumen selbst wird nicht bewegt.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Handles</name>
    <message>
        <source>{name} (by handles)</source>
        <translation>{name} (an Griffen)</translation>
    </message>
    <message>
        <source>{degraded} moved onto {reference}</source>
        <translation>{degraded} auf {reference} geschoben</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Images</name>
    <message>
        <source>The result {file} could not be read: {reason}</source>
        <translation>Das Ergebnis {file} konnte nicht gelesen werden: {reason}</translation>
    </message>
    <message>
        <source>{file} could not be read: {reason}</source>
        <translation>{file} konnte nicht gelesen werden: {reason}</translation>
    </message>
    <message>
        <source>The {name} volume contains no usable values (NaN only). See the log, and choose the device CPU under Advanced.</source>
        <translation>Das Volumen {name} enthält keine brauchbaren Werte (nur NaN). Siehe Protokoll, und unter Erweitert das Gerät CPU wählen.</translation>
    </message>
    <message>
        <source>The fusion tool did not write {name}. See the log.</source>
        <translation>Das Fusionsprogramm hat {name} nicht geschrieben. Siehe Protokoll.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.InputButtons</name>
    <message>
        <source>"{name}": only inside it is compared. Where it holds more than the patient, remove that in the module Segment Editor. Heads are aligned less well with it.</source>
        <translation>"{name}": nur darin wird verglichen. Wo sie mehr als den Patienten enthält, das im Modul Segment Editor entfernen. Köpfe werden damit weniger gut ausgerichtet.</translation>
    </message>
    <message>
        <source>Select both volumes first.</source>
        <translation>Zuerst beide Volumen wählen.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Install</name>
    <message>
        <source>The installation failed: {reason}. Without internet access, follow "Install on a computer without internet" in the module's README.</source>
        <translation>Die Installation ist fehlgeschlagen: {reason}. Ohne Internet siehe "Install on a computer without internet" in der README des Moduls.</translation>
    </message>
    <message>
        <source>Python packages are missing, too old or only half installed: {packages}. Open the module UniFuse and press Fuse once; you will be asked for permission to install them. In scripts, call: UniFuseSlicerLib.Install.Dependencies(confirm=lambda question: True).ensure()</source>
        <translation>Python-Pakete fehlen, sind zu alt oder nur halb installiert: {packages}. Das Modul UniFuse öffnen und einmal Fusionieren drücken; vor dem Installieren wird gefragt. In Skripten: UniFuseSlicerLib.Install.Dependencies(confirm=lambda question: True).ensure()</translation>
    </message>
    <message>
        <source>UniFuse needs the extension PyTorch. Install it in View &gt; Extensions Manager, restart Slicer and press Fuse again.</source>
        <translation>UniFuse braucht die Erweiterung PyTorch. Unter View &gt; Extensions Manager installieren, Slicer neu starten und wieder Fusionieren drücken.</translation>
    </message>
    <message>
        <source>PyTorch was not installed. See the log (Help &gt; Report a bug), or use the module PyTorch Utils.</source>
        <translation>PyTorch wurde nicht installiert. Siehe Protokoll (Help &gt; Report a bug), oder das Modul PyTorch Utils nutzen.</translation>
    </message>
    <message>
        <source>PyTorch is only half installed. Open the module PyTorch Utils, press Uninstall PyTorch, restart Slicer, press Install PyTorch, and then Fuse again.</source>
        <translation>PyTorch ist nur halb installiert. Das Modul PyTorch Utils öffnen, Uninstall PyTorch drücken, Slicer neu starten, Install PyTorch drücken, danach wieder Fusionieren.</translation>
    </message>
    <message>
        <source>Nothing was installed. UniFuse needs these packages; press Fuse to be asked again.</source>
        <translation>Nichts wurde installiert. UniFuse braucht diese Pakete; Fusionieren fragt erneut.</translation>
    </message>
    <message>
        <source>UniFuse needs Python packages that are not installed yet:</source>
        <translation>UniFuse braucht Python-Pakete, die noch nicht installiert sind:</translation>
    </message>
    <message>
        <source>• PyTorch is only half installed: what is left of it is removed first</source>
        <translation>• PyTorch ist nur halb installiert: Die Reste werden zuerst entfernt</translation>
    </message>
    <message>
        <source>• PyTorch</source>
        <translation>• PyTorch</translation>
    </message>
    <message>
        <source>• PyTorch (download of about 0.2 GB for CPU, 2 to 3 GB with GPU support)</source>
        <translation>• PyTorch (etwa 0,2 GB für CPU, 2 bis 3 GB mit GPU-Unterstützung)</translation>
    </message>
    <message>
        <source>• {name} (less than 1 MB)</source>
        <translation>• {name} (weniger als 1 MB)</translation>
    </message>
    <message>
        <source>They are taken from {folder}; nothing is downloaded.</source>
        <translation>Sie werden aus {folder} genommen; nichts wird heruntergeladen.</translation>
    </message>
    <message>
        <source>They will be installed into Slicer's own Python. Your images never leave this computer. Install now?</source>
        <translation>Sie werden in Slicers eigenes Python installiert. Ihre Bilder verlassen diesen Computer nie. Jetzt installieren?</translation>
    </message>
    <message>
        <source>UniFuse: install packages</source>
        <translation>UniFuse: Pakete installieren</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Job</name>
    <message>
        <source>Cancelling</source>
        <translation>Wird abgebrochen</translation>
    </message>
    <message>
        <source>Exporting volumes</source>
        <translation>Volumen werden geschrieben</translation>
    </message>
    <message>
        <source>Loading the result</source>
        <translation>Ergebnis wird geladen</translation>
    </message>
    <message>
        <source>Starting</source>
        <translation>Start</translation>
    </message>
    <message>
        <source>"{name}" was deleted during the run, so its result was discarded.</source>
        <translation>"{name}" wurde während des Laufs gelöscht, das Ergebnis wurde deshalb verworfen.</translation>
    </message>
    <message>
        <source>The files of this run are kept in {folder}</source>
        <translation>Die Dateien dieses Laufs bleiben in {folder}</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.LiveWarp</name>
    <message>
        <source>{name} (live warp)</source>
        <translation>{name} (bewegt)</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Locations</name>
    <message>
        <source>Expected the folder UniFuseLib in {first} or {second}. Reinstall the UniFuse extension.</source>
        <translation>Erwartet wurde der Ordner UniFuseLib in {first} oder {second}. Die Erweiterung UniFuse neu installieren.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Logic</name>
    <message>
        <source>{number} of {count}: {name}</source>
        <translation>{number} von {count}: {name}</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.LookWidgets</name>
    <message>
        <source>By modality</source>
        <translation>Nach Modalität</translation>
    </message>
    <message>
        <source>SUV 0 to:</source>
        <translation>SUV 0 bis:</translation>
    </message>
    <message>
        <source>Window 0 to:</source>
        <translation>Fenster 0 bis:</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Looks</name>
    <message>
        <source>Warm colors</source>
        <translation>Warme Farben</translation>
    </message>
    <message>
        <source>Inverted gray</source>
        <translation>Graustufen umgekehrt</translation>
    </message>
    <message>
        <source>Bone on MR</source>
        <translation>Knochen auf MR</translation>
    </message>
    <message>
        <source>{degraded} on {reference}</source>
        <translation>{degraded} auf {reference}</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Measure</name>
    <message>
        <source>The deformation is a single voxel thin: no change of volume can be measured.</source>
        <translation>Die Verformung ist nur ein Voxel dick: eine Volumenänderung ist nicht messbar.</translation>
    </message>
    <message>
        <source>"{name}" has no label inside the field of view of the reference. Check that it belongs to this patient, and the scan that it was drawn on.</source>
        <translation>"{name}" hat kein Label im Bildfeld der Referenz. Prüfen, ob sie zu diesem Patienten gehört und auf welcher Aufnahme sie gezeichnet wurde.</translation>
    </message>
    <message>
        <source>Expected a segmentation or a label map with voxels, got "{name}".</source>
        <translation>Erwartet wurde eine Segmentierung oder Labelmap mit Voxeln, nicht "{name}".</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.MeasureNodes</name>
    <message>
        <source>{result} measured</source>
        <translation>{result} gemessen</translation>
    </message>
    <message>
        <source>Displacement (mm)</source>
        <translation>Verschiebung (mm)</translation>
    </message>
    <message>
        <source>Volume in the degraded scan / in the reference</source>
        <translation>Volumen in der gestörten Aufnahme / in der Referenz</translation>
    </message>
    <message>
        <source>{result} displacement</source>
        <translation>{result} Verschiebung</translation>
    </message>
    <message>
        <source>{result} volume change</source>
        <translation>{result} relatives Volumen</translation>
    </message>
    <message>
        <source>{chart} (histogram)</source>
        <translation>{chart} (Histogramm)</translation>
    </message>
    <message>
        <source>Share of the region (%)</source>
        <translation>Anteil der Region (%)</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.MeasureWidgets</name>
    <message>
        <source>Reference</source>
        <translation>Referenz</translation>
    </message>
    <message>
        <source>Degraded</source>
        <translation>Gestört</translation>
    </message>
    <message>
        <source>Displacement</source>
        <translation>Verschiebung</translation>
    </message>
    <message>
        <source>Change of volume</source>
        <translation>Volumenänderung</translation>
    </message>
    <message>
        <source>{count} regions measured: table "{table}" (module Tables).</source>
        <translation>{count} Regionen gemessen: Tabelle "{table}" (Modul Tables).</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Messages</name>
    <message>
        <source>{kind}: {reason}. See the log for details.</source>
        <translation>{kind}: {reason}. Einzelheiten im Protokoll.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Moved</name>
    <message>
        <source>The segmentation "{name}" is stored as "{kind}"; expected a binary label map or closed surfaces. Set another source representation in the module Segmentations.</source>
        <translation>Die Segmentierung "{name}" liegt als "{kind}" vor; erwartet wurde eine binäre Labelmap oder geschlossene Oberflächen. Im Modul Segmentations eine andere Ausgangsdarstellung wählen.</translation>
    </message>
    <message>
        <source>"{name}" is a {kind}, which keeps its shape and cannot follow a deformation. Turn it into points, a curve or a model first.</source>
        <translation>"{name}" ist ein {kind}, das seine Form behält und keiner Verformung folgen kann. Zuerst in Punkte, eine Kurve oder ein Modell umwandeln.</translation>
    </message>
    <message>
        <source>The deformation folds at {count} of the {all} points of "{name}" ({numbers}): they have no single place in the reference. Remove what lies there, or fuse again with Movement: rigid.</source>
        <translation>Die Verformung faltet sich an {count} der {all} Punkte von "{name}" ({numbers}): sie haben keinen eindeutigen Ort in der Referenz. Entfernen, was dort liegt, oder mit Bewegung: starr erneut fusionieren.</translation>
    </message>
    <message>
        <source>{name} on {target}</source>
        <translation>{name} auf {target}</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Nodes</name>
    <message>
        <source>The node "{node}" is under the non-linear transform "{transform}". Remove it from the transform, or harden the transform (Transforms module), and try again.</source>
        <translation>Der Knoten "{node}" liegt unter der nichtlinearen Transformation "{transform}". Ihn dort herausnehmen oder die Transformation festschreiben (Modul Transforms) und erneut versuchen.</translation>
    </message>
    <message>
        <source>none</source>
        <translation>keines</translation>
    </message>
    <message>
        <source>Expected a {role} volume with voxels, got {name}. Load it first.</source>
        <translation>Erwartet wurde ein Volumen {role} mit Voxeln, nicht {name}. Zuerst laden.</translation>
    </message>
    <message>
        <source>The {role} volume "{name}" has {count} values per voxel; expected 1 (or 3, RGB, for the degraded volume). Extract one component with the module Vector to Scalar Volume.</source>
        <translation>Das Volumen {role} "{name}" hat {count} Werte je Voxel; erwartet wird 1 (oder 3, RGB, für das gestörte Volumen). Eine Komponente mit dem Modul Vector to Scalar Volume herausziehen.</translation>
    </message>
    <message>
        <source>The axes of the reference volume "{name}" are not perpendicular (a transform with shear, or a tilted scan). Resample it (Resample Scalar/Vector/DWI Volume) and try again.</source>
        <translation>Die Achsen des Referenzvolumens "{name}" stehen nicht senkrecht aufeinander (Transformation mit Scherung oder gekippte Aufnahme). Neu abtasten (Resample Scalar/Vector/DWI Volume) und erneut versuchen.</translation>
    </message>
    <message>
        <source>"{name}" contains no displacement grid. Choose the deformation of a result.</source>
        <translation>"{name}" enthält kein Verschiebungsgitter. Die Verformung eines Ergebnisses wählen.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Outcome</name>
    <message>
        <source>Done.</source>
        <translation>Fertig.</translation>
    </message>
    <message>
        <source>Cancelled. Nothing was changed.</source>
        <translation>Abgebrochen. Nichts wurde geändert.</translation>
    </message>
    <message>
        <source>The fusion tool could not be started ({program}): {reason}. Reinstall the UniFuse extension.</source>
        <translation>Das Fusionsprogramm konnte nicht gestartet werden ({program}): {reason}. Die Erweiterung UniFuse neu installieren.</translation>
    </message>
    <message>
        <source>The fusion tool ended without a result. See the log for the last completed step.</source>
        <translation>Das Fusionsprogramm endete ohne Ergebnis. Der letzte fertige Schritt steht im Protokoll.</translation>
    </message>
    <message>
        <source>{kind}: {reason}. Check free space and permission of the temporary folder ({folder}).</source>
        <translation>{kind}: {reason}. Freien Platz und Rechte des temporären Ordners prüfen ({folder}).</translation>
    </message>
    <message>
        <source>The fusion tool stopped with exit code {code} without an error message. See the log.</source>
        <translation>Das Fusionsprogramm endete mit dem Code {code} ohne Fehlermeldung. Siehe Protokoll.</translation>
    </message>
    <message>
        <source>The fusion tool was terminated by the operating system (signal 9), most often because memory ran out. Close other programs, crop the volumes, or set a larger working spacing under Advanced.</source>
        <translation>Das Fusionsprogramm wurde vom Betriebssystem beendet (Signal 9), meist weil der Speicher ausging. Andere Programme schließen, die Volumen zuschneiden oder unter Erweitert einen größeren Arbeitsabstand wählen.</translation>
    </message>
    <message>
        <source>The fusion tool crashed (code {code}). Slicer and your data are unharmed. Choose the device CPU under Advanced; if it crashes again, please report the log.</source>
        <translation>Das Fusionsprogramm ist abgestürzt (Code {code}). Slicer und Ihre Daten sind unversehrt. Unter Erweitert das Gerät CPU wählen; stürzt es wieder ab, bitte das Protokoll melden.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Overlay</name>
    <message>
        <source>{name} (arrows in the body)</source>
        <translation>{name} (Pfeile im Körper)</translation>
    </message>
    <message>
        <source>{name} (without the rigid part)</source>
        <translation>{name} (ohne den starren Anteil)</translation>
    </message>
    <message>
        <source>mm</source>
        <translation>mm</translation>
    </message>
    <message>
        <source>mm (arrows × {times})</source>
        <translation>mm (Pfeile × {times})</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Ownership</name>
    <message>
        <source>"{name}" is used as an input and cannot also be an output. Choose another node under Outputs, or None for a new one.</source>
        <translation>"{name}" ist eine Eingabe und kann nicht zugleich Ausgabe sein. Unter Ausgaben einen anderen Knoten wählen, oder None für einen neuen.</translation>
    </message>
    <message>
        <source>"{name}" is chosen for two outputs. Choose another node under Outputs, or None for a new one.</source>
        <translation>"{name}" ist für zwei Ausgaben gewählt. Unter Ausgaben einen anderen Knoten wählen, oder None für einen neuen.</translation>
    </message>
    <message>
        <source>UniFuse did not create these nodes, and their content will be replaced:

{names}

This cannot be undone. Overwrite them? (To keep them, press Cancel and choose None under Outputs to create new nodes.)</source>
        <translation>UniFuse hat diese Knoten nicht erstellt, und ihr Inhalt wird ersetzt:

{names}

Das lässt sich nicht rückgängig machen. Überschreiben? (Um sie zu behalten, Cancel drücken und unter Ausgaben None wählen: dann entstehen neue Knoten.)</translation>
    </message>
    <message>
        <source>"{name}" holds the result of other volumes and would be overwritten. Pass None as the output to create a new node, or overwriteNodes=[node] to replace it.</source>
        <translation>"{name}" enthält das Ergebnis anderer Volumen und würde überschrieben. None als Ausgabe übergeben, um einen neuen Knoten zu erstellen, oder overwriteNodes=[node], um ihn zu ersetzen.</translation>
    </message>
    <message>
        <source>"{name}" was not created by UniFuse and would be overwritten. Pass None as the output to create a new node, or overwriteNodes=[node] to replace it.</source>
        <translation>"{name}" wurde nicht von UniFuse erstellt und würde überschrieben. None als Ausgabe übergeben, um einen neuen Knoten zu erstellen, oder overwriteNodes=[node], um ihn zu ersetzen.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.ResultSelector</name>
    <message>
        <source>The next Fuse makes a new result.</source>
        <translation>Das nächste Fusionieren erzeugt ein neues Ergebnis.</translation>
    </message>
    <message>
        <source>Name of this result:</source>
        <translation>Name dieses Ergebnisses:</translation>
    </message>
    <message>
        <source>Created: {names}</source>
        <translation>Erstellt: {names}</translation>
    </message>
    <message>
        <source>{name} restored</source>
        <translation>{name} restauriert</translation>
    </message>
    <message>
        <source>{name} deformation</source>
        <translation>{name} Verformung</translation>
    </message>
    <message>
        <source>{name} report</source>
        <translation>{name} Bericht</translation>
    </message>
    <message>
        <source>Delete this result? The volumes that it was made of stay.

{names}

This cannot be undone.</source>
        <translation>Dieses Ergebnis löschen? Die Volumen, aus denen es entstand, bleiben.

{names}

Das lässt sich nicht rückgängig machen.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Results</name>
    <message>
        <source>{degraded} uncertainty</source>
        <translation>{degraded} Unsicherheit</translation>
    </message>
    <message>
        <source>{degraded} on {reference} fused</source>
        <translation>{degraded} auf {reference} fusioniert</translation>
    </message>
    <message>
        <source>{degraded} restored</source>
        <translation>{degraded} restauriert</translation>
    </message>
    <message>
        <source>{degraded} to {reference}</source>
        <translation>{degraded} auf {reference}</translation>
    </message>
    <message>
        <source>{degraded} fusion report</source>
        <translation>{degraded} Fusionsbericht</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Retry</name>
    <message>
        <source>Center {degraded} on {reference} and try again</source>
        <translation>{degraded} auf {reference} zentrieren und erneut versuchen</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.SampleCheck</name>
    <message>
        <source>Sample pair: failed. {reason}</source>
        <translation>Beispielpaar: nicht bestanden. {reason}</translation>
    </message>
    <message>
        <source>Sample pair: cancelled.</source>
        <translation>Beispielpaar: abgebrochen.</translation>
    </message>
    <message>
        <source>Sample pair: failed. Expected {expected}, found {found}.</source>
        <translation>Beispielpaar: nicht bestanden. Erwartet {expected}, gefunden {found}.</translation>
    </message>
    <message>
        <source>Sample pair: passed in {seconds:.0f} s, {memory:.1f} GB of memory, on {device}.</source>
        <translation>Beispielpaar: bestanden in {seconds:.0f} s, {memory:.1f} GB Speicher, auf {device}.</translation>
    </message>
    <message>
        <source>{file} is damaged. Install the extension again.</source>
        <translation>{file} ist beschädigt. Installieren Sie die Erweiterung erneut.</translation>
    </message>
    <message>
        <source>Sample pair: {percent} %</source>
        <translation>Beispielpaar: {percent} %</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Samples</name>
    <message>
        <source>The sample data is not part of this installation. Load two volumes instead.</source>
        <translation>Die Beispieldaten gehören nicht zu dieser Installation. Stattdessen zwei Volumen laden.</translation>
    </message>
    <message>
        <source>Sample {contrast} with motion</source>
        <translation>Beispiel {contrast} mit Bewegung</translation>
    </message>
    <message>
        <source>Sample {contrast} reference</source>
        <translation>Beispiel {contrast} Referenz</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Segments</name>
    <message>
        <source>The segmentation "{name}" has no binary label map. Create that representation in the module Segmentations.</source>
        <translation>Die Segmentierung "{name}" hat keine binäre Labelmap. Diese Darstellung im Modul Segmentations erzeugen.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.SequenceJob</name>
    <message>
        <source>Cancelling</source>
        <translation>Wird abgebrochen</translation>
    </message>
    <message>
        <source>Starting</source>
        <translation>Start</translation>
    </message>
    <message>
        <source>Moving frame {number} of {count}</source>
        <translation>Einzelbild {number} von {count} wird verschoben</translation>
    </message>
    <message>
        <source>Frame {number} of {count}: {stage}</source>
        <translation>Einzelbild {number} von {count}: {stage}</translation>
    </message>
    <message>
        <source>Frame {value}: {reason}</source>
        <translation>Einzelbild {value}: {reason}</translation>
    </message>
    <message>
        <source>{done} of {count} frames are fused; frame {value}: {reason}</source>
        <translation>{done} von {count} Einzelbildern sind fusioniert; Einzelbild {value}: {reason}</translation>
    </message>
    <message>
        <source>{count} frames are fused.</source>
        <translation>{count} Einzelbilder sind fusioniert.</translation>
    </message>
    <message>
        <source>{count} frames follow the field of the current one: "{name}".</source>
        <translation>{count} Einzelbilder folgen dem Feld des aktuellen: "{name}".</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.SequenceWidgets</name>
    <message>
        <source>Each frame</source>
        <translation>Jedes Einzelbild</translation>
    </message>
    <message>
        <source>Field of this frame for all</source>
        <translation>Feld dieses Einzelbilds für alle</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Fuse frames</source>
        <translation>Einzelbilder fusionieren</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.ShownPart</name>
    <message>
        <source>{name} (compared)</source>
        <translation>{name} (verglichen)</translation>
    </message>
    <message>
        <source>Checkerboard and curtain need a volume with one value per voxel; "{name}" is in color. Choose Side by side.</source>
        <translation>Schachbrett und Vorhang brauchen ein Volumen mit einem Wert je Voxel; "{name}" ist farbig. Nebeneinander wählen.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Steering</name>
    <message>
        <source>{degraded} centered on {reference}</source>
        <translation>{degraded} auf {reference} zentriert</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.ThreeD</name>
    <message>
        <source>{name} (3-D)</source>
        <translation>{name} (3D)</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.ToolTexts</name>
    <message>
        <source>Reading the files</source>
        <translation>Dateien werden gelesen</translation>
    </message>
    <message>
        <source>Loading the network</source>
        <translation>Netz wird geladen</translation>
    </message>
    <message>
        <source>Checking the volumes</source>
        <translation>Volumen werden geprüft</translation>
    </message>
    <message>
        <source>Aligning the volumes</source>
        <translation>Volumen werden ausgerichtet</translation>
    </message>
    <message>
        <source>Running the network</source>
        <translation>Netz rechnet</translation>
    </message>
    <message>
        <source>Refining the deformation</source>
        <translation>Verformung wird verfeinert</translation>
    </message>
    <message>
        <source>Judging the alignment</source>
        <translation>Ausrichtung wird beurteilt</translation>
    </message>
    <message>
        <source>Restoring and fusing</source>
        <translation>Restaurieren und Fusionieren</translation>
    </message>
    <message>
        <source>Writing onto the reference grid</source>
        <translation>Übertragen auf das Gitter der Referenz</translation>
    </message>
    <message>
        <source>Measuring the result</source>
        <translation>Ergebnis wird vermessen</translation>
    </message>
    <message>
        <source>Writing the files</source>
        <translation>Dateien werden geschrieben</translation>
    </message>
    <message>
        <source>Writing the fused series</source>
        <translation>Fusionierte Serie wird geschrieben</translation>
    </message>
    <message>
        <source>Writing the restored series</source>
        <translation>Restaurierte Serie wird geschrieben</translation>
    </message>
    <message>
        <source>Drawing the overview</source>
        <translation>Übersicht wird gezeichnet</translation>
    </message>
    <message>
        <source>The volumes agree no better than unrelated ones do ({sigmas} standard deviations above poses that are wrong).</source>
        <translation>Die Volumen stimmen nicht besser überein als solche, die nichts miteinander zu tun haben ({sigmas} Standardabweichungen über falschen Lagen).</translation>
    </message>
    <message>
        <source>The volumes agree only {sigmas} standard deviations better than in wrong poses.</source>
        <translation>Die Volumen stimmen nur {sigmas} Standardabweichungen besser überein als in falschen Lagen.</translation>
    </message>
    <message>
        <source>Left and right may be swapped: the mirrored volume fits as well or better.</source>
        <translation>Links und rechts sind vielleicht vertauscht: gespiegelt passt das Volumen ebenso gut oder besser.</translation>
    </message>
    <message>
        <source>Left and right can hardly be told apart: the mirrored volume fits nearly as well ({percent} % of the score).</source>
        <translation>Links und rechts sind kaum zu unterscheiden: gespiegelt passt das Volumen fast ebenso gut ({percent} % des Werts).</translation>
    </message>
    <message>
        <source>A pose that is certainly wrong reaches {percent} % of the score.</source>
        <translation>Eine sicher falsche Lage erreicht {percent} % des Werts.</translation>
    </message>
    <message>
        <source>{percent} % of the regions of the body would fit better elsewhere.</source>
        <translation>{percent} % der Regionen des Körpers würden an anderer Stelle besser passen.</translation>
    </message>
    <message>
        <source>The regions of the body would fit better {mm} mm away, all in one direction.</source>
        <translation>Die Regionen des Körpers würden {mm} mm entfernt besser passen, alle in derselben Richtung.</translation>
    </message>
    <message>
        <source>Registrations by other measures or by halves of the body end {mm} mm apart.</source>
        <translation>Registrierungen mit anderen Maßen oder mit Hälften des Körpers enden {mm} mm voneinander entfernt.</translation>
    </message>
    <message>
        <source>Most regions fit hardly better where they are than a few millimetres away.</source>
        <translation>Die meisten Regionen passen dort, wo sie liegen, kaum besser als einige Millimeter daneben.</translation>
    </message>
    <message>
        <source>The volumes are less alike than aligned volumes of one patient usually are.</source>
        <translation>Die Volumen ähneln sich weniger, als es ausgerichtete Volumen eines Patienten gewöhnlich tun.</translation>
    </message>
    <message>
        <source>The outlines of the two bodies overlap by only {percent} %.</source>
        <translation>Die Umrisse der beiden Körper überlappen sich nur zu {percent} %.</translation>
    </message>
    <message>
        <source>Only {percent} % of the reference's body is covered.</source>
        <translation>Nur {percent} % des Körpers der Referenz sind abgedeckt.</translation>
    </message>
    <message>
        <source>The deformation bends the body by {mm} mm, besides its motion as a whole.</source>
        <translation>Die Verformung verbiegt den Körper um {mm} mm, zusätzlich zu seiner Bewegung als Ganzes.</translation>
    </message>
    <message>
        <source>The best pose lies {mm} mm away and was not used: the evidence for it is too weak.</source>
        <translation>Die beste Lage ist {mm} mm entfernt und wurde nicht verwendet: zu wenig spricht für sie.</translation>
    </message>
    <message>
        <source>No single finding stands out; together they are unlike those of a good alignment.</source>
        <translation>Kein einzelner Befund fällt auf; zusammen gleichen sie nicht denen einer guten Ausrichtung.</translation>
    </message>
    <message>
        <source>The volumes may be of two patients: most regions of the body would fit better elsewhere, and other registrations end apart.</source>
        <translation>Die Volumen könnten von zwei Patienten sein: die meisten Regionen des Körpers würden an anderer Stelle besser passen, und andere Registrierungen enden anderswo.</translation>
    </message>
    <message>
        <source>The volumes agree {percent} % better if the degraded one is taken to be {stretch} % {size} {direction}: check the voxel sizes and the gantry tilt in both headers, and that both show the same patient.</source>
        <translation>Die Volumen stimmen {percent} % besser überein, wenn das gestörte {direction} {stretch} % {size} angenommen wird: bitte Voxelgrößen und Gantry-Neigung in beiden Headern prüfen, und ob beide denselben Patienten zeigen.</translation>
    </message>
    <message>
        <source>From S {low} to S {high} mm the body lies {mm} mm from where the alignment has it, and agrees {percent} % better there: it was bent or turned between the scans. Check that part, or fuse again with a mask of it.</source>
        <translation>Von S {low} bis S {high} mm liegt der Körper {mm} mm neben der Stelle, an die ihn die Ausrichtung legt, und stimmt dort um {percent} % besser überein: er wurde zwischen den Aufnahmen gebeugt oder gedreht. Bitte diesen Teil prüfen oder mit einer Maske von ihm noch einmal fusionieren.</translation>
    </message>
    <message>
        <source>Both volumes hold the same voxels: one file was chosen twice, or is a copy of the other. Choose the degraded volume and its reference.</source>
        <translation>Beide Volumen enthalten dieselben Voxel: eine Datei wurde zweimal gewählt oder ist eine Kopie der anderen. Bitte das gestörte Volumen und seine Referenz wählen.</translation>
    </message>
    <message>
        <source>The verdict was not fitted to {degraded} on {reference}: its figures may be too good, above all where organs have moved against each other.</source>
        <translation>Das Urteil wurde nicht an {degraded} auf {reference} angepasst: seine Zahlen können zu gut sein, vor allem wo sich Organe gegeneinander bewegt haben.</translation>
    </message>
    <message>
        <source>No pose was found in which the two volumes agree clearly better than by chance (score {score}; wrong poses reach {mean} ± {spread}, {best} at most), so {place}. Check that both show the same region of the same patient, and their modalities.</source>
        <translation>Es wurde keine Lage gefunden, in der die beiden Volumen deutlich besser übereinstimmen als durch Zufall (Wert {score}; falsche Lagen erreichen {mean} ± {spread}, höchstens {best}): {place}. Bitte prüfen, ob beide dieselbe Region desselben Patienten zeigen, und ihre Modalitäten.</translation>
    </message>
    <message>
        <source>The two volumes agree better than by chance, but not by much (score {score}; wrong poses reach {mean} ± {spread}, {best} at most). Check the pose.</source>
        <translation>Die beiden Volumen stimmen besser überein als durch Zufall, aber nicht viel besser (Wert {score}; falsche Lagen erreichen {mean} ± {spread}, höchstens {best}). Bitte die Lage prüfen.</translation>
    </message>
    <message>
        <source>The degraded volume was moved by {mm} mm and turned by {degrees}° against what its file says. Check the pose.</source>
        <translation>Das gestörte Volumen wurde gegenüber seiner Datei um {mm} mm verschoben und um {degrees}° gedreht. Bitte die Lage prüfen.</translation>
    </message>
    <message>
        <source>The alignment rests on {percent} % of the reference's body: no more of it lies in the degraded volume. Check it.</source>
        <translation>Die Ausrichtung stützt sich auf {percent} % des Körpers der Referenz: mehr davon liegt nicht im gestörten Volumen. Bitte prüfen.</translation>
    </message>
    <message>
        <source>The alignment stretched the degraded volume by up to {percent} %, more than a patient changes. Check the voxel sizes of both files.</source>
        <translation>Die Ausrichtung hat das gestörte Volumen um bis zu {percent} % gestreckt, mehr als ein Patient sich ändert. Bitte die Voxelgrößen beider Dateien prüfen.</translation>
    </message>
    <message>
        <source>The initial transform stretches the degraded volume by up to {percent} %, more than a patient changes. Check the voxel sizes of both files, and what it was made for.</source>
        <translation>Die Anfangstransformation streckt das gestörte Volumen um bis zu {percent} %, mehr als ein Patient sich ändert. Bitte die Voxelgrößen beider Dateien prüfen, und wofür sie gemacht wurde.</translation>
    </message>
    <message>
        <source>The fields of view do not overlap as the files place them ({extents}): the pose was found from the intensities alone. Check it.</source>
        <translation>Die Bildfelder überlappen sich nicht, so wie die Dateien sie legen ({extents}): die Lage wurde allein aus den Grauwerten gefunden. Bitte prüfen.</translation>
    </message>
    <message>
        <source>The refined deformation did not improve the parts of the volumes that it was not fitted to, so the deformation before the refinement was kept.</source>
        <translation>Die verfeinerte Verformung hat die Teile der Volumen nicht verbessert, an die sie nicht angepasst wurde; die Verformung vor der Verfeinerung wurde behalten.</translation>
    </message>
    <message>
        <source>The refined deformation would fold, so the deformation before the refinement was kept.</source>
        <translation>Die verfeinerte Verformung würde sich falten; die Verformung vor der Verfeinerung wurde behalten.</translation>
    </message>
    <message>
        <source>Large reference field of view: processed at {coarser} mm instead of {spacing} mm. Crop the reference to the region of interest for a finer alignment.</source>
        <translation>Großes Bildfeld der Referenz: gerechnet mit {coarser} mm statt {spacing} mm. Für eine feinere Ausrichtung die Referenz auf die gewünschte Region zuschneiden.</translation>
    </message>
    <message>
        <source>The {name} mask lies on another grid than the {name} volume; it was read at the nearest voxel.</source>
        <translation>Die Maske ({name}) liegt auf einem anderen Gitter als ihr Volumen ({name}); sie wurde am nächsten Voxel gelesen.</translation>
    </message>
    <message>
        <source>The type of degradation is not stated: the working grid has {spacing} mm, and the types were calibrated at {calibrated} mm only. At another spacing the type may be wrong at any probability.</source>
        <translation>Die Art der Störung wird nicht genannt: das Rechengitter hat {spacing} mm, und die Arten wurden nur bei {calibrated} mm kalibriert. Bei anderen Abständen kann die Art bei jeder Wahrscheinlichkeit falsch sein.</translation>
    </message>
    <message>
        <source>The type of degradation is not stated: the degraded volume has voxels of {voxel} mm, and by the network alone the types of {modality} are named rightly up to {coarsest} mm. Of coarser ones the type may be wrong at any probability.</source>
        <translation>Die Art der Störung wird nicht genannt: das gestörte Volumen hat Voxel von {voxel} mm, und das Netz allein nennt die Arten bei {modality} nur bis {coarsest} mm richtig. Bei gröberen kann die Art bei jeder Wahrscheinlichkeit falsch sein.</translation>
    </message>
    <message>
        <source>The type of degradation is not stated: the network calls the degraded CT clean, and it holds {volume} ml of metal. Please inspect it.</source>
        <translation>Die Art der Störung wird nicht genannt: das Netz hält die gestörte CT für sauber, sie enthält aber {volume} ml Metall. Bitte ansehen.</translation>
    </message>
    <message>
        <source>The network predicted {found}, which cannot occur in {modality}. Check the modality setting; only classes possible for {modality} were considered.</source>
        <translation>Das Netz sagte voraus: {found}; das kommt bei {modality} nicht vor. Bitte die eingestellte Modalität prüfen; berücksichtigt wurden nur Arten, die bei {modality} möglich sind.</translation>
    </message>
    <message>
        <source>Low confidence: {found} ({percent} %). In validation, predictions were {right} % correct only at {sure} % confidence or more. Please inspect the degraded volume.</source>
        <translation>Wenig sicher: {found} ({percent} %). In der Validierung waren Vorhersagen erst ab {sure} % zu {right} % richtig. Bitte das gestörte Volumen ansehen.</translation>
    </message>
    <message>
        <source>The reference looks degraded itself ({found}, {percent} %), and the degraded volume does not: were the two exchanged? The first volume is restored with the help of a clean second one; if they were, exchange them and fuse again.</source>
        <translation>Die Referenz wirkt selbst gestört ({found}, {percent} %), das gestörte Volumen nicht: Sind die beiden vertauscht? Restauriert wird das erste Volumen mit Hilfe eines sauberen zweiten; wenn sie vertauscht sind, bitte tauschen und erneut fusionieren.</translation>
    </message>
    <message>
        <source>The reference looks degraded itself ({found}, {percent} %), and a clean one is expected: choose another reference, or inspect what the result takes from it.</source>
        <translation>Die Referenz wirkt selbst gestört ({found}, {percent} %), erwartet wird eine saubere: Bitte eine andere Referenz wählen oder ansehen, wie sie das Ergebnis beeinflusst.</translation>
    </message>
    <message>
        <source>The modality of the {name} volume is uncertain: {why}. It was treated as {modality}; set the {name} modality if that is wrong.</source>
        <translation>Die Modalität ist unsicher ({name}): {why}. Das Volumen wurde als {modality} behandelt; falls das falsch ist, die Modalität einstellen ({name}).</translation>
    </message>
    <message>
        <source>The {name} volume is {stated} by {source}, but --{name}-modality is {chosen}: it was treated as {modality}.</source>
        <translation>Das Volumen ({name}) ist {stated} nach {source}, die Einstellung ({name}) ist aber {chosen}: es wurde als {modality} behandelt.</translation>
    </message>
    <message>
        <source>The values of the {name} volume look like Hounsfield units of CT, but it was treated as {modality} ({why}); set the {name} modality if that is wrong.</source>
        <translation>Die Werte des Volumens ({name}) sehen aus wie Hounsfield-Einheiten einer CT, es wurde aber als {modality} behandelt ({why}); falls das falsch ist, die Modalität einstellen ({name}).</translation>
    </message>
    <message>
        <source>The name of the {name} volume suggests {named}, but it was treated as {modality} ({why}); set the {name} modality if that is wrong.</source>
        <translation>Der Name des Volumens ({name}) spricht für {named}, es wurde aber als {modality} behandelt ({why}); falls das falsch ist, die Modalität einstellen ({name}).</translation>
    </message>
    <message>
        <source>The values of the {name} CT (from {low} to {high}) do not look like Hounsfield units with air near -1000; check --{name}-modality and its rescaling.</source>
        <translation>Die Werte der CT ({name}, von {low} bis {high}) sehen nicht aus wie Hounsfield-Einheiten mit Luft bei -1000; bitte Modalität und Umrechnung prüfen ({name}).</translation>
    </message>
    <message>
        <source>In the {name} volume, {percent} % of the voxels hold the fill value {value}; they were treated as not acquired.</source>
        <translation>Im Volumen ({name}) haben {percent} % der Voxel den Füllwert {value}; sie gelten als nicht aufgenommen.</translation>
    </message>
    <message>
        <source>1 NaN or infinite voxel in the {name} volume was replaced by its nearest neighbour.</source>
        <translation>1 Voxel mit NaN oder unendlichem Wert im Volumen ({name}) wurde durch seinen nächsten Nachbarn ersetzt.</translation>
    </message>
    <message>
        <source>In the {name} CT, {count} voxels amid bone or metal lie below any Hounsfield unit: they wrapped around in 12 bits, and 4096 was added to them. Export the series again if you can.</source>
        <translation>In der CT ({name}) liegen {count} Voxel inmitten von Knochen oder Metall unter allen Hounsfield-Einheiten: sie sind in 12 Bit übergelaufen, und 4096 wurde zu ihnen addiert. Die Serie wenn möglich erneut exportieren.</translation>
    </message>
    <message>
        <source>{empty} of {count} slices of the {name} volume are empty, between others that are not: slices are missing. Export the series again.</source>
        <translation>{empty} von {count} Schichten des Volumens ({name}) sind leer, zwischen anderen, die es nicht sind: Schichten fehlen. Bitte die Serie erneut exportieren.</translation>
    </message>
    <message>
        <source>All values of the {name} volume lie far above 0, as with an offset: {offset} was taken as air.</source>
        <translation>Alle Werte des Volumens ({name}) liegen weit über 0, wie mit einem Versatz: {offset} gilt als Luft.</translation>
    </message>
    <message>
        <source>{count} NaN or infinite voxels in the {name} volume were replaced by their nearest valid neighbours.</source>
        <translation>{count} Voxel mit NaN oder unendlichem Wert im Volumen ({name}) wurden durch ihre nächsten gültigen Nachbarn ersetzt.</translation>
    </message>
    <message>
        <source>{percent} % of the {name} volume is NaN around the patient; it was treated as not acquired.</source>
        <translation>{percent} % des Volumens ({name}) sind NaN um den Patienten herum; das gilt als nicht aufgenommen.</translation>
    </message>
    <message>
        <source>{device} ran out of memory in {precision} too; the fusion ran on the CPU.</source>
        <translation>Der Speicher von {device} reichte auch mit {precision} nicht; gerechnet wurde auf der CPU.</translation>
    </message>
    <message>
        <source>{device} ran out of memory in float32; the network ran in bfloat16, whose field differs by small parts of a voxel.</source>
        <translation>Der Speicher von {device} reichte mit float32 nicht; das Netz rechnete mit bfloat16, dessen Feld sich um kleine Teile eines Voxels unterscheidet.</translation>
    </message>
    <message>
        <source>The fields of view do not overlap: {extents}. No pose was found in which the volumes agree. If both show the same patient, bring them together first (3D Slicer: Volumes &gt; Volume Information &gt; Center Volume, or a hardened transform) and try again.</source>
        <translation>Die Bildfelder überlappen sich nicht: {extents}. Es wurde keine Lage gefunden, in der die Volumen übereinstimmen. Zeigen beide denselben Patienten, sie zuerst zusammenbringen (3D Slicer: Volumes &gt; Volume Information &gt; Center Volume, oder eine angewendete Transformation) und erneut versuchen.</translation>
    </message>
    <message>
        <source>The fields of view do not overlap: {extents}. If both show the same patient, bring them together first (3D Slicer: Volumes &gt; Volume Information &gt; Center Volume, or a hardened transform) and try again.</source>
        <translation>Die Bildfelder überlappen sich nicht: {extents}. Wenn beide denselben Patienten zeigen, zuerst zusammenbringen (3D Slicer: Volumes &gt; Volume Information &gt; Center Volume, oder eine angewendete Transformation) und erneut versuchen.</translation>
    </message>
    <message>
        <source>The volumes have different PatientID: they are of two patients. Choose two volumes of one patient, or add --allow-different-patient where one patient has two IDs.</source>
        <translation>Die Volumen haben verschiedene PatientID: sie sind von zwei Patienten. Bitte zwei Volumen eines Patienten wählen.</translation>
    </message>
    <message>
        <source>The volumes have different PatientID. A restored scan is not written into the study of another patient. Export the result as a folder instead.</source>
        <translation>Die Volumen haben verschiedene PatientID. Eine restaurierte Aufnahme wird nicht in die Studie eines anderen Patienten geschrieben. Das Ergebnis stattdessen als Ordner exportieren.</translation>
    </message>
    <message>
        <source>The {name} volume looks like a binary mask; expected the intensities of MR, CT or PET. Choose the scan that it was drawn on.</source>
        <translation>Das Volumen ({name}) sieht aus wie eine binäre Maske; erwartet wurden Grauwerte von MR, CT oder PET. Bitte die Aufnahme wählen, auf der sie gezeichnet wurde.</translation>
    </message>
    <message>
        <source>The {name} volume looks like a label map ({count} values); expected the intensities of MR, CT or PET. Choose the scan that it was drawn on.</source>
        <translation>Das Volumen ({name}) sieht aus wie eine Labelmap ({count} Werte); erwartet wurden Grauwerte von MR, CT oder PET. Bitte die Aufnahme wählen, auf der sie gezeichnet wurde.</translation>
    </message>
    <message>
        <source>The {name} volume is constant (all voxels are {value}): there is nothing to fuse.</source>
        <translation>Das Volumen ({name}) ist konstant (alle Voxel sind {value}): es gibt nichts zu fusionieren.</translation>
    </message>
    <message>
        <source>The {name} volume holds no numbers: every voxel is NaN or infinite. Export it again.</source>
        <translation>Das Volumen ({name}) enthält keine Zahlen: jedes Voxel ist NaN oder unendlich. Bitte erneut exportieren.</translation>
    </message>
    <message>
        <source>{percent} % of the {name} volume is NaN or infinite; up to {most} % can be repaired automatically. Replace them with the background value and try again.</source>
        <translation>{percent} % des Volumens ({name}) sind NaN oder unendlich; bis zu {most} % lassen sich selbsttätig ersetzen. Bitte durch den Hintergrundwert ersetzen und noch einmal versuchen.</translation>
    </message>
    <message>
        <source>The {name} volume covers {size} mm; expected {smallest} to {largest} mm. The unit of its voxel size is wrong; repair its header (spacing in millimetres).</source>
        <translation>Das Volumen ({name}) umfasst {size} mm; erwartet wurden {smallest} bis {largest} mm. Die Einheit seiner Voxelgröße ist falsch; bitte den Header berichtigen (Abstände in Millimetern).</translation>
    </message>
    <message>
        <source>The {name} volume has {size} voxels; expected at least {least} along every axis. Load the whole 3-D volume.</source>
        <translation>Das Volumen ({name}) hat {size} Voxel; erwartet werden mindestens {least} entlang jeder Achse. Bitte das ganze 3D-Volumen laden.</translation>
    </message>
    <message>
        <source>The {name} volume holds {kind} values; expected real numbers.</source>
        <translation>Das Volumen ({name}) enthält Werte der Art {kind}; erwartet werden reelle Zahlen.</translation>
    </message>
    <message>
        <source>The {name} volume is {other} (modality {stated}). Expected MR, CT or PET; if it is one of them, say so with --{name}-modality.</source>
        <translation>Das Volumen ({name}) ist {other} (Modalität {stated}). Erwartet wird MR, CT oder PET; wenn es eines davon ist, die Modalität einstellen ({name}).</translation>
    </message>
    <message>
        <source>The {name} CT is not in Hounsfield units: air lies near 0 and soft tissue near 1024, as without its rescale intercept. Add --{name}-rescale 1,-1024 (or the file's own slope and intercept).</source>
        <translation>Die CT ({name}) ist nicht in Hounsfield-Einheiten: Luft liegt bei 0 und Weichteile bei 1024, wie ohne ihren Achsenabschnitt (Rescale Intercept). Mit Steigung und Achsenabschnitt der Datei (meist 1 und -1024) umrechnen ({name}), oder die Serie neu exportieren.</translation>
    </message>
    <message>
        <source>The {name} CT is not in Hounsfield units: its values span {span} (from {low} to {high}). Give the slope and intercept that lead back to HU with --{name}-rescale SLOPE,INTERCEPT, or another --{name}-modality.</source>
        <translation>Die CT ({name}) ist nicht in Hounsfield-Einheiten: ihre Werte umfassen {span} (von {low} bis {high}). Mit Steigung und Achsenabschnitt in HU umrechnen ({name}), oder eine andere Modalität einstellen ({name}).</translation>
    </message>
    <message>
        <source>The volume has no positive value, so it is neither MR nor PET. Set its modality.</source>
        <translation>Das Volumen hat keinen positiven Wert, ist also weder MR noch PET. Bitte seine Modalität einstellen.</translation>
    </message>
    <message>
        <source>The initial transform moves all of the degraded volume out of the reference's field of view ({extents}). Check that it was made for these two volumes.</source>
        <translation>Die Start-Transformation schiebt das ganze gestörte Volumen aus dem Bildfeld der Referenz ({extents}). Prüfen, ob sie für diese beiden Volumen gemacht wurde.</translation>
    </message>
    <message>
        <source>The initial transform moves all of the degraded volume out of the reference's field of view ({extents}). Its inverse does not: an initial transform maps points of the reference to points of the degraded volume, as ITK writes it. Invert it.</source>
        <translation>Die Start-Transformation schiebt das ganze gestörte Volumen aus dem Bildfeld der Referenz ({extents}). Ihre Umkehrung nicht: eine Start-Transformation der Kommandozeile bildet Punkte der Referenz auf Punkte des gestörten Volumens ab, wie ITK sie schreibt. Bitte umkehren.</translation>
    </message>
    <message>
        <source>The {name} mask leaves nothing of the patient to compare: what it holds lies outside the body, or is thinner than 3 mm. Draw what is to be compared, or leave the mask out.</source>
        <translation>Die Maske ({name}) lässt vom Patienten nichts zum Vergleichen: was sie enthält, liegt außerhalb des Körpers oder ist dünner als 3 mm. Zeichnen, was verglichen werden soll, oder keine wählen.</translation>
    </message>
    <message>
        <source>The masks leave nothing to compare: once the volumes are aligned, no place of the body lies inside both. Draw them on the same anatomy, or leave one out.</source>
        <translation>Die Masken lassen nichts zum Vergleichen: nach der Ausrichtung liegt keine Stelle des Körpers in beiden. An derselben Anatomie zeichnen, oder eine weglassen.</translation>
    </message>
    <message>
        <source>This pair needs about {needed} of memory, and {free} are free. Close other programs, choose a larger --working-spacing than {spacing}, crop the reference, or add --exceed-memory to try it anyway.</source>
        <translation>Dieses Paar braucht etwa {needed} Arbeitsspeicher, frei sind {free}. Andere Programme schließen, einen größeren Rechenabstand als {spacing} wählen oder die Referenz zuschneiden.</translation>
    </message>
    <message>
        <source>{device} ran out of memory. Try --device cpu, a coarser grid, or close other programs.</source>
        <translation>{device}: der Speicher reicht nicht. Das Gerät CPU oder einen größeren Rechenabstand wählen, oder andere Programme schließen.</translation>
    </message>
    <message>
        <source>{device} ran out of memory. Try a coarser grid, or close other programs.</source>
        <translation>{device}: der Speicher reicht nicht. Einen größeren Rechenabstand wählen, oder andere Programme schließen.</translation>
    </message>
    <message>
        <source>not enough memory. Close other programs, or crop the volumes.</source>
        <translation>Der Arbeitsspeicher reicht nicht. Andere Programme schließen, oder die Volumen zuschneiden.</translation>
    </message>
    <message>
        <source>Device {device} is not available: usable CUDA devices of this machine: {count}. Use auto or cpu.</source>
        <translation>Das Gerät {device} ist nicht verfügbar: nutzbare CUDA-Geräte dieses Rechners: {count}. Automatisch oder CPU wählen.</translation>
    </message>
    <message>
        <source>unexpected error; please report it with the lines above.</source>
        <translation>Unerwarteter Fehler; bitte mit den Zeilen darüber im Protokoll melden.</translation>
    </message>
    <message>
        <source>Cannot write {file}: {reason} ({free} free). Check permission and free space, or choose another folder. Nothing was left behind.</source>
        <translation>{file} kann nicht geschrieben werden: {reason} ({free} frei). Rechte und freien Platz prüfen, oder einen anderen Ordner wählen. Nichts Halbes blieb zurück.</translation>
    </message>
    <message>
        <source>Cannot write {file}: {reason}. Check permission and free space.</source>
        <translation>{file} kann nicht geschrieben werden: {reason}. Rechte und freien Platz prüfen.</translation>
    </message>
    <message>
        <source>Cannot write {file}: {reason}. No partial results were left.</source>
        <translation>{file} kann nicht geschrieben werden: {reason}. Kein Teil eines Ergebnisses blieb zurück.</translation>
    </message>
    <message>
        <source>The fusion method 'wavelet' needs the package PyWavelets ({reason}). Install it with: pip install PyWavelets, or choose another method.</source>
        <translation>Das Fusionsverfahren Wavelets braucht das Paket PyWavelets ({reason}). Installieren mit: pip install PyWavelets, oder ein anderes Verfahren wählen.</translation>
    </message>
    <message>
        <source>{doing} DICOM needs the package pydicom. Install it with: pip install '.[dicom]' in the repository's folder, or convert the series to NIfTI.</source>
        <translation>DICOM ({doing}) braucht das Paket pydicom. Installieren mit: pip install pydicom, oder die Serie in NIfTI umwandeln.</translation>
    </message>
    <message>
        <source>These weights support {known}, not {modality}. Choose one of these.</source>
        <translation>Diese Gewichte können {known}, nicht {modality}. Bitte eines davon wählen.</translation>
    </message>
    <message>
        <source>Expected the contract '{name}' beside '{path}', found none. Copy both files.</source>
        <translation>Erwartet wurde der Vertrag '{name}' neben '{path}', er fehlt. Beide Dateien kopieren.</translation>
    </message>
    <message>
        <source>The weights '{path}' are damaged or do not belong to their contract: expected SHA-256 {expected}…, got {found}…. Copy both files again.</source>
        <translation>Die Gewichte '{path}' sind beschädigt oder gehören nicht zu ihrem Vertrag: erwartet SHA-256 {expected}…, gefunden {found}…. Beide Dateien noch einmal kopieren.</translation>
    </message>
    <message>
        <source>Expected finite numbers of the network, got NaN or infinite ones ({where}). float16 cannot hold large numbers: use --precision float32. If it ran in float32, its weights are broken: use those that were shipped.</source>
        <translation>Erwartet wurden endliche Zahlen des Netzes, es kamen NaN oder unendliche ({where}). float16 fasst keine großen Zahlen: float32 wählen. Lief es in float32, so sind seine Gewichte beschädigt: die mitgelieferten verwenden.</translation>
    </message>
    <message>
        <source>{file} does not exist. Check the path.</source>
        <translation>{file} gibt es nicht. Bitte den Pfad prüfen.</translation>
    </message>
    <message>
        <source>Cannot read {file}: {reason}. Check the path and its permission.</source>
        <translation>{file} kann nicht gelesen werden: {reason}. Pfad und Rechte prüfen.</translation>
    </message>
    <message>
        <source>{file} is truncated: voxels are missing at its end. Copy or export the file again.</source>
        <translation>{file} ist abgeschnitten: am Ende fehlen Werte. Die Datei noch einmal kopieren oder exportieren.</translation>
    </message>
    <message>
        <source>{file} is damaged or incomplete ({reason}). Copy or export it again.</source>
        <translation>{file} ist beschädigt oder unvollständig ({reason}). Noch einmal kopieren oder exportieren.</translation>
    </message>
    <message>
        <source>{file} is a 2-D image ({shape}). Expected a 3-D volume; pick the whole series.</source>
        <translation>{file} ist ein 2D-Bild ({shape}). Erwartet wird ein 3D-Volumen; bitte die ganze Serie wählen.</translation>
    </message>
    <message>
        <source>{file} is a {axes}-D series ({shape}). Expected one 3-D volume; extract one frame and try again.</source>
        <translation>{file} ist eine {axes}D-Serie ({shape}). Erwartet wird ein 3D-Volumen; ein Bild der Reihe herausnehmen und noch einmal versuchen.</translation>
    </message>
    <message>
        <source>{folder} holds {count} DICOM series: {series}. Choose one with --series UID.</source>
        <translation>{folder} enthält {count} DICOM-Serien: {series}. Bitte einen Ordner mit einer Serie wählen.</translation>
    </message>
    <message>
        <source>{file} does not say which side of the patient is left or right. If you know how its voxels are stored, add --assume-orientation LPS or RAS (the directions in which i, j and k run); else export it again in a format that keeps the orientation.</source>
        <translation>{file} sagt nicht, welche Seite des Patienten links oder rechts ist. In einem Format exportieren, das die Orientierung behält.</translation>
    </message>
    <message>
        <source>degraded</source>
        <translation>gestört</translation>
    </message>
    <message>
        <source>reference</source>
        <translation>Referenz</translation>
    </message>
    <message>
        <source>No degradation</source>
        <translation>Keine Störung</translation>
    </message>
    <message>
        <source>MR motion</source>
        <translation>Bewegung (MR)</translation>
    </message>
    <message>
        <source>CT metal and noise</source>
        <translation>Metall und Rauschen (CT)</translation>
    </message>
    <message>
        <source>Low-dose PET</source>
        <translation>Niedrigdosis-PET</translation>
    </message>
    <message>
        <source>they stay where their files place them</source>
        <translation>sie bleiben, wo ihre Dateien sie legen</translation>
    </message>
    <message>
        <source>the initial pose is used as it is</source>
        <translation>die Anfangslage wird verwendet, wie sie ist</translation>
    </message>
    <message>
        <source>degraded {degraded}, reference {reference}</source>
        <translation>gestört {degraded}, Referenz {reference}</translation>
    </message>
    <message>
        <source>larger</source>
        <translation>größer</translation>
    </message>
    <message>
        <source>smaller</source>
        <translation>kleiner</translation>
    </message>
    <message>
        <source>from side to side</source>
        <translation>von Seite zu Seite</translation>
    </message>
    <message>
        <source>from front to back</source>
        <translation>von vorn nach hinten</translation>
    </message>
    <message>
        <source>from head to foot</source>
        <translation>von Kopf bis Fuß</translation>
    </message>
    <message>
        <source>set by the user</source>
        <translation>vom Benutzer eingestellt</translation>
    </message>
    <message>
        <source>stated by {source}</source>
        <translation>angegeben von {source}</translation>
    </message>
    <message>
        <source>the file name says so, and its values fit</source>
        <translation>der Dateiname sagt es, und die Werte passen</translation>
    </message>
    <message>
        <source>it holds colours, as maps of PET do</source>
        <translation>es enthält Farben, wie Karten der PET</translation>
    </message>
    <message>
        <source>its values lie where Hounsfield units put air and soft tissue</source>
        <translation>seine Werte liegen dort, wo Hounsfield-Einheiten Luft und Weichgewebe haben</translation>
    </message>
    <message>
        <source>its values look like CT with 1024 added</source>
        <translation>seine Werte sehen aus wie CT mit 1024 darauf</translation>
    </message>
    <message>
        <source>it has values below zero that are not Hounsfield units (z-scores, a signed map)</source>
        <translation>es hat Werte unter null, die keine Hounsfield-Einheiten sind (z-Werte, eine Karte mit Vorzeichen)</translation>
    </message>
    <message>
        <source>{count} of 3 signs of PET (voxel size, hot spots, range)</source>
        <translation>{count} von 3 Zeichen für PET (Voxelgröße, heiße Stellen, Wertebereich)</translation>
    </message>
    <message>
        <source>its values were scaled to 0 to 1, so no unit is left</source>
        <translation>seine Werte wurden auf 0 bis 1 skaliert, eine Einheit gibt es nicht mehr</translation>
    </message>
    <message>
        <source>its values are neither Hounsfield units nor uptake values</source>
        <translation>seine Werte sind weder Hounsfield-Einheiten noch Anreicherungswerte</translation>
    </message>
    <message>
        <source>ultrasound</source>
        <translation>Ultraschall</translation>
    </message>
    <message>
        <source>Reading</source>
        <translation>Lesen</translation>
    </message>
    <message>
        <source>Writing</source>
        <translation>Schreiben</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.UnderCursor</name>
    <message>
        <source>Reference {value}</source>
        <translation>Referenz {value}</translation>
    </message>
    <message>
        <source>{reference} · outside the degraded field of view</source>
        <translation>{reference} · außerhalb des gestörten Bildfelds</translation>
    </message>
    <message>
        <source>{reference} · restored {value}</source>
        <translation>{reference} · restauriert {value}</translation>
    </message>
    <message>
        <source>In the degraded volume at the same place</source>
        <translation>Im gestörten Volumen am selben Ort</translation>
    </message>
    <message>
        <source>Not deformed here</source>
        <translation>Hier nicht verformt</translation>
    </message>
    <message>
        <source>In the degraded volume {length:.1f} mm away: {words}</source>
        <translation>Im gestörten Volumen {length:.1f} mm entfernt: {words}</translation>
    </message>
    <message>
        <source>Deformed by {length:.1f} mm: {words}</source>
        <translation>Verformt um {length:.1f} mm: {words}</translation>
    </message>
    <message>
        <source>Folded here</source>
        <translation>Hier gefaltet</translation>
    </message>
    <message>
        <source>Same volume there</source>
        <translation>Dort gleiches Volumen</translation>
    </message>
    <message>
        <source>{percent:.0f} % larger there</source>
        <translation>Dort {percent:.0f} % größer</translation>
    </message>
    <message>
        <source>{percent:.0f} % smaller there</source>
        <translation>Dort {percent:.0f} % kleiner</translation>
    </message>
    <message>
        <source>uncertainty {mm:.1f} mm</source>
        <translation>Unsicherheit {mm:.1f} mm</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Undo</name>
    <message>
        <source>Undo</source>
        <translation>Zurück</translation>
    </message>
    <message>
        <source>Redo</source>
        <translation>Vor</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.View</name>
    <message>
        <source>Fuse</source>
        <translation>Fusionieren</translation>
    </message>
    <message>
        <source>Restore, align and fuse the two volumes. Your volumes are not modified.</source>
        <translation>Die beiden Volumen restaurieren, ausrichten und fusionieren. Ihre Volumen bleiben unverändert.</translation>
    </message>
    <message>
        <source>Select the degraded volume</source>
        <translation>Das gestörte Volumen wählen</translation>
    </message>
    <message>
        <source>Select the reference volume</source>
        <translation>Das Referenzvolumen wählen</translation>
    </message>
    <message>
        <source>Select two different volumes</source>
        <translation>Zwei verschiedene Volumen wählen</translation>
    </message>
    <message>
        <source>Cannot be fused (see below)</source>
        <translation>Nicht fusionierbar (siehe unten)</translation>
    </message>
    <message>
        <source>{stage} · {percent} % · {seconds} s</source>
        <translation>{stage} · {percent} % · {seconds} s</translation>
    </message>
    <message>
        <source>Cancelling…</source>
        <translation>Wird abgebrochen…</translation>
    </message>
    <message>
        <source>The run is being cancelled</source>
        <translation>Der Lauf wird abgebrochen</translation>
    </message>
    <message>
        <source>Cancel</source>
        <translation>Abbrechen</translation>
    </message>
    <message>
        <source>Stop the run; no node is changed</source>
        <translation>Den Lauf beenden; kein Knoten wird geändert</translation>
    </message>
    <message>
        <source>More than 3 mm off: {probability:.0f} % likely. Expected error {expected:.1f} mm ({low:.1f} to {high:.1f}) if both volumes show the same part of one patient.</source>
        <translation>Über 3 mm daneben: zu {probability:.0f} %. Erwarteter Fehler {expected:.1f} mm ({low:.1f} bis {high:.1f}), falls beide denselben Teil eines Patienten zeigen.</translation>
    </message>
    <message>
        <source>Uncertainty: {mean:.1f} mm on average, {p95:.1f} mm or less in 95 % of the body.</source>
        <translation>Unsicherheit: im Mittel {mean:.1f} mm, in 95 % des Körpers höchstens {p95:.1f} mm.</translation>
    </message>
    <message>
        <source>{seconds:.0f} s</source>
        <translation>{seconds:.0f} s</translation>
    </message>
    <message>
        <source>{degraded} on {reference}</source>
        <translation>{degraded} auf {reference}</translation>
    </message>
    <message>
        <source>fused by: {method}</source>
        <translation>fusioniert mit: {method}</translation>
    </message>
    <message>
        <source>match with the reference {before:.2f} → {after:.2f} (1 = identical)</source>
        <translation>Übereinstimmung mit der Referenz {before:.2f} → {after:.2f} (1 = gleich)</translation>
    </message>
    <message>
        <source>displacement {mean:.1f} mm on average, {maximum:.1f} mm at most</source>
        <translation>Verschiebung im Mittel {mean:.1f} mm, höchstens {maximum:.1f} mm</translation>
    </message>
    <message>
        <source>placed {moved:.1f} mm, {rotation:.1f}°</source>
        <translation>gelagert {moved:.1f} mm, {rotation:.1f}°</translation>
    </message>
    <message>
        <source>{placed}; not deformed</source>
        <translation>{placed}; nicht verformt</translation>
    </message>
    <message>
        <source>{placed}; deformed {mean:.1f} mm on average, {maximum:.1f} mm at most</source>
        <translation>{placed}; verformt im Mittel {mean:.1f} mm, höchstens {maximum:.1f} mm</translation>
    </message>
    <message>
        <source>folds in {folds:.2f} % of the body</source>
        <translation>Falten in {folds:.2f} % des Körpers</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.VolumeFacts</name>
    <message>
        <source>its DICOM attributes</source>
        <translation>seine DICOM-Attribute</translation>
    </message>
    <message>
        <source>the units of its values</source>
        <translation>die Einheiten seiner Werte</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Widget</name>
    <message>
        <source>Not started. Nothing was overwritten.</source>
        <translation>Nicht gestartet. Nichts wurde überschrieben.</translation>
    </message>
    <message>
        <source>UniFuse: {name} is ready. It is shown when the module is opened.</source>
        <translation>UniFuse: {name} ist fertig. Es wird gezeigt, wenn das Modul geöffnet wird.</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Windows</name>
    <message>
        <source>Brain</source>
        <translation>Hirn</translation>
    </message>
    <message>
        <source>Soft tissue</source>
        <translation>Weichteile</translation>
    </message>
    <message>
        <source>Bone</source>
        <translation>Knochen</translation>
    </message>
    <message>
        <source>Lung</source>
        <translation>Lunge</translation>
    </message>
</context>
<context>
    <name>UniFuseSlicerLib.Words</name>
    <message>
        <source>Research use only. Not for diagnosis or treatment.</source>
        <translation>Nur für die Forschung. Nicht für Diagnose oder Behandlung.</translation>
    </message>
    <message>
        <source>Green: no finding against the alignment</source>
        <translation>Grün: kein Befund gegen die Ausrichtung</translation>
    </message>
    <message>
        <source>Amber: check the alignment before using it</source>
        <translation>Gelb: die Ausrichtung vor Gebrauch prüfen</translation>
    </message>
    <message>
        <source>Red: do not use this result</source>
        <translation>Rot: dieses Ergebnis nicht verwenden</translation>
    </message>
    <message>
        <source>no degradation</source>
        <translation>keine Störung</translation>
    </message>
    <message>
        <source>motion</source>
        <translation>Bewegung</translation>
    </message>
    <message>
        <source>metal artifacts or noise</source>
        <translation>Metallartefakte oder Rauschen</translation>
    </message>
    <message>
        <source>low dose</source>
        <translation>niedrige Dosis</translation>
    </message>
    <message>
        <source>Found: {found} ({percent:.0f} %)</source>
        <translation>Gefunden: {found} ({percent:.0f} %)</translation>
    </message>
    <message>
        <source>Found: {found} ({percent:.0f} %, sure)</source>
        <translation>Gefunden: {found} ({percent:.0f} %, sicher)</translation>
    </message>
    <message>
        <source>Found: {found} ({percent:.0f} %, unsure)</source>
        <translation>Gefunden: {found} ({percent:.0f} %, unsicher)</translation>
    </message>
    <message>
        <source>light</source>
        <translation>leicht</translation>
    </message>
    <message>
        <source>moderate</source>
        <translation>mäßig</translation>
    </message>
    <message>
        <source>severe</source>
        <translation>schwer</translation>
    </message>
    <message>
        <source>{found}, {severity}</source>
        <translation>{found}, {severity}</translation>
    </message>
    <message>
        <source>{found}, about 1/{part:.0f} of the usual</source>
        <translation>{found}, etwa 1/{part:.0f} der üblichen</translation>
    </message>
    <message>
        <source>UniFuse (recommended)</source>
        <translation>UniFuse (empfohlen)</translation>
    </message>
    <message>
        <source>DM-FNet (network, slice by slice)</source>
        <translation>DM-FNet (Netz, Schicht für Schicht)</translation>
    </message>
    <message>
        <source>Average</source>
        <translation>Mittelwert</translation>
    </message>
    <message>
        <source>Maximum</source>
        <translation>Maximum</translation>
    </message>
    <message>
        <source>Laplacian pyramid</source>
        <translation>Laplace-Pyramide</translation>
    </message>
    <message>
        <source>Wavelets (needs PyWavelets)</source>
        <translation>Wavelets (braucht PyWavelets)</translation>
    </message>
    <message>
        <source>Expected a node, got the text "{name}". Use getNode("{name}").</source>
        <translation>Erwartet wurde ein Knoten, nicht der Text "{name}". getNode("{name}") verwenden.</translation>
    </message>
</context>
</TS>
