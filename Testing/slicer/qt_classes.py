"""Names of the real classes behind the stand-ins, as their headers declare them: Qt 5.15 and 6
(`QMetaObject`), CTK and Slicer (`Q_PROPERTY`, `Q_SIGNALS`, slots and `Q_INVOKABLE`).

PythonQt shows a property as an attribute, a signal by its signature, and a slot as a method. What
is not listed here does not exist, so using it is an error in the module.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class QtClass:
    """One class.

    Attributes:
        base: name of the class it is derived from; "" for QObject.
        properties: that can be read and written; `x` also has the method `setX`.
        fixed: properties that can only be read.
        signals: with their arguments.
        methods: slots and invokable methods other than the setters of properties.
    """

    base: str
    properties: str = ""
    fixed: str = ""
    signals: str = ""
    methods: str = ""


CLASSES = {
    "QObject": QtClass(
        base="",
        properties="objectName",
        signals="destroyed(QObject*) objectNameChanged(QString)",
        methods="property setProperty connect disconnect blockSignals deleteLater findChildren",
    ),
    "QWidget": QtClass(
        base="QObject",
        properties="windowModality enabled geometry pos size sizePolicy minimumSize maximumSize "
        "minimumWidth minimumHeight maximumWidth maximumHeight sizeIncrement baseSize palette font "
        "cursor mouseTracking tabletTracking focusPolicy contextMenuPolicy updatesEnabled visible "
        "acceptDrops windowTitle windowIcon windowIconText windowOpacity windowModified toolTip "
        "toolTipDuration statusTip whatsThis accessibleName accessibleDescription layoutDirection "
        "autoFillBackground styleSheet locale windowFilePath inputMethodHints",
        fixed="modal frameGeometry normalGeometry x y frameSize width height rect childrenRect "
        "childrenRegion isActiveWindow focus minimized maximized fullScreen sizeHint "
        "minimumSizeHint",
        signals="windowTitleChanged(QString) windowIconChanged(QIcon) "
        "customContextMenuRequested(QPoint)",
        methods="setDisabled setHidden setFocus update repaint show hide close raise_ lower grab",
    ),
    "QFrame": QtClass(
        base="QWidget",
        properties="frameShape frameShadow lineWidth midLineWidth frameRect",
        fixed="frameWidth",
    ),
    "QAbstractScrollArea": QtClass(
        base="QFrame",
        properties="verticalScrollBarPolicy horizontalScrollBarPolicy sizeAdjustPolicy",
    ),
    "QAbstractButton": QtClass(
        base="QWidget",
        properties="text icon iconSize shortcut checkable checked autoRepeat autoExclusive "
        "autoRepeatDelay autoRepeatInterval down",
        signals="clicked(bool) toggled(bool) pressed() released()",
        methods="click toggle animateClick",
    ),
    "QPushButton": QtClass(
        base="QAbstractButton", properties="autoDefault default flat", methods="showMenu"
    ),
    "QCheckBox": QtClass(
        base="QAbstractButton", properties="tristate", signals="stateChanged(int)"
    ),
    "QComboBox": QtClass(
        base="QWidget",
        properties="editable currentText currentIndex maxVisibleItems maxCount insertPolicy "
        "sizeAdjustPolicy minimumContentsLength iconSize placeholderText duplicatesEnabled frame "
        "modelColumn",
        fixed="count currentData",
        signals="currentIndexChanged(int) currentTextChanged(QString) activated(int) "
        "textActivated(QString) highlighted(int) textHighlighted(QString) editTextChanged(QString)",
        methods="clear clearEditText setEditText addItem addItems itemText itemData setItemData "
        "findText findData insertItem removeItem",
    ),
    "QLabel": QtClass(
        base="QFrame",
        properties="text textFormat pixmap scaledContents alignment wordWrap margin indent "
        "openExternalLinks textInteractionFlags",
        fixed="hasSelectedText selectedText",
        signals="linkActivated(QString) linkHovered(QString)",
        methods="clear setNum setPicture setMovie",
    ),
    "QProgressBar": QtClass(
        base="QWidget",
        properties="minimum maximum value alignment textVisible orientation invertedAppearance "
        "textDirection format",
        fixed="text",
        signals="valueChanged(int)",
        methods="reset setRange resetFormat",
    ),
    "QPlainTextEdit": QtClass(
        base="QAbstractScrollArea",
        properties="tabChangesFocus documentTitle undoRedoEnabled lineWrapMode readOnly plainText "
        "overwriteMode tabStopDistance cursorWidth textInteractionFlags maximumBlockCount "
        "backgroundVisible centerOnScroll placeholderText",
        fixed="blockCount",
        signals="textChanged() undoAvailable(bool) redoAvailable(bool) copyAvailable(bool) "
        "selectionChanged() cursorPositionChanged() blockCountChanged(int)",
        methods="appendPlainText appendHtml insertPlainText clear cut copy paste undo redo "
        "selectAll centerCursor zoomIn zoomOut toPlainText",
    ),
    "QAbstractItemView": QtClass(
        base="QAbstractScrollArea",
        properties="autoScroll autoScrollMargin editTriggers tabKeyNavigation showDropIndicator "
        "dragEnabled dragDropOverwriteMode dragDropMode defaultDropAction alternatingRowColors "
        "selectionMode selectionBehavior iconSize textElideMode verticalScrollMode "
        "horizontalScrollMode",
        signals="pressed(QModelIndex) clicked(QModelIndex) doubleClicked(QModelIndex) "
        "activated(QModelIndex) entered(QModelIndex) viewportEntered()",
        methods="selectAll clearSelection setCurrentIndex scrollToTop scrollToBottom reset edit",
    ),
    "QTableView": QtClass(
        base="QAbstractItemView",
        properties="showGrid gridStyle sortingEnabled wordWrap cornerButtonEnabled",
        methods="selectRow selectColumn hideRow showRow hideColumn showColumn "
        "resizeRowToContents resizeRowsToContents resizeColumnToContents resizeColumnsToContents "
        "setColumnWidth setRowHeight horizontalHeader verticalHeader",
    ),
    "QTableWidget": QtClass(
        base="QTableView",
        properties="rowCount columnCount",
        signals="cellDoubleClicked(int,int) cellClicked(int,int) cellPressed(int,int) "
        "cellActivated(int,int) cellEntered(int,int) cellChanged(int,int) itemSelectionChanged() "
        "currentCellChanged(int,int,int,int)",
        methods="item setItem takeItem insertRow insertColumn removeRow removeColumn clear "
        "clearContents setHorizontalHeaderLabels setVerticalHeaderLabels setCurrentCell currentRow "
        "currentColumn scrollToItem",
    ),
    "QTimer": QtClass(
        base="QObject",
        properties="singleShot interval timerType",
        fixed="remainingTime active",
        signals="timeout()",
        methods="start stop",
    ),
    "QSettings": QtClass(
        base="QObject",
        methods="value setValue contains remove beginGroup endGroup allKeys childKeys sync",
    ),
    "QTabWidget": QtClass(
        base="QWidget",
        properties="tabPosition tabShape currentIndex iconSize elideMode usesScrollButtons "
        "documentMode tabsClosable movable tabBarAutoHide",
        fixed="count",
        signals="currentChanged(int) tabBarClicked(int) tabBarDoubleClicked(int)",
        methods="setTabText tabText setTabToolTip setTabEnabled isTabEnabled widget "
        "setCurrentWidget",
    ),
    "ctkCollapsibleButton": QtClass(
        base="QAbstractButton",
        properties="collapsed collapsedHeight flat contentsFrameShape contentsFrameShadow "
        "contentsLineWidth contentsMidLineWidth buttonTextAlignment indicatorAlignment",
        signals="contentsCollapsed(bool)",
    ),
    "ctkSliderWidget": QtClass(
        base="QWidget",
        properties="decimals singleStep pageStep minimum maximum value prefix suffix tickInterval "
        "tickPosition synchronizeSiblings spinBoxAlignment tracking spinBoxVisible popupSlider "
        "invertedAppearance invertedControls",
        signals="valueChanged(double) valueIsChanging(double) decimalsChanged(int)",
        methods="reset setRange setValueProxy",
    ),
    "ctkPathLineEdit": QtClass(
        base="QWidget",
        properties="label filters currentPath options settingKey showBrowseButton "
        "showHistoryButton sizeAdjustPolicy minimumContentsLength nameFilters",
        signals="currentPathChanged(QString) validInputChanged(bool)",
        methods="browse retrieveHistory addCurrentPathToHistory setCurrentDirectory "
        "setCurrentFileExtension",
    ),
    "qMRMLNodeComboBox": QtClass(
        base="QWidget",
        properties="currentNodeID nodeTypes showHidden showChildNodeTypes hideChildNodeTypes "
        "baseName noneEnabled addEnabled removeEnabled editEnabled renameEnabled "
        "interactionNodeSingletonTag selectNodeUponCreation noneDisplay sizeAdjustPolicy",
        signals="currentNodeChanged(vtkMRMLNode*) currentNodeChanged(bool) "
        "currentNodeIDChanged(QString) nodeActivated(vtkMRMLNode*) nodeAdded(vtkMRMLNode*) "
        "nodeAddedByUser(vtkMRMLNode*) nodeAboutToBeRemoved(vtkMRMLNode*) "
        "currentNodeRenamed(QString) nodeAboutToBeEdited(vtkMRMLNode*)",
        methods="mrmlScene setMRMLScene currentNode setCurrentNode setCurrentNodeIndex nodeCount "
        "nodeFromIndex addNode removeCurrentNode editCurrentNode renameCurrentNode addAttribute "
        "removeAttribute setNodeTypeLabel nodeTypeLabel sortFilterProxyModel addMenuAction",
    ),
    "qMRMLSortFilterProxyModel": QtClass(
        base="QObject",
        properties="sceneModel nodeTypes showHidden hiddenNodeIDs visibleNodeIDs "
        "showChildNodeTypes hideChildNodeTypes hideNodesUnaffiliatedWithNodeID",
        methods="mrmlScene mrmlNodeFromIndex",
    ),
    "qMRMLCheckableNodeComboBox": QtClass(
        base="qMRMLNodeComboBox",
        signals="checkedNodesChanged()",
        methods="checkedNodes uncheckedNodes allChecked noneChecked checkState setCheckState "
        "setUserCheckable check uncheck",
    ),
    "qMRMLWidget": QtClass(
        base="QWidget",
        signals="mrmlSceneChanged(vtkMRMLScene*)",
        methods="mrmlScene setMRMLScene",
    ),
}


def lineage(name: str) -> list[QtClass]:
    """A class and those it is derived from, nearest first."""
    found = []
    while name:
        found.append(CLASSES[name])
        name = CLASSES[name].base
    return found


def writable(name: str) -> frozenset[str]:
    return frozenset(word for c in lineage(name) for word in c.properties.split())


def readable(name: str) -> frozenset[str]:
    own = frozenset(word for c in lineage(name) for word in c.fixed.split())
    return own | writable(name)


def signals(name: str) -> tuple[str, ...]:
    """Signatures; of overloads the first is the one that an attribute means."""
    return tuple(word for c in lineage(name) for word in c.signals.split())


def methods(name: str) -> frozenset[str]:
    """Without setters of properties."""
    return frozenset(word for c in lineage(name) for word in c.methods.split())
