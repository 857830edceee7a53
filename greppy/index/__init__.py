"""Walking, building, committing and reading indexes. Formats: `_core/store.pxd`, `segment.pxd`, `index.pxd`."""
