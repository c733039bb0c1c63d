"""Parts of the UniFuse module for 3D Slicer, one class per file.

Read in this order: `Widget` (what a click does) → `Logic` (the console API) → `Job` (one run: nodes
→ files → tool → files → nodes) → `Nodes` (the border between MRML and arrays) → `Display`,
`Overlay`, `LiveWarp` (what is seen).
Nothing in here imports torch: the network runs in a process of its own (`Process`).
"""
